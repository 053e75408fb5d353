/// A follower's or observer's side of Zab, from the end of the election to the end of its term.
///
/// The rule that eleven years of fixes came to (ZOOKEEPER-3023, 4643, 4646, 4685): the leader's history is durable,
/// then the epoch is stored, then NEWLEADER is acknowledged, then the proposals behind it, in the log's order. Here
/// each step is reached only through the one before. One instance is one term.
public struct LearnerMachine: Sendable {
    public enum Phase: Sendable, Equatable {
        case connecting
        /// Has named itself; waits for the leader's epoch.
        case discovery
        /// Has promised the epoch; waits to hear how its history becomes the leader's.
        case awaitingSynchronization
        /// Takes a snapshot.
        case receivingSnapshot
        /// Takes proposals and commits up to NEWLEADER.
        case synchronization
        /// Has NEWLEADER; what came before it is not all durable yet.
        case awaitingDurability
        /// Has acknowledged NEWLEADER; waits for UPTODATE.
        case awaitingStart
        /// Follows.
        case broadcast
        case ended
    }

    public let leader: ServerID
    public let isObserver: Bool
    public let limits: ZabLimits
    public private(set) var phase = Phase.connecting
    /// The leader's epoch, once it has been named.
    public private(set) var epoch: Int64 = 0
    private var promises: Promises
    /// The last transaction received (and so handed to the log), the last durable, the last acknowledged one by one.
    public private(set) var lastZxid: Int64
    private var durableZxid: Int64
    private var ackedZxid: Int64 = 0
    public private(set) var committedZxid: Int64 = 0
    /// Where NEWLEADER stood in the stream: all before must be durable before it is acknowledged.
    private var newLeaderMark: Int64 = 0
    private var lastHeardMillis: Int64
    /// When `tick` may find the leader gone. It lies no later than that, unless a shorter limit has come into force
    /// since the last `tick`.
    public private(set) var nextTickMillis: Int64
    private let mutations: Mutations

    /// - Parameter historyEnd: the last zxid of this server's own, durable log.
    public init(
        leader: ServerID, isObserver: Bool, limits: ZabLimits, promises: Promises, historyEnd: Int64, nowMillis: Int64,
        mutations: Mutations = []
    ) {
        self.leader = leader
        self.isObserver = isObserver
        self.limits = limits
        self.promises = promises
        self.mutations = mutations
        lastZxid = historyEnd
        durableZxid = historyEnd
        lastHeardMillis = nowMillis
        nextTickMillis = nowMillis + limits.initMillis + 1
    }

    private var epochStartZxid: Int64 { Zxid.make(epoch: epoch, counter: 0) }

    public mutating func connected(nowMillis: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .connecting else { return }
        phase = .discovery
        lastHeardMillis = nowMillis
        effects.append(.sendLearnerInfo(acceptedEpoch: promises.acceptedEpoch))
    }

    /// The connection has ended before the leader said anything; there will be another.
    public mutating func turnedAway() {
        if phase == .discovery { phase = .connecting }
    }

    // MARK: discovery

    /// LEADERINFO.
    public mutating func leaderInfo(epoch newEpoch: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .discovery else { return outOfTurn("LEADERINFO", &effects) }
        guard newEpoch >= promises.acceptedEpoch || mutations.contains(.staleEpochFollowed) else {
            abandon(
                "the leader's epoch \(newEpoch) is older than \(promises.acceptedEpoch), which was promised", &effects)
            return
        }
        epoch = newEpoch
        phase = .awaitingSynchronization
        if newEpoch > promises.acceptedEpoch {
            let current = promises.currentEpoch
            promises.acceptedEpoch = newEpoch
            if !mutations.contains(.zk1264) { effects.append(.storePromises(promises)) }
            effects.append(.sendEpochAck(currentEpoch: Int32(truncatingIfNeeded: current), lastZxid: lastZxid))
        } else {
            // Promised before, perhaps to another: this must not count as a promise to this leader.
            effects.append(.sendEpochAck(currentEpoch: -1, lastZxid: lastZxid))
        }
    }

    // MARK: synchronization

    /// DIFF: the leader's history continues this one. It is known to be committed up to `zxid`.
    public mutating func diff(zxid: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .awaitingSynchronization else { return outOfTurn("DIFF", &effects) }
        phase = .synchronization
        noteCommitted(min(zxid, lastZxid), &effects)
    }

    /// TRUNC: this history goes on where the leader's does not.
    public mutating func truncate(zxid: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .awaitingSynchronization else { return outOfTurn("TRUNC", &effects) }
        phase = .synchronization
        if zxid < lastZxid {
            effects.append(.truncate(to: zxid))
            lastZxid = zxid
            durableZxid = zxid
        }
        noteCommitted(min(zxid, lastZxid), &effects)
    }

    /// SNAP: this history is replaced.
    public mutating func snapshot(zxid: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .awaitingSynchronization else { return outOfTurn("SNAP", &effects) }
        phase = .receivingSnapshot
        effects.append(.receiveSnapshot(zxid: zxid))
    }

    /// The snapshot is whole, loaded and durable.
    public mutating func snapshotInstalled(zxid: Int64) {
        precondition(phase == .receivingSnapshot)
        phase = .synchronization
        lastZxid = zxid
        durableZxid = zxid
        committedZxid = zxid
    }

    // MARK: the stream

