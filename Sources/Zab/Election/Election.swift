/// Fast leader election as a machine without clock, threads or sockets.
///
/// It speaks with Apache's servers and follows the rules of their `FastLeaderElection`: a round number carried by every
/// message; votes ordered by epoch, zxid, server id; each server adopts the highest vote of its round and tells all; a
/// leader is elected once a quorum votes for it; who comes late believes a quorum of FOLLOWING and LEADING together
/// with the leader's own word. It differs where Apache is slow: it decides at once when every voter that can be
/// reached has spoken for the same leader, repeats itself only to those that have not, and tells its decision to all
/// that look.
///
/// Invariants: a server elects only voting members with weight; never a server that says LOOKING for another; an
/// observer never votes. Election is no part of Zab's safety: two leaders elected at once are told apart by their
/// epochs.
public struct Election: Sendable {
    public let id: ServerID
    public let rule: QuorumRule
    public let options: ElectionOptions
    private let mutations: Mutations
    public private(set) var state: PeerState
    /// The round: counts up with each `start`, and follows the highest that is heard.
    public private(set) var electionEpoch: Int64 = 0
    /// What this server votes for; once decided, the vote that won, with the epoch that was established since.
    public private(set) var vote: Vote
    /// When `tick` has something to do, on the clock of the `nowMillis` arguments; nil when it never has.
    public private(set) var nextTickMillis: Int64?
    /// Messages dropped because their sender or the leader they name is no member that counts.
    public private(set) var ignoredMessages = 0

    private let position: Int?
    private let isVoter: Bool
    private var ownVote: Vote = .none
    /// By position; what each voter said in this round.
    private var ballots: [Ballot?]
    /// By position; the last FOLLOWING or LEADING of each voter, of any round, unless it has said LOOKING since.
    private var settled: [ElectionNotification?]
    /// By position; whether a member's last word was FOLLOWING, LEADING or OBSERVING.
    private var isContent: [Bool]
    private var isLinked: [Bool]
    private var lastSentMillis: [Int64]
    private var resendMillis: Int64 = 0
    private var resendAtMillis: Int64 = 0
    private var silentMillis: Int64 = 0
    /// When the quorum that now stands came about, and until when its decision waits.
    private var waiting: (vote: Vote, sinceMillis: Int64, untilMillis: Int64)?
    /// Voters that spoke for the leader when it was elected, and have not turned away since.
    private var supporters = VoterSet()
    /// Decided, not established, and `supportLost` not said yet.
    private var watchesSupport = false
    /// How often the elected leader has said since that it still looks, and when last; from the decision on.
    private var repeats: (count: Int, atMillis: Int64) = (0, 0)
    /// A voter that does not hear the others: nobody to elect for a while.
    private var deaf: (place: Int, untilMillis: Int64)?
    /// The round for which the support was lost, and when.
    private var lostTo: (round: Int64, atMillis: Int64)?

    private struct Ballot: Equatable {
        var vote: Vote
        var state: PeerState
    }

    /// - Parameter id: a member of the rule. Observers learn who leads and never vote.
    public init(
        id: ServerID, rule: QuorumRule, options: ElectionOptions = ElectionOptions(), mutations: Mutations = []
    ) {
        precondition(rule.position(of: id) != nil, "server \(id) is no member of its own ensemble")
        self.id = id
        self.rule = rule
        self.options = options
        self.mutations = mutations
        position = rule.position(of: id)
        isVoter = rule.isVoter(id)
        state = .looking
        vote = .none
        ballots = Array(repeating: nil, count: rule.voterCount)
        settled = Array(repeating: nil, count: rule.voterCount)
        isContent = Array(repeating: false, count: rule.members.count)
        isLinked = Array(repeating: false, count: rule.members.count)
        lastSentMillis = Array(repeating: .min, count: rule.members.count)
    }

    /// Two of them may be on their way while it decides, or answer somebody else's.
    private static let repeatsOfDeaf = 2
    /// Rounds above this are no rounds but damage or malice.
    private static let highestRound: Int64 = 1 << 56

    // MARK: - Inputs

