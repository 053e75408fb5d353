import DataTree
import Jute
import TxnLog
import Zab
import ZooKeeperProtocol

/// One server of an ensemble: joins Zab's machines to the core, the disk and the network.
///
/// Sans-I/O: events come in as calls on the core's thread; effects leave through `PeerNetwork`, `PeerLink`,
/// `ReplicaDisk` and the core, in order. The machines decide; this carries out, and holds the bytes they know nothing
/// of. At any time it has one election, one leader's term or one learner's term, and nothing of a term outlives it.
public final class Replica {
    public let configuration: ReplicaConfiguration
    public let core: Core
    let network: any PeerNetwork
    let disk: any ReplicaDisk
    /// Told what an operator should know.
    public var log: ((ReplicaNotice) -> Void)?
    /// A disk failed: the process must end. Does not return in a server; the simulator's marks the server dead.
    let fatal: (String) -> Void

    // The term. At most one of the three is there; none before `start`.
    var election: Election
    var electionEffects: [ElectionEffect] = []
    @exclusivity(unchecked) var leader: LeaderMachine?
    @exclusivity(unchecked) var learner: LearnerMachine?
    @exclusivity(unchecked) var effects: [ZabEffect] = []
    /// The time at the beginning of what is being taken.
    @exclusivity(unchecked) var turnMillis: Int64 = 0
    private var isPerforming = false
    /// Set when a term must end; carried out when the event in hand has been.
    private var endOfTerm: String?

    // What is on the disk.
    public internal(set) var promises: Promises
    /// The last transaction that is durable here.
    public internal(set) var loggedZxid: Int64
    /// Everything up to here is committed, as far as this server knows.
    public internal(set) var committedZxid: Int64
    var recent: RecentTxns

    // A leader's.
    @exclusivity(unchecked) var links: [LinkID: LearnerLink] = [:]
    private var lastLinkId: LinkID = 0
    var overflowing: [LinkID] = []
    /// COMMITs (and INFORMs) have gone out up to here.
    var announcedZxid: Int64 = 0
    /// Rounds of pings that syncs wait for: begun, sent, answered by a quorum.
    var openRound = 0
    var sentRound = 0
    var confirmedRound = 0
    /// A quorum, this server among it, has everything up to here durable; commits that stand behind a learner's sync
    /// are announced after its answer.
    var quorumZxid: Int64 = 0
    /// Learners' syncs that are not answered, in the order they came.
    var learnerSyncs: [LearnerSync] = []
    var epochFloor: Int64 = 0
    var pace = CatchUpPace()
    /// When learners that catch up are to be fed again, after the pace has held them back.
    var feedAtMillis: Int64?
    /// Which of the learners that catch up has the first turn, modulo their number.
    var firstToFeed = 0
    var proposalSizes = SizeSummary()

    // A learner's.
    var upstream: (any PeerLink)?
    @exclusivity(unchecked) var toLeader = WireBuffer()
    var installation: SnapshotInstallation?
    /// A snapshot has taken the tree's place, and the history that follows it is not here as a whole yet: on the disk
    /// the old history may still be the one that counts.
    var isHistoryPartial = false
    /// Sessions whose syncs the leader has not answered, in the order asked.
    var unansweredSyncs: [Int64] = []
    /// Sessions with an answered sync that waits for its transactions to be applied.
    var readySyncs: [Int64] = []
    var revalidating: [Int64: Revalidating] = [:]
    /// This tree does not stand for its log: only a snapshot of the leader's can help.
    var needsSnapshot = false
    var isReadingPaused = false

    // Clients that came while nobody was served.
    var held: [HeldHandshake] = []

    /// What other servers' member lists say otherwise.
    var disagreements: [ServerID: String] = [:]

    /// The epoch of the history with which each server last voted for itself; whose claims have been told.
    var claimedEpochs: [ServerID: Int64] = [:]
    var toldClaims: [ServerID: Int64] = [:]
    /// The leader whose epoch was last found to be older than this server's history.
    var staleLeader: (id: ServerID, epoch: Int64)?
    /// A leader that lacks what this server must not forget, and its epoch.
    var lackingLeader: (id: ServerID, epoch: Int64)?

