/// A leader's side of Zab, from the end of the election to the end of its term: discovery, synchronization, broadcast.
///
/// It knows zxids and epochs, not transactions: whoever executes its effects holds the bytes. One instance is one term
/// (ZOOKEEPER-4712: nothing of a term outlives it).
public struct LeaderMachine: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Gathers a quorum that has promised to follow no older epoch.
        case discovery
        /// Learners take over this server's history.
        case synchronization
        /// A quorum has it; proposals are taken.
        case broadcast
        case ended
    }

    struct Learner: Sendable {
        var id: ServerID
        var isVoter: Bool
        var isObserver: Bool
        /// Its history's end, once it has acknowledged the epoch.
        var lastZxid: Int64?
        /// Whether it holds this leader's history, durable, under this epoch.
        var hasAcceptedHistory = false
        /// Everything up to here is durable there.
        var ackedZxid: Int64 = 0
        var lastHeardMillis: Int64
    }

    public let myId: ServerID
    public let quorum: QuorumRule
    public let limits: ZabLimits
    public private(set) var phase = Phase.discovery
    public private(set) var epoch: Int64
    private var promises: Promises
    /// The end of this server's own history when the term began.
    private let historyEnd: Int64
    private(set) var learners: [LinkID: Learner] = [:]
    /// Voters that have named their epochs, that have acknowledged the new one, and that hold the history.
    private var connecting: Set<ServerID> = []
    private var promised: Set<ServerID> = []
    private var synchronized: Set<ServerID> = []
    /// The newest epoch that any voter is known to have promised: the next term's must be newer.
    public private(set) var seenEpoch: Int64 = 0
    private let startMillis: Int64
    private var nextPingMillis: Int64
    /// Durable here.
    private var ownZxid: Int64
    public private(set) var lastProposedZxid: Int64
    public private(set) var committedZxid: Int64
    private let mutations: Mutations

    /// - Parameters:
    ///   - historyEnd: the last zxid of this server's own, durable log.
    ///   - epochFloor: epochs known to have been promised elsewhere; the new one will be greater.
    public init(
        myId: ServerID, quorum: QuorumRule, limits: ZabLimits, promises: Promises, historyEnd: Int64,
        epochFloor: Int64, nowMillis: Int64, mutations: Mutations = []
    ) {
        self.myId = myId
        self.quorum = quorum
        self.limits = limits
        self.promises = promises
        self.historyEnd = historyEnd
        self.mutations = mutations
        epoch = max(promises.acceptedEpoch, epochFloor) + 1
        startMillis = nowMillis
        nextPingMillis = nowMillis
        ownZxid = historyEnd
        lastProposedZxid = historyEnd
        committedZxid = 0
    }

    /// The first zxid of the epoch, which no transaction has.
    public var epochStartZxid: Int64 { Zxid.make(epoch: epoch, counter: 0) }

    /// The term begins. Alone in the quorum, it is established at once.
    public mutating func start(_ effects: inout [ZabEffect]) {
        connecting.insert(myId)
        chooseEpochIfPossible(&effects)
    }

    // MARK: discovery

    /// A learner names itself and the newest epoch it has promised.
    public mutating func learnerInfo(
        _ link: LinkID, id: ServerID, isObserver: Bool, acceptedEpoch: Int64, nowMillis: Int64,
        _ effects: inout [ZabEffect]
    ) {
        guard phase != .ended else { return }
        if !isObserver { seenEpoch = max(seenEpoch, acceptedEpoch) }
        if id == myId {
            effects.append(.closeLink(link, reason: "it claims to be server \(id), which is this one"))
            return
        }
        // A reconnected learner's old connection is dead, though the network has not said so yet.
        for (old, learner) in learners.sorted(by: { $0.key < $1.key }) where learner.id == id {
            learners[old] = nil
            effects.append(.closeLink(old, reason: "server \(id) has connected anew"))
        }
        let isVoter = !isObserver && quorum.isVoter(id)
        learners[link] = Learner(id: id, isVoter: isVoter, isObserver: isObserver, lastHeardMillis: nowMillis)
        switch phase {
        case .discovery:
            if epochIsChosen {
                if outruns(acceptedEpoch, isVoter) { return outrun(id, acceptedEpoch, &effects) }
                effects.append(.sendLeaderInfo(link, epoch: epoch))
                return
            }
            if acceptedEpoch >= epoch, !mutations.contains(.epochFromSelf) { epoch = acceptedEpoch + 1 }
            if isVoter { connecting.insert(id) }
            chooseEpochIfPossible(&effects)
        case .synchronization, .broadcast:
            if outruns(acceptedEpoch, isVoter) { return outrun(id, acceptedEpoch, &effects) }
            effects.append(.sendLeaderInfo(link, epoch: epoch))
        case .ended: break
        }
    }

    private func outruns(_ acceptedEpoch: Int64, _ isVoter: Bool) -> Bool {
        acceptedEpoch > epoch && isVoter && !mutations.contains(.staleEpochFollowed)
    }

    /// A voter has promised a newer epoch. It may never follow an older one, so only a new term can bring it back.
    private mutating func outrun(_ id: ServerID, _ acceptedEpoch: Int64, _ effects: inout [ZabEffect]) {
        abandon("server \(id) has promised epoch \(acceptedEpoch), newer than this leader's \(epoch)", &effects)
    }

    private var epochIsChosen: Bool { promises.acceptedEpoch == epoch }

    private mutating func chooseEpochIfPossible(_ effects: inout [ZabEffect]) {
        guard quorum.containsQuorum(connecting) else { return }
        // Promised by the leader itself before anybody hears of it (ZOOKEEPER-1282).
        promises.acceptedEpoch = epoch
        if !mutations.contains(.zk1282) { effects.append(.storePromises(promises)) }
        for link in learners.keys.sorted() { effects.append(.sendLeaderInfo(link, epoch: epoch)) }
        promised.insert(myId)
        finishDiscoveryIfPossible(&effects)
    }

    /// A learner has promised the epoch.
    ///
    /// - Parameter currentEpoch: -1 when it had promised this very epoch before: to whom, nobody knows, so it does not
    ///   count.
    public mutating func epochAck(
        _ link: LinkID, currentEpoch: Int64, lastZxid: Int64, nowMillis: Int64, _ effects: inout [ZabEffect]
    ) {
        guard phase != .ended, var learner = learners[link] else { return }
        guard epochIsChosen, learner.lastZxid == nil else {
            drop(link, "it acknowledges an epoch out of turn", &effects)
            return
        }
        learner.lastZxid = lastZxid
        learner.lastHeardMillis = nowMillis
        learners[link] = learner
        if phase != .discovery {
            effects.append(.synchronize(link, learnerZxid: lastZxid, isObserver: learner.isObserver))
            return
        }
        guard learner.isVoter else { return }
        if currentEpoch == -1 {
            // Another term under a greater epoch is the only way to have it counted.
            if !promised.contains(learner.id) {
                abandon("server \(learner.id) promised epoch \(epoch) before", &effects)
            }
            return
        }
        // The first zxid of an epoch is no transaction's: with it a server knows no more than its epoch's history.
        let isEpochStart = currentEpoch == promises.currentEpoch && Zxid.counter(of: lastZxid) == 0
        if !isEpochStart, !mutations.contains(.newerFollower),
            (currentEpoch, lastZxid) > (promises.currentEpoch, historyEnd)
        {
            abandon(
                "server \(learner.id) knows more: epoch \(currentEpoch), zxid 0x\(String(lastZxid, radix: 16))",
                &effects)
            return
        }
        // A server whose tree is damaged asks for a snapshot and does not tell what it has: that may be more.
        guard lastZxid >= 0 else { return }
        promised.insert(learner.id)
        finishDiscoveryIfPossible(&effects)
    }

    private mutating func finishDiscoveryIfPossible(_ effects: inout [ZabEffect]) {
        guard phase == .discovery, quorum.containsQuorum(promised) else { return }
        phase = .synchronization
        promises.currentEpoch = epoch
        if !mutations.contains(.zk1282) { effects.append(.storePromises(promises)) }
        synchronized.insert(myId)
        if mutations.contains(.earlyOffice) { synchronized = promised }
        for (link, learner) in learners.sorted(by: { $0.key < $1.key }) {
            guard let lastZxid = learner.lastZxid else { continue }
            effects.append(.synchronize(link, learnerZxid: lastZxid, isObserver: learner.isObserver))
        }
        establishIfPossible(&effects)
    }

    // MARK: synchronization

    private mutating func establishIfPossible(_ effects: inout [ZabEffect]) {
        guard phase == .synchronization, quorum.containsQuorum(synchronized) else { return }
        phase = .broadcast
        // A quorum holds this history under this epoch: all of it is committed.
        committedZxid = max(historyEnd, epochStartZxid)
        lastProposedZxid = committedZxid
        ownZxid = committedZxid
        effects.append(.lead(epoch: epoch))
        for (link, learner) in learners.sorted(by: { $0.key < $1.key }) where learner.hasAcceptedHistory {
            effects.append(.sendUpToDate(link))
        }
    }

    // MARK: broadcast

    /// A learner acknowledges a zxid, and with it everything before.
    public mutating func ack(_ link: LinkID, zxid: Int64, nowMillis: Int64, _ effects: inout [ZabEffect]) {
        guard phase != .ended, var learner = learners[link] else { return }
        learner.lastHeardMillis = nowMillis
        if zxid == epochStartZxid {
            guard learner.lastZxid != nil, phase != .discovery else {
                drop(link, "it acknowledges a history it was not sent", &effects)
                return
            }
            if learner.hasAcceptedHistory {
                learners[link] = learner
                return
            }
            learner.hasAcceptedHistory = true
            learners[link] = learner
            if learner.isVoter { synchronized.insert(learner.id) }
            if phase == .broadcast {
                effects.append(.sendUpToDate(link))
            } else {
                establishIfPossible(&effects)
            }
            return
        }
        // Apache's 3.8 may acknowledge proposals before NEWLEADER (ZOOKEEPER-4685). They count only after it: until
        // then the server would not stand by this epoch's history in an election.
        if zxid > learner.ackedZxid { learner.ackedZxid = zxid }
        learners[link] = learner
    }

    /// Everything up to here is durable on this server.
    public mutating func durable(_ zxid: Int64) {
        if zxid > ownZxid { ownZxid = zxid }
    }

    /// A proposal has been given out. Nothing may be left out (ZOOKEEPER-4925).
    public mutating func proposed(first: Int64, last: Int64) {
        precondition(phase == .broadcast, "only an established leader proposes")
        precondition(first == lastProposedZxid + 1 && last >= first, "a gap in the proposals")
        precondition(Zxid.epoch(of: last) == epoch, "a proposal of another epoch")
        lastProposedZxid = last
        if mutations.contains(.etcd14370) { ownZxid = last }
    }

    /// Moves the commit point to what a quorum, this server among it, has durable. Called once per turn.
    public mutating func advance(_ effects: inout [ZabEffect]) {
        guard phase == .broadcast, ownZxid > committedZxid else { return }
        var zxids = learners.values.filter { $0.isVoter && $0.hasAcceptedHistory }.map(\.ackedZxid)
        zxids.append(ownZxid)
        zxids.sort(by: >)
        for candidate in zxids {
            let zxid = min(candidate, ownZxid)
            guard zxid > committedZxid else { return }
            let isEnough = mutations.contains(.commitOfOne) && zxids.count { $0 >= zxid } > 1
            guard holdsQuorum(zxid) || isEnough else { continue }
            committedZxid = zxid
            effects.append(.commit(upTo: zxid))
            return
        }
    }

    private func holdsQuorum(_ zxid: Int64) -> Bool {
        var holders: Set<ServerID> = [myId]
        for learner in learners.values where learner.isVoter && learner.hasAcceptedHistory && learner.ackedZxid >= zxid
        {
            holders.insert(learner.id)
        }
        return quorum.containsQuorum(holders)
    }

    // MARK: presence

    /// Something came from a learner, or it took what it was sent.
    public mutating func heard(_ link: LinkID, nowMillis: Int64) {
        learners[link]?.lastHeardMillis = nowMillis
    }

    public mutating func linkClosed(_ link: LinkID) {
        // What it has acknowledged stays true; but an epoch's quorums count only who is there, except for commits of
        // what is durable, and those are recounted from the links.
        learners[link] = nil
    }

    public mutating func tick(nowMillis: Int64, _ effects: inout [ZabEffect]) {
        switch phase {
        case .discovery, .synchronization:
            if nowMillis - startMillis > limits.initMillis {
                abandon("no quorum of synchronized followers within initLimit", &effects)
            }
        case .broadcast:
            guard nowMillis >= nextPingMillis else { return }
            nextPingMillis = nowMillis + limits.pingMillis
            for (link, learner) in learners.sorted(by: { $0.key < $1.key }) {
                let limit = learner.hasAcceptedHistory ? limits.syncMillis : limits.initMillis
                if nowMillis - learner.lastHeardMillis > limit {
                    drop(
                        link, "server \(learner.id) has been silent for \(nowMillis - learner.lastHeardMillis) ms",
                        &effects)
                }
            }
            var present: Set<ServerID> = [myId]
            for learner in learners.values where learner.isVoter && learner.hasAcceptedHistory {
                present.insert(learner.id)
            }
            guard quorum.containsQuorum(present) else {
                abandon("fewer followers than a quorum are there", &effects)
                return
            }
            effects.append(.ping)
        case .ended: break
        }
    }

    /// When `tick` has something to do; nil when it never has.
    public var nextTickMillis: Int64? {
        switch phase {
        case .discovery, .synchronization: startMillis + limits.initMillis + 1
        case .broadcast: nextPingMillis
        case .ended: nil
        }
    }

    private mutating func drop(_ link: LinkID, _ reason: String, _ effects: inout [ZabEffect]) {
        learners[link] = nil
        effects.append(.closeLink(link, reason: reason))
    }

    private mutating func abandon(_ reason: String, _ effects: inout [ZabEffect]) {
        phase = .ended
        effects.append(.abandon(reason: reason))
    }

    // MARK: for reports

    /// Voters, this server among them, that hold this leader's history now.
    public var synchronizedVoters: Int {
        1 + learners.values.count { $0.isVoter && $0.hasAcceptedHistory }
    }

    public var synchronizedObservers: Int { learners.values.count { $0.isObserver && $0.hasAcceptedHistory } }
}