    /// Begins to look for a leader, in a round after the last one; or, at once after `supportLost`, in the round in
    /// which the others still look. (A new round would make them begin anew, and a server that cannot reach all of them
    /// could do that to them again and again.)
    ///
    /// - Parameters:
    ///   - lastZxid: the last zxid of this server's history, durable.
    ///   - currentEpoch: the epoch of the last leader it was synchronized with, durable.
    public mutating func start(
        lastZxid: Int64, currentEpoch: Int64, nowMillis: Int64, effects: inout [ElectionEffect]
    ) {
        state = .looking
        watchesSupport = false
        ownVote = isVoter ? Vote(leader: id, zxid: lastZxid, peerEpoch: currentEpoch) : .none
        for place in settled.indices { settled[place] = nil }
        for place in isContent.indices { isContent[place] = false }
        if let deaf, nowMillis >= deaf.untilMillis { self.deaf = nil }
        let others = lostTo.flatMap { nowMillis - $0.atMillis <= options.settleMillis ? $0.round : nil }
        lostTo = nil
        if isVoter, others == electionEpoch {
            rejoinRound(nowMillis: nowMillis, effects: &effects)
        } else {
            silentMillis = options.silentLeaderMillis
            beginRound(others ?? electionEpoch + 1, with: ownVote, nowMillis: nowMillis, effects: &effects)
        }
        decide(nowMillis: nowMillis, effects: &effects)
        schedule()
    }

    /// A message from another server's election port.
    ///
    /// - Parameter sender: as the connection proved it, not as the message says.
    public mutating func received(
        _ notification: ElectionNotification, from sender: ServerID, nowMillis: Int64,
        effects: inout [ElectionEffect]
    ) {
        guard sender != id, let place = rule.position(of: sender), notification.electionEpoch <= Self.highestRound
        else {
            ignoredMessages += 1
            return
        }
        // Before the first `start` there is nothing to say; whoever looks will ask again.
        guard electionEpoch > 0 else { return }
        isContent[place] = notification.state != .looking
        if let deaf, nowMillis >= deaf.untilMillis || place == deaf.place && hears(notification, sender) {
            self.deaf = nil
        }
        guard place < rule.voterCount else {
            // An observer asks; what it says does not count.
            if notification.state == .looking { send(to: place, nowMillis: nowMillis, effects: &effects) }
            return
        }
        if notification.state == .looking { settled[place] = nil }
        guard state == .looking else {
            if notification.state == .looking {
                send(to: place, nowMillis: nowMillis, effects: &effects)
                watchSupport(of: place, notification, nowMillis: nowMillis, effects: &effects)
            }
            return
        }
        guard rule.isVoter(notification.leader) else {
            ignoredMessages += 1
            return
        }
        switch notification.state {
        case .looking: heardLooking(notification, from: place, nowMillis: nowMillis, effects: &effects)
        case .following, .leading: heardSettled(notification, from: place, nowMillis: nowMillis, effects: &effects)
        case .observing: ignoredMessages += 1
        }
        schedule()
    }

    /// A connection of election ports to that server stands.
    public mutating func linkUp(_ server: ServerID, nowMillis: Int64, effects: inout [ElectionEffect]) {
        guard let place = rule.position(of: server), place != position, !isLinked[place] else { return }
        isLinked[place] = true
        guard state == .looking, electionEpoch > 0, place < rule.voterCount, !agrees(place) else { return }
        send(to: place, nowMillis: nowMillis, effects: &effects)
    }

    /// The connection of election ports to that server is gone.
    public mutating func linkDown(_ server: ServerID, nowMillis: Int64, effects: inout [ElectionEffect]) {
        guard let place = rule.position(of: server), isLinked[place] else { return }
        isLinked[place] = false
        isContent[place] = false
        guard state == .looking, electionEpoch > 0, place < rule.voterCount else { return }
        // What it said may have been its last word.
        settled[place] = nil
        ballots[place] = nil
        if isVoter, rule.members[place] == vote.leader {
            beginRound(electionEpoch + 1, with: ownVote, nowMillis: nowMillis, effects: &effects)
        }
        // And it may be the one that was waited for.
        decide(nowMillis: nowMillis, effects: &effects)
        schedule()
    }

    /// Time has passed. Calls before `nextTickMillis` do nothing.
    public mutating func tick(nowMillis: Int64, effects: inout [ElectionEffect]) {
        guard state == .looking, electionEpoch > 0 else { return }
        if let waiting, waiting.untilMillis <= nowMillis { decide(nowMillis: nowMillis, effects: &effects) }
        if state == .looking, resendAtMillis <= nowMillis {
            // Those that agree may have decided since, and the word of it been lost.
            let asksAll = resendMillis >= 4 * options.minimumResendMillis
            for place in 0..<rule.voterCount where place != position && (asksAll || !agrees(place)) {
                send(to: place, nowMillis: nowMillis, effects: &effects)
            }
            resendMillis = min(resendMillis * 2, options.maximumResendMillis)
            resendAtMillis = nowMillis + resendMillis
        }
        schedule()
    }