    // For reports.
    /// What an operator has to put right.
    var problems: [ReplicationProblem.Kind: ReplicationProblem] = [:]
    /// Of each kind the one seen last.
    var sightings: [ReplicationProblem.Kind: Sighting] = [:]
    /// Whether the log has said since the last leader who is missed.
    var hasToldMajority = false
    var electionStartMillis: Int64 = 0
    var termStartMillis: Int64 = 0
    /// When this server found the leader of its term.
    var termFoundMillis: Int64 = 0
    var replicationStatistics = ReplicationStatistics()
    var syncMode = ReplicationReport.SyncMode.none

    /// - Parameters:
    ///   - epochs: as loaded from the disk, not older than the log.
    ///   - fatal: called when the disk fails.
    public init(
        configuration: ReplicaConfiguration, core: Core, network: any PeerNetwork, disk: any ReplicaDisk,
        epochs: EpochRecord, fatal: @escaping (String) -> Void
    ) {
        self.configuration = configuration
        self.core = core
        self.network = network
        self.disk = disk
        self.fatal = fatal
        election = Election(
            id: configuration.myId, rule: configuration.quorum, options: configuration.election,
            mutations: configuration.mutations)
        promises = Promises(acceptedEpoch: epochs.accepted, currentEpoch: epochs.current)
        loggedZxid = core.tree.lastProcessedZxid
        committedZxid = epochs.committedZxid
        storedCommit = epochs.committedZxid
        recent = RecentTxns(startZxid: core.tree.lastProcessedZxid, bytesMax: configuration.recentTxnBytesMax)
        core.replica = self
        core.role = .electing
        publishMembers()
    }

    var nowMillis: Int64 { core.nowMillis }
    var mutations: Mutations { configuration.mutations }

    /// Whether a term is under way in which this server may serve: everything it applies is committed.
    public var isEstablished: Bool { leader?.phase == .broadcast || learner?.phase == .broadcast }

    // MARK: events

    /// Begins to look for a leader.
    public func start() {
        beginElection()
        settle()
    }

    /// The passing of time. `nextDeadlineMillis` says when it is needed next.
    public func tick() {
        let now = nowMillis
        tickElection(now)
        leader?.tick(nowMillis: now, &effects)
        learner?.tick(nowMillis: now, &effects)
        dropLateHandshakes(now)
        settle()
    }

    /// The core's log reports.
    func logged(upTo zxid: Int64) {
        if zxid > loggedZxid { loggedZxid = zxid }
        leader?.durable(loggedZxid)
        learner?.durable(loggedZxid, &effects)
        perform()
        if isEstablished || learner != nil {
            core.applyCommitted(upTo: mutations.contains(.zk1549) ? .max : committedZxid)
        }
        answerReadySyncs()
        resumeReadingIfPossible()
    }

    /// A turn ends: commits are counted, learners that catch up are fed, everything is sent.
    public func endTurn() {
        leader?.advance(&effects)
        perform()
        if leader != nil { endLeaderTurn() }
        settle()
        flushToLeader()
    }

    // MARK: effects

