import CPlatform
import Foundation
import Logging
import ServerCore
import Transport
import TxnLog
import Zab

/// A server's membership in its ensemble: the replica, and the network between servers under it.
///
/// Reactor 0's thread only, once it runs.
final class EnsembleMembership: PeerEvents, @unchecked Sendable {
    let replica: Replica
    private let core: Core
    private let network: PeerBridge
    private let logger: Logger
    // Reactor 0 holds what leads here.
    private unowned let reactor: Reactor

    init(
        _ configuration: ServerConfiguration, _ ensemble: EnsembleConfiguration, core: Core, disk: LogDisk,
        epochs: EpochRecord, reactor: Reactor, end: ServerEnd,
        logger: Logger
    ) throws(ServerStartError) {
        self.core = core
        self.reactor = reactor
        self.logger = logger
        disk.core = core
        network = try PeerBridge.attach(
            to: reactor, settings: PeerSettings(ensemble), logger: logger)
        let quorum: QuorumRule
        do throws(QuorumRuleError) {
            quorum = try QuorumRule(
                voters: ensemble.voters, observers: ensemble.observers,
                groups: ensemble.groups.sorted { $0.key < $1.key }.map(\.value), weights: ensemble.weights)
        } catch {
            throw .cannotStart("the ensemble has no quorum: \(error)")
        }
        replica = Replica(
            configuration: ReplicaConfiguration(ensemble, quorum: quorum), core: core, network: network, disk: disk,
            epochs: epochs,
            fatal: { text in end.diskFailed(text) })
        replica.log = { [logger] notice in Self.log(notice, logger) }
        network.events = self
    }

    /// The reactor runs no more: nobody is told of anything.
    func detach() { network.events = nil }

    // MARK: turns

    func tick() {
        replica.tick()
        rearm()
    }

    func endTurn() {
        replica.endTurn()
        rearm()
    }

    private func rearm() {
        guard let millis = replica.nextDeadlineMillis else { return }
        reactor.deadlineNanos = UInt64(max(0, millis)) * 1_000_000
    }

    // MARK: events

    func electionMessage(_ bytes: UnsafeRawBufferPointer, from server: ServerID) {
        replica.electionMessage(bytes, from: server)
    }

    func electionLinkUp(_ server: ServerID) { replica.electionLinkUp(server) }

    func electionLinkDown(_ server: ServerID) { replica.electionLinkDown(server) }

    func peerProblem(_ problem: ReplicationProblem, of server: ServerID) {
        replica.peerProblem(problem, of: server)
    }

    func peerInOrder(_ server: ServerID) { replica.peerInOrder(server) }

    func learnerConnected(_ link: any PeerLink) {
        guard let id = replica.learnerConnected(link) else { return link.close() }
        quorumLink(link).name = id
    }

    func linkReceived(_ bytes: UnsafeRawBufferPointer, from link: any PeerLink) -> Int {
        let quorum = quorumLink(link)
        if quorum.isLearner { return replica.received(bytes, fromLearner: quorum.name) }
        return replica.isEstablished ? replica.received(bytes, fromLeader: link) : catchUp(bytes, link)
    }