    /// This server leads, or follows a leader of, that epoch, synchronized with a quorum. From now on it answers with
    /// that epoch, so that all members report the same vote to who comes late, and tells it to those that look.
    public mutating func established(epoch: Int64, nowMillis: Int64, effects: inout [ElectionEffect]) {
        precondition(state != .looking)
        watchesSupport = false
        vote.peerEpoch = epoch
        announce(nowMillis: nowMillis, effects: &effects)
    }

    /// A server that was counted as lost has come as a learner after all.
    public mutating func supported(by server: ServerID) {
        if let place = rule.voterPosition(of: server) { supporters.insert(place) }
    }

    /// Whether a connection of election ports to that server stands.
    public func isLinked(to server: ServerID) -> Bool { rule.position(of: server).map { isLinked[$0] } ?? false }

    // MARK: - Looking

    private mutating func heardLooking(
        _ notification: ElectionNotification, from place: Int, nowMillis: Int64, effects: inout [ElectionEffect]
    ) {
        // An observer waits for those that have decided. And a server that does not know its own history yet cannot be
        // believed.
        guard isVoter, notification.zxid != -1 else { return }
        let offered = Vote(
            leader: notification.leader, zxid: notification.zxid, peerEpoch: notification.peerEpoch)
        if notification.electionEpoch < electionEpoch, !mutations.contains(.electionStaleRound) {
            return send(to: place, nowMillis: nowMillis, effects: &effects)
        }
        let known = ballots[place]
        if notification.electionEpoch > electionEpoch {
            ballots[place] = Ballot(vote: offered, state: .looking)
            let better = isBetter(offered, than: ownVote) ? offered : ownVote
            beginRound(
                notification.electionEpoch, with: better, heardFrom: place, nowMillis: nowMillis, effects: &effects)
        } else {
            ballots[place] = Ballot(vote: offered, state: .looking)
            if isBetter(offered, than: vote) {
                propose(offered, nowMillis: nowMillis, effects: &effects)
            } else if known == ballots[place] {
                // It repeats itself, so it has not heard us. The pause keeps two servers from answering each other for
                // ever.
                if nowMillis - options.minimumResendMillis / 2 >= lastSentMillis[place] {
                    send(to: place, nowMillis: nowMillis, effects: &effects)
                }
            } else if offered != vote {
                // It may not have been looking yet when it was told the better vote.
                send(to: place, nowMillis: nowMillis, effects: &effects)
            }
        }
        decide(nowMillis: nowMillis, effects: &effects)
    }

    private mutating func heardSettled(
        _ notification: ElectionNotification, from place: Int, nowMillis: Int64, effects: inout [ElectionEffect]
    ) {
        settled[place] = notification
        if notification.electionEpoch == electionEpoch {
            ballots[place] = Ballot(
                vote: Vote(
                    leader: notification.leader, zxid: notification.zxid, peerEpoch: notification.peerEpoch),
                state: notification.state)
        }
        if !join(nowMillis: nowMillis, with: notification, effects: &effects) {
            decide(nowMillis: nowMillis, effects: &effects)
        }
    }

    /// Follows the leader a settled server names, if a quorum follows it and it says itself that it leads.
    private mutating func join(
        nowMillis: Int64, with notification: ElectionNotification, effects: inout [ElectionEffect]
    ) -> Bool {
        let leader = notification.leader
        guard leader != id, rule.weight(of: leader) > 0, let place = rule.voterPosition(of: leader),
            let word = settled[place], word.state == .leading, word.leader == leader
        else { return false }
        var set = VoterSet()
        for other in 0..<rule.voterCount {
            guard let theirs = settled[other], theirs.leader == leader else { continue }
            // Servers from before version 1 report another epoch for the same leader (ZOOKEEPER-1732).
            let comparable = (theirs.version > 0) == (word.version > 0)
            if !comparable || theirs.peerEpoch == word.peerEpoch { set.insert(other) }
        }
        guard rule.containsQuorum(set) else { return false }
        electionEpoch = word.electionEpoch
        vote = Vote(leader: leader, zxid: word.zxid, peerEpoch: word.peerEpoch)
        settle(supporters: set, nowMillis: nowMillis, effects: &effects)
        return true
    }