    /// Carries out what the machines want, in order.
    func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !effects.isEmpty {
            let batch = effects
            effects.removeAll(keepingCapacity: true)
            for effect in batch {
                // What a term wanted after its end is not wanted any more (ZOOKEEPER-4409, 4712).
                guard endOfTerm == nil else { break }
                perform(effect)
            }
        }
    }

    private func perform(_ effect: ZabEffect) {
        switch effect {
        case .storePromises(let promises): store(promises)
        case .sendLeaderInfo(let link, let epoch): links[link]?.output.appendLeaderInfo(newEpoch: epoch)
        case .synchronize(let link, let zxid, let isObserver): synchronize(link, zxid, isObserver)
        case .sendUpToDate(let link): sendUpToDate(link)
        case .closeLink(let link, let reason): closeLink(link, reason)
        case .ping: pingLearners()
        case .lead(let epoch): lead(epoch)
        case .sendLearnerInfo(let epoch): sendLearnerInfo(epoch)
        case .sendEpochAck(let current, let zxid):
            toLeader.appendAckEpoch(
                lastZxid: needsSnapshot ? -1 : zxid,
                currentEpoch: current == -1 ? nil : Int64(UInt32(bitPattern: current)))
        case .truncate(let zxid): truncate(to: zxid)
        case .receiveSnapshot(let zxid): beginReceivingSnapshot(zxid)
        case .sendEpochStartAck(let zxid):
            isHistoryPartial = false
            toLeader.appendPacket(.ack, zxid: zxid)
        case .sendAcks(let after, let upTo): sendAcks(after: after, upTo: upTo)
        case .follow(let epoch): follow(epoch)
        case .commit(let zxid): leader != nil ? quorumReached(zxid) : learnCommit(zxid)
        case .abandon(let reason): endOfTerm = reason
        }
    }

    /// Ends the term if something has asked for it. Not within an event's own loops: their links would go under them.
    func settle() {
        perform()
        while let reason = endOfTerm {
            endOfTerm = nil
            log?(.termEnded(reason: reason))
            endTerm()
            beginElection()
            perform()
        }
    }

    /// Asks for the end of the term.
    func abandonTerm(_ reason: String) {
        if endOfTerm == nil { endOfTerm = reason }
    }

    var isEnding: Bool { endOfTerm != nil }

    // MARK: disk

    func store(_ promises: Promises) {
        self.promises = promises
        let established = isEstablished ? committedZxid : nil
        storedCommit = max(storedCommit, established ?? 0)
        attempt { () throws(DiskError) in
            try disk.store(
                EpochRecord(
                    accepted: promises.acceptedEpoch, current: promises.currentEpoch, committedZxid: storedCommit))
        }
    }

    /// The commit point on the disk: a lower bound of what is committed.
    private(set) var storedCommit: Int64 = 0

    /// Writes how far history is committed, when it is known for certain and cheap: at snapshots and at the end.
    public func storeCommitPoint() {
        guard isEstablished, committedZxid > storedCommit else { return }
        store(promises)
    }

    func attempt(_ work: () throws(DiskError) -> Void) {
        do throws(DiskError) { try work() } catch { fatal("\(error)") }
    }

    func attempt<Result>(_ work: () throws(DiskError) -> Result?) -> Result? {
        do throws(DiskError) { return try work() } catch {
            fatal("\(error)")
            return nil
        }
    }

    /// By age: what goes out must not depend on a hash's order.
    var orderedLinks: [LearnerLink] { links.values.sorted { $0.id < $1.id } }

    func nextLink() -> LinkID {
        lastLinkId += 1
        return lastLinkId
    }

    // MARK: terms

    private func endTerm() {
        let hadRole = core.role != .electing
        if leader != nil {
            epochFloor = max(epochFloor, leader!.seenEpoch)
            network.setAcceptsLearners(false)
            for link in orderedLinks { link.close() }
            links.removeAll()
        }
        leader = nil
        learner = nil
        upstream?.close()
        upstream = nil
        network.cancelConnect()
        toLeader.removeAll()
        let abandoned = installation
        installation?.abandon()
        installation = nil
        learnerSyncs.removeAll()
        feedAtMillis = nil
        unansweredSyncs.removeAll()
        readySyncs.removeAll()
        for (_, waiting) in revalidating.sorted(by: { $0.key < $1.key }) { core.disconnect(waiting.connection) }
        revalidating.removeAll()
        isReadingPaused = false
        effects.removeAll()
        proposalSizes = SizeSummary()
        if hadRole { log?(.servingStopped) }
        // The log's hands are emptied first: the term's last batches are durable then, or were never submitted.
        attempt { () throws(DiskError) in try disk.quiesce() }
        core.stopServing()
        if let abandoned {
            if mutations.contains(.zk3642) {
                loggedZxid = abandoned.zxid
            } else {
                // Half a snapshot has taken the tree's place; the disk still has the old history.
                reloadTree()
            }
        } else if isHistoryPartial {
            reloadTree()
        }
        isHistoryPartial = false
        if let last = core.awaiting.last { loggedZxid = max(loggedZxid, last.batch.lastZxid) }
    }

    /// The log reports nothing between the end of a term and the next: `quiesce` has emptied it.
    func lead(_ epoch: Int64) {
        guard let leader else { return }
        committedZxid = max(committedZxid, loggedZxid)
        if mutations.contains(.zk2845b) { core.dropAwaiting(after: core.tree.lastProcessedZxid) }
        core.applyCommitted(upTo: .max)
        if let found = treeProblem() {
            needsSnapshot = true
            return abandonTerm(found)
        }
        announcedZxid = leader.epochStartZxid
        quorumZxid = announcedZxid
        core.startLeading(epochStartZxid: leader.epochStartZxid)
        termStartMillis = nowMillis
        noteEstablished(epoch: epoch)
        forgetMajority()
        problems[.foreignData] = nil
        staleLeader = nil
        lackingLeader = nil
        log?(.leading(epoch: epoch))
        releaseHeld()
    }

    func follow(_ epoch: Int64) {
        // What it was sent while it synchronized may lie on a tree that never was the leader's.
        guard core.keepsLastPromise() else { return }
        core.startFollowing()
        termStartMillis = nowMillis
        replicationStatistics.synchronized(
            isObserver: configuration.isObserver, millis: nowMillis - termFoundMillis)
        noteEstablished(epoch: epoch)
        forgetMajority()
        problems[.digestMismatch] = nil
        problems[.foreignData] = nil
        staleLeader = nil
        lackingLeader = nil
        log?(.following(leader: learner?.leader ?? -1, epoch: epoch))
        releaseHeld()
    }

    /// Puts the member list where clients read it, `/zookeeper/config`. It is each server's own, in no log and no
    /// digest.
    func publishMembers() {
        configuration.memberListText.withUnsafeBytes {
            core.tree.setConfiguration($0, wallMillis: core.clock.wallMillis())
        }
    }

    // MARK: digest

    private func treeProblem() -> String? { needsSnapshot ? "this server's tree differs from its log's digests" : nil }

    /// The tree is not what the transaction said it would be. Nobody must read it any more.
    func digestDiffers(at zxid: Int64, promised: UInt64, found: UInt64) {
        let text =
            "digest mismatch at zxid 0x\(String(zxid, radix: 16)): 0x\(String(found, radix: 16)) here, "
            + "0x\(String(promised, radix: 16)) at the leader"
        note(.digestMismatch(zxid: zxid))
        log?(.digestMismatch(zxid: zxid, promised: promised, found: found))
        needsSnapshot = true
        abandonTerm(text)
    }

    func note(_ problem: ReplicationProblem) { problems[problem.kind] = problem }

    // MARK: batches

    func keepRecent(_ batch: TxnBatch) {
        guard batch.count > 0 else { return core.recycle(batch) }
        if mutations.contains(.zk4925), let learner, learner.phase == .awaitingStart { return core.recycle(batch) }
        var needed = Int64.max
        for link in links.values where link.isCatchingUp && link.position >= recent.startZxid {
            needed = min(needed, link.position)
        }
        for gone in recent.add(batch, needed: needed) { core.recycle(gone) }
    }
}

/// What an operator should know of replication.
public enum ReplicaNotice: Sendable {
    case electing(zxid: Int64, epoch: Int64)
    case elected(leader: ServerID, millis: Int64)
    case leading(epoch: Int64)
    case following(leader: ServerID, epoch: Int64)
    case termEnded(reason: String)
    case servingStopped
    case learnerJoined(ServerID, how: String, zxid: Int64)
    case learnerSynchronized(ServerID)
    case learnerLost(ServerID?, reason: String)
    case truncating(to: Int64, from: Int64)
    case receivingSnapshot(zxid: Int64)
    case digestMismatch(zxid: Int64, promised: UInt64, found: UInt64)
    case refused(String)
}
