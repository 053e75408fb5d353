import DataTree
import RequestQueue
import ServerCore
import TxnLog
import Zab

/// A member of an ensemble: the production replica between simulated seams.
final class ReplicatedProcess: ServerProcess {
    private let server: SimulatedServer
    private let core: Core
    private let replica: Replica
    private let clients: ClientPort
    private let quorum: QuorumPort
    private var deadlineMillis: Int64 = .max

    init(_ server: SimulatedServer, _ ensemble: EnsembleSettings) throws {
        self.server = server
        let configuration = server.settings.core
        let seed = server.dice.next()
        let state = RecoveredState(
            DataTree(
                digestEnabled: configuration.treeDigestEnabled,
                extendedTypesEnabled: configuration.extendedTypesEnabled, seed: seed))
        let recovered = RecoveryTap(state)
        let disk = server.disk
        let directory = SimulatedDisk.directory
        try disk.disk.createDirectory(directory)
        let epochs = try EpochStore(disk: disk.disk, directory: directory)
        let index = LogIndex()
        let result = try Recovery(committedZxid: epochs.record.committedZxid, index: index).run(
            disk: disk.disk, logDirectory: directory, snapshotDirectory: directory, visitor: recovered)
        server.log = recovered.log
        if result.isNewDatabase {
            let task = try SnapshotTask(
                disk: disk.disk, directory: directory, tree: state.tree, zxid: 0, sessions: [], isNamedAtEnd: false)
            while !(try task.step(nodes: 64)) {}
        }
        let writer = disk.openLog(lastZxid: result.lastZxid, index: index)
        try epochs.reconcile(lastZxid: result.lastZxid)
        let files = ReplicaFiles(
            disk: disk.disk, logDirectory: directory, snapshotDirectory: directory, epochs: epochs, writer: writer,
            index: index, sections: SnapshotReceiver.Sections())
        let tap = ReplicaDiskTap(server, files)
        core = Core(
            configuration: configuration, tree: state.tree, lock: ReaderLock(slots: 1),
            registry: ConnectionRegistry(), clock: server.clock, log: tap, random: server.dice.split(),
            recoveredSessions: state.sortedSessions)
        clients = ClientPort(front: Front(core: core), server: server)
        quorum = QuorumPort(server)
        var replication = ReplicaConfiguration(
            myId: ServerID(server.id), quorum: ensemble.quorumOf?(ServerID(server.id)) ?? ensemble.quorum,
            isObserver: ensemble.observers.contains(ServerID(server.id)), limits: ensemble.limits, members: nil)
        replication.recentTxnBytesMax = ensemble.recentBytesMax
        replication.mutations = ensemble.mutations
        let life = server.life
        replica = Replica(
            configuration: replication, core: core, network: quorum, disk: tap, epochs: epochs.record
        ) { [unowned server] reason in
            if server.life == life { server.die(losesPower: server.disk.losesPowerAtFailure, reason) }
        }
        replica.log = { [unowned server] notice in
            ensemble.noted(server, notice)
            server.world.say("server \(server.id): \(notice)")
        }
    }

    var tree: DataTree { core.tree }

    var inspection: Inspection {
        let now = replica.inspection
        let role: Inspection.Role =
            switch now.state {
            case .looking: .electing
            case .leading: .leading
            case .following, .observing: .learning
            }
        return Inspection(
            role: role, isEstablished: now.isEstablished, epoch: now.epoch, appliedZxid: now.appliedZxid,
            digest: now.digest)
    }

    func start() { replica.start() }

    func turn(_ action: () -> Void) {
        clients.front.beginTurn(nanos: server.clock.monotonicNanos())
        action()
        clients.front.endTurn()
        if server.isRunning { replica.endTurn() }
        core.flushRemoteFronts()
        rearm()
    }

    /// The replica names the time at which it wants to be called next.
    private func rearm() {
        guard server.isRunning, let millis = replica.nextDeadlineMillis, millis != deadlineMillis else { return }
        deadlineMillis = millis
        let wait = max(0, millis - Int64(server.clock.monotonicNanos() / 1_000_000)) + 1
        let life = server.life
        // A weak reference would make every other one to the process slow.
        server.world.after(UInt64(wait) * Span.millisecond) { [server] in
            guard server.life == life, let process = server.process as? ReplicatedProcess else { return }
            guard process.deadlineMillis == millis else { return }
            process.deadlineMillis = .max
            server.perform { if server.life == life { process.replica.tick() } }
        }
    }

    func tick() {
        core.tick()
        replica.tick()
        clients.front.tick()
    }

    func batchesDurable(_ batches: [TxnBatch]) {
        for batch in batches { core.durable(batch) }
    }

    func snapshotFinished() { core.snapshotFinished() }

    // MARK: network