    /// Elects the leader that a quorum of this round's votes is for, at once or when it has been waited long enough.
    private mutating func decide(nowMillis: Int64, effects: inout [ElectionEffect]) {
        guard isVoter, state == .looking else { return }
        if decideWithSettled(nowMillis: nowMillis, effects: &effects) { return }
        let set = voters(for: vote)
        guard rule.weight(of: vote.leader) > 0, rule.containsQuorum(set) else {
            waiting = nil
            return
        }
        let leaderPlace = rule.voterPosition(of: vote.leader)!
        let leaderSpoke = leaderPlace == position || set.contains(leaderPlace)
        if leaderSpoke, allReachableSpoke(for: set) {
            return settle(supporters: set, nowMillis: nowMillis, effects: &effects)
        }
        // Who is heard and says another name: no leader of this round.
        if !leaderSpoke, ballots[leaderPlace] != nil {
            waiting = nil
            return
        }
        let since = waiting?.vote == vote ? waiting!.sinceMillis : nowMillis
        let until = since + (leaderSpoke ? options.settleMillis : silentMillis)
        guard until <= nowMillis else {
            waiting = (vote, since, until)
            return
        }
        if leaderSpoke { return settle(supporters: set, nowMillis: nowMillis, effects: &effects) }
        silentMillis = min(silentMillis * 2, 16 * options.silentLeaderMillis)
        beginRound(electionEpoch + 1, with: ownVote, nowMillis: nowMillis, effects: &effects)
    }

    /// Whether some of this round have decided already, and with them there is a quorum. That is how a server that is
    /// elected by others but missed a vote learns it.
    private mutating func decideWithSettled(nowMillis: Int64, effects: inout [ElectionEffect]) -> Bool {
        for place in 0..<rule.voterCount {
            guard let ballot = ballots[place], ballot.state != .looking, rule.weight(of: ballot.vote.leader) > 0
            else { continue }
            let leaderPlace = rule.voterPosition(of: ballot.vote.leader)!
            if leaderPlace == position {
                guard ballot.vote == ownVote else { continue }
            } else {
                guard let word = ballots[leaderPlace], word.state == .leading,
                    word.vote.leader == ballot.vote.leader
                else { continue }
            }
            let set = voters(for: ballot.vote)
            guard rule.containsQuorum(set) else { continue }
            vote = ballot.vote
            settle(supporters: set, nowMillis: nowMillis, effects: &effects)
            return true
        }
        return false
    }

    private mutating func settle(supporters: VoterSet, nowMillis: Int64, effects: inout [ElectionEffect]) {
        state = vote.leader == id ? .leading : isVoter ? .following : .observing
        self.supporters = supporters
        watchesSupport = true
        repeats = (0, nowMillis)
        waiting = nil
        announce(nowMillis: nowMillis, effects: &effects)
        effects.append(.elected(leader: vote.leader, electionEpoch: electionEpoch))
        schedule()
    }

    /// Tells the decision to all that are not known to have made theirs.
    private mutating func announce(nowMillis: Int64, effects: inout [ElectionEffect]) {
        for place in rule.members.indices where place != position && !isContent[place] {
            // Strangers to this round are told only where there is a connection.
            guard isLinked[place] || place < rule.voterCount && ballots[place] != nil else { continue }
            send(to: place, nowMillis: nowMillis, effects: &effects)
        }
    }

    // MARK: - Settled

    private mutating func watchSupport(
        of place: Int, _ notification: ElectionNotification, nowMillis: Int64, effects: inout [ElectionEffect]
    ) {
        guard watchesSupport, notification.electionEpoch >= electionEpoch else { return }
        if notification.electionEpoch == electionEpoch {
            // Within a round a server's vote only rises. What is not above the vote that won is late, or was said
            // twice.
            let offered = Vote(
                leader: notification.leader, zxid: notification.zxid, peerEpoch: notification.peerEpoch)
            guard rule.isVoter(offered.leader), isBetter(offered, than: vote) else {
                return watchHearing(of: place, offered, nowMillis: nowMillis, effects: &effects)
            }
            ballots[place] = Ballot(vote: offered, state: .looking)
        }
        let lost: Bool
        if state == .leading {
            supporters.remove(place)
            lost = !rule.containsQuorum(supporters)
        } else {
            lost = rule.members[place] == vote.leader
        }
        guard lost else { return }
        watchesSupport = false
        lostTo = (notification.electionEpoch, nowMillis)
        effects.append(.supportLost)
    }