    /// Takes what the leader sends a server that catches up: nobody waits for it here, but others of this machine may
    /// wait for the processor.
    private func catchUp(_ bytes: UnsafeRawBufferPointer, _ link: any PeerLink) -> Int {
        var used = 0
        var size = Self.catchUpBytes
        while used < bytes.count {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[used..<min(used + size, bytes.count)])
            let taken = replica.received(piece, fromLeader: link)
            used += taken
            if taken == 0 {
                guard piece.count < bytes.count - used else { break }
                size *= 2
            } else {
                size = Self.catchUpBytes
            }
            corral_give_way()
        }
        return used
    }

    private static let catchUpBytes = 32 << 10

    func linkClosed(_ link: any PeerLink, reason: String) {
        let quorum = quorumLink(link)
        if quorum.isLearner {
            replica.learnerLost(quorum.name, reason: reason)
        } else {
            replica.leaderLost(link, reason: reason)
        }
    }

    func linkDrained(_ link: any PeerLink) {
        let quorum = quorumLink(link)
        if quorum.isLearner { replica.learnerDrained(quorum.name) }
    }

    func leaderConnected(_ link: any PeerLink, to server: ServerID) { replica.leaderConnected(link, server) }

    func leaderTurnedAway(_ link: any PeerLink) { replica.leaderTurnedAway(link) }

    func leaderConnectFailed(_ server: ServerID, reason: String) {
        replica.leaderConnectFailed(server, reason: reason)
    }

    /// Every link here is one that the quorum network has made.
    private func quorumLink(_ link: any PeerLink) -> QuorumLink {
        unsafeDowncast(link, to: QuorumLink.self)
    }

    // MARK: log lines

    private static func hex(_ zxid: Int64) -> String { "0x\(String(zxid, radix: 16))" }

    private static func log(_ notice: ReplicaNotice, _ logger: Logger) {
        switch notice {
        case .electing(let zxid, let epoch):
            logger.info("looking for a leader", metadata: ["zxid": "\(hex(zxid))", "epoch": "\(epoch)"])
        case .elected(let leader, let millis):
            logger.info("elected", metadata: ["leader": "\(leader)", "millis": "\(millis)"])
        case .leading(let epoch): logger.info("leading", metadata: ["epoch": "\(epoch)"])
        case .following(let leader, let epoch):
            logger.info("following", metadata: ["leader": "\(leader)", "epoch": "\(epoch)"])
        case .termEnded(let reason): logger.warning("the term has ended", metadata: ["reason": "\(reason)"])
        case .servingStopped: logger.warning("not serving clients until there is a leader")
        case .learnerJoined(let id, let how, let zxid):
            logger.info(
                "synchronizing a learner", metadata: ["server": "\(id)", "by": "\(how)", "from": "\(hex(zxid))"])
        case .learnerSynchronized(let id): logger.info("a learner is in step", metadata: ["server": "\(id)"])
        case .learnerLost(let id, let reason):
            logger.warning(
                "a learner is gone", metadata: ["server": "\(id.map(String.init) ?? "unknown")", "reason": "\(reason)"])
        case .truncating(let to, let from):
            logger.warning(
                "the log is cut: its end was never committed", metadata: ["from": "\(hex(from))", "to": "\(hex(to))"])
        case .receivingSnapshot(let zxid):
            logger.info("taking a snapshot from the leader", metadata: ["zxid": "\(hex(zxid))"])
        case .digestMismatch(let zxid, let promised, let found):
            logger.error(
                "this server's tree differs from the leader's: it stops serving and synchronizes anew",
                metadata: [
                    "zxid": "\(hex(zxid))", "leader": "\(String(promised, radix: 16))",
                    "here": "\(String(found, radix: 16))",
                ])
        case .refused(let text): logger.warning("\(text)")
        }
    }
}

extension ReplicaConfiguration {
    /// What the configuration file says of replication.
    init(_ ensemble: EnsembleConfiguration, quorum: QuorumRule) {
        self.init(
            myId: ensemble.myID, quorum: quorum, isObserver: ensemble.role == .observer,
            limits: ZabLimits(
                tickMillis: Int64(ensemble.tickTimeMillis), initLimitTicks: Int64(ensemble.initLimitTicks),
                syncLimitTicks: Int64(ensemble.syncLimitTicks)),
            members: Zab.EnsembleConfiguration(ensemble))
        leaderServes = ensemble.leaderServes
        election.minimumResendMillis = Int64(ensemble.minimumNotificationIntervalMillis)
        election.maximumResendMillis = Int64(ensemble.maximumNotificationIntervalMillis)
    }
}

extension Zab.EnsembleConfiguration {
    /// The member list as notifications carry it: what the configuration file says, never another version.
    init(_ ensemble: EnsembleConfiguration) {
        let members = ensemble.members.map { member in
            EnsembleMember(
                id: member.id,
                addresses: member.addresses.map { "\($0.host):\($0.quorumPort):\($0.electionPort)" }.joined(
                    separator: "|"),
                isObserver: member.role == .observer,
                clientAddress: member.client.map { "\($0.host):\($0.port)" })
        }
        self.init(members: members, groups: ensemble.groups, weights: ensemble.weights)
    }
}