    /// Checks a proposal (or an observer's INFORM) before it is taken: nothing may be left out (ZOOKEEPER-4925, 2355).
    ///
    /// - Returns: false when it must not be taken; the term is over then.
    public mutating func proposal(zxid: Int64, _ effects: inout [ZabEffect]) -> Bool {
        switch phase {
        case .synchronization, .awaitingDurability, .awaitingStart, .broadcast: break
        default:
            outOfTurn("PROPOSAL", &effects)
            return false
        }
        let isNext = zxid == lastZxid + 1
        let beginsEpoch = Zxid.epoch(of: zxid) > Zxid.epoch(of: lastZxid) && Zxid.counter(of: zxid) == 1
        guard isNext || beginsEpoch || lastZxid == 0 || mutations.contains(.proposalGap) && zxid > lastZxid else {
            abandon("a gap: 0x\(String(zxid, radix: 16)) follows 0x\(String(lastZxid, radix: 16))", &effects)
            return false
        }
        lastZxid = zxid
        if mutations.contains(.zk4646) { durable(zxid, &effects) }
        return true
    }

    /// COMMIT (or INFORM).
    public mutating func commit(zxid: Int64, _ effects: inout [ZabEffect]) {
        switch phase {
        case .synchronization, .awaitingDurability, .awaitingStart, .broadcast: break
        default: return outOfTurn("COMMIT", &effects)
        }
        guard zxid <= lastZxid else {
            abandon("COMMIT of 0x\(String(zxid, radix: 16)), which was never proposed here", &effects)
            return
        }
        noteCommitted(zxid, &effects)
    }

    private mutating func noteCommitted(_ zxid: Int64, _ effects: inout [ZabEffect]) {
        guard zxid > committedZxid else { return }
        if mutations.contains(.zk4394), phase == .awaitingStart { return }
        committedZxid = zxid
        if case .commit = effects.last { effects.removeLast() }
        effects.append(.commit(upTo: zxid))
    }

    /// NEWLEADER: what came before it is the leader's history.
    public mutating func newLeader(zxid: Int64, _ effects: inout [ZabEffect]) {
        guard phase == .synchronization else { return outOfTurn("NEWLEADER", &effects) }
        guard zxid == epochStartZxid else {
            abandon("NEWLEADER names zxid 0x\(String(zxid, radix: 16)), the epoch is \(epoch)", &effects)
            return
        }
        phase = .awaitingDurability
        newLeaderMark = lastZxid
        if mutations.contains(.zk4643) {
            promises.currentEpoch = epoch
            effects.append(.storePromises(promises))
        }
        acknowledgeHistoryIfDurable(&effects)
    }

    /// Everything up to here is durable on this server.
    public mutating func durable(_ zxid: Int64, _ effects: inout [ZabEffect]) {
        if zxid > durableZxid { durableZxid = zxid }
        switch phase {
        case .awaitingDurability: acknowledgeHistoryIfDurable(&effects)
        case .awaitingStart, .broadcast: acknowledgeProposals(&effects)
        default: break
        }
    }

    private mutating func acknowledgeHistoryIfDurable(_ effects: inout [ZabEffect]) {
        guard durableZxid >= newLeaderMark || mutations.contains(.zk3023) else { return }
        phase = .awaitingStart
        promises.currentEpoch = epoch
        if !mutations.contains(.zk1291) { effects.append(.storePromises(promises)) }
        effects.append(.sendEpochStartAck(zxid: epochStartZxid))
        // What is committed already needs no acknowledgement of its own.
        ackedZxid = committedZxid
        acknowledgeProposals(&effects)
    }

    private mutating func acknowledgeProposals(_ effects: inout [ZabEffect]) {
        guard !isObserver, durableZxid > ackedZxid else { return }
        effects.append(.sendAcks(after: ackedZxid, upTo: durableZxid))
        ackedZxid = durableZxid
    }

    /// UPTODATE: a quorum holds the leader's history.
    public mutating func upToDate(_ effects: inout [ZabEffect]) {
        guard phase == .awaitingStart else { return outOfTurn("UPTODATE", &effects) }
        phase = .broadcast
        if mutations.contains(.zk1291) { effects.append(.storePromises(promises)) }
        effects.append(.sendEpochStartAck(zxid: epochStartZxid))
        effects.append(.follow(epoch: epoch))
    }

    // MARK: presence

    public mutating func heard(nowMillis: Int64) { lastHeardMillis = nowMillis }

    public mutating func linkClosed(_ reason: String, _ effects: inout [ZabEffect]) {
        guard phase != .ended else { return }
        abandon(reason, &effects)
    }

    public mutating func tick(nowMillis: Int64, _ effects: inout [ZabEffect]) {
        guard phase != .ended else { return }
        let limit = phase == .broadcast || phase == .awaitingStart ? limits.syncMillis : limits.initMillis
        if nowMillis - lastHeardMillis > limit {
            abandon("nothing from server \(leader) for \(nowMillis - lastHeardMillis) ms", &effects)
        }
        nextTickMillis = lastHeardMillis + limit + 1
    }

    private mutating func outOfTurn(_ packet: String, _ effects: inout [ZabEffect]) {
        guard phase != .ended else { return }
        abandon("\(packet) out of turn", &effects)
    }

    private mutating func abandon(_ reason: String, _ effects: inout [ZabEffect]) {
        phase = .ended
        effects.append(.abandon(reason: reason))
    }
}