    /// The elected leader should have decided, too. If it goes on saying that it looks, it does not hear the votes for
    /// it: it would be elected again and again, and lead nobody, until the way to it is repaired.
    private mutating func watchHearing(
        of place: Int, _ offered: Vote, nowMillis: Int64, effects: inout [ElectionEffect]
    ) {
        guard state != .leading, rule.members[place] == vote.leader, offered.leader == vote.leader,
            nowMillis - repeats.atMillis >= options.minimumResendMillis / 2
        else { return }
        repeats = (repeats.count + 1, nowMillis)
        guard repeats.count >= Self.repeatsOfDeaf else { return }
        deaf = (place, nowMillis + options.deafMillis)
        watchesSupport = false
        lostTo = (electionEpoch, nowMillis)
        effects.append(.supportLost)
    }

    /// Whether a server shows that it hears others: it has decided, or votes for another.
    private func hears(_ notification: ElectionNotification, _ sender: ServerID) -> Bool {
        notification.state != .looking || notification.leader != sender
    }

    // MARK: - Helpers

    private func isBetter(_ offered: Vote, than current: Vote) -> Bool {
        guard rule.weight(of: offered.leader) > 0 else { return false }
        if let deaf, rule.members[deaf.place] == offered.leader { return false }
        return rule.weight(of: current.leader) == 0 || offered.isAfter(current, mutations)
    }

    /// The voters that are for that vote in this round. Of those that have decided only the leader's id is compared,
    /// for their epoch may be the established one by now; except where this server itself is the leader: who follows
    /// a former life of it follows nobody.
    private func voters(for vote: Vote) -> VoterSet {
        var set = VoterSet()
        for place in 0..<rule.voterCount {
            guard let ballot = ballots[place], ballot.vote.leader == vote.leader else { continue }
            if ballot.vote == vote || ballot.state != .looking && vote.leader != id { set.insert(place) }
        }
        return set
    }

    private func allReachableSpoke(for set: VoterSet) -> Bool {
        for place in 0..<rule.voterCount where isLinked[place] || ballots[place] != nil {
            if !set.contains(place) { return false }
        }
        return true
    }

    /// Whether a voter has said in this round what this server says.
    private func agrees(_ place: Int) -> Bool {
        guard let ballot = ballots[place] else { return false }
        return ballot.state == .looking && ballot.vote == vote
    }

    private mutating func beginRound(
        _ round: Int64, with vote: Vote, heardFrom heard: Int? = nil, nowMillis: Int64,
        effects: inout [ElectionEffect]
    ) {
        electionEpoch = round
        for place in ballots.indices where place != heard && !mutations.contains(.electionStaleRound) {
            ballots[place] = nil
        }
        waiting = nil
        resendMillis = options.minimumResendMillis
        resendAtMillis = nowMillis + resendMillis
        propose(vote, nowMillis: nowMillis, effects: &effects)
    }

    /// Looks on in this round, with the best vote that is known of it.
    private mutating func rejoinRound(nowMillis: Int64, effects: inout [ElectionEffect]) {
        var best = ownVote
        for place in ballots.indices {
            guard let ballot = ballots[place], place != position, ballot.state == .looking else {
                ballots[place] = nil
                continue
            }
            if rule.isVoter(ballot.vote.leader), isBetter(ballot.vote, than: best) { best = ballot.vote }
        }
        waiting = nil
        resendMillis = options.minimumResendMillis
        resendAtMillis = nowMillis + resendMillis
        propose(best, nowMillis: nowMillis, effects: &effects)
    }

    private mutating func propose(_ vote: Vote, nowMillis: Int64, effects: inout [ElectionEffect]) {
        self.vote = vote
        if isVoter, let position { ballots[position] = Ballot(vote: vote, state: .looking) }
        for place in 0..<rule.voterCount where place != position {
            send(to: place, nowMillis: nowMillis, effects: &effects)
        }
    }

    private mutating func send(to place: Int, nowMillis: Int64, effects: inout [ElectionEffect]) {
        lastSentMillis[place] = nowMillis
        let notification = ElectionNotification(
            state: state, leader: vote.leader, zxid: vote.zxid, electionEpoch: electionEpoch,
            peerEpoch: vote.peerEpoch)
        effects.append(.send(notification, to: rule.members[place]))
    }

    private mutating func schedule() {
        let isLooking = state == .looking && electionEpoch > 0
        nextTickMillis = isLooking ? min(resendAtMillis, waiting?.untilMillis ?? .max) : nil
    }
}