    func listens(_ service: Service) -> Bool {
        switch service {
        case .clients: true
        case .quorum: quorum.acceptsLearners
        }
    }

    func accept(_ end: StreamEnd, _ service: Service, from host: Int) {
        switch service {
        case .clients: clients.accept(end)
        case .quorum:
            let link = SimulatedPeerLink(end, server)
            guard let name = replica.learnerConnected(link) else { return end.close(losesUnsent: true) }
            link.name = name
            quorum.links[end.id] = link
            end.owner = server
        }
    }

    func leaderDialled(_ end: StreamEnd?, _ target: ServerID) {
        guard let end else { return replica.leaderConnectFailed(target, reason: "no answer") }
        let link = SimulatedPeerLink(end, server)
        quorum.links[end.id] = link
        end.owner = server
        replica.leaderConnected(link, target)
    }

    func received(_ bytes: UnsafeRawBufferPointer, on end: StreamEnd) -> Int {
        if let used = clients.received(bytes, on: end) { return used }
        guard let link = quorum.links[end.id] else { return bytes.count }
        if let name = link.name { return replica.received(bytes, fromLearner: name) }
        return replica.received(bytes, fromLeader: link)
    }

    func ended(_ end: StreamEnd) {
        guard let link = quorum.links.removeValue(forKey: end.id) else { return clients.ended(end) }
        guard !link.isClosed else { return }
        if let name = link.name {
            replica.learnerLost(name, reason: "connection lost")
        } else {
            replica.leaderLost(link, reason: "connection lost")
        }
    }

    func drained(_ end: StreamEnd) {
        if let link = quorum.links[end.id], let name = link.name { replica.learnerDrained(name) }
        end.receiveAgain()
    }

    func electionMessage(_ bytes: [UInt8], from server: Int) {
        bytes.withUnsafeBytes { replica.electionMessage($0, from: ServerID(server)) }
    }

    func electionLinkUp(_ server: Int) { replica.electionLinkUp(ServerID(server)) }
    func electionLinkDown(_ server: Int) { replica.electionLinkDown(ServerID(server)) }

    func dismantle() {
        clients.dismantle()
        quorum.links.removeAll()
        replica.log = nil
    }
}

/// What the servers of one ensemble have in common.
struct EnsembleSettings {
    var quorum: QuorumRule
    /// A rule of each server's own, where a mistake is to be made.
    var quorumOf: ((ServerID) -> QuorumRule?)?
    var observers: [ServerID]
    var limits: ZabLimits
    var recentBytesMax: Int
    var mutations: Mutations
    /// Told what the replicas tell their operators.
    var noted: (SimulatedServer, ReplicaNotice) -> Void
}

/// A server's side of the network between servers.
final class QuorumPort: PeerNetwork {
    private unowned let server: SimulatedServer
    private(set) var acceptsLearners = false
    /// By the number of the stream. Looked up only.
    var links: [Int: SimulatedPeerLink] = [:]
    /// Raised with every attempt; an older one's outcome is dropped.
    private var attempt = 0

    init(_ server: SimulatedServer) { self.server = server }

    func sendElectionMessage(_ bytes: [UInt8], to target: ServerID) {
        guard server.isRunning else { return }
        server.network.sendElection(bytes, from: server.host, to: Int(target) - 1)
    }

    func connectToLeader(_ target: ServerID) {
        guard server.isRunning else { return }
        attempt += 1
        let current = attempt
        server.network.dial(from: server.host, to: Int(target) - 1, .quorum, owner: server) { [weak self] end in
            guard let self, attempt == current, let process = server.process as? ReplicatedProcess else {
                end?.close(losesUnsent: true)
                return
            }
            process.leaderDialled(end, target)
        }
    }

    func cancelConnect() { attempt += 1 }

    func setAcceptsLearners(_ accepts: Bool) { acceptsLearners = accepts }
}

/// One end of a connection between a leader and a learner.
final class SimulatedPeerLink: PeerLink {
    private let end: StreamEnd
    private unowned let server: SimulatedServer
    /// Under which the replica knows a learner; nil for its own connection to the leader.
    var name: LinkID?
    private(set) var isClosed = false

    init(_ end: StreamEnd, _ server: SimulatedServer) {
        self.end = end
        self.server = server
    }

    func send(_ bytes: UnsafeRawBufferPointer) {
        if server.isRunning, !isClosed { end.send(bytes) }
    }

    var unsentBytes: Int { end.unsentBytes }
    func notifyWhenDrained() { end.notifyWhenDrained() }
    func pauseReading() { end.pauseReading() }
    func resumeReading() { end.resumeReading() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        if server.isRunning { end.close(losesUnsent: server.dice.chance(0.5)) }
    }

    var peerDescription: String { "server \((end.other?.host ?? -1) + 1)" }
}
