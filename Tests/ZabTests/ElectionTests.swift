import Testing
import Zab

/// One `Election` among silent others, driven by hand.
private struct Bench {
    var election: Election
    var nowMillis: Int64 = 1000
    var effects: [ElectionEffect] = []

    init(_ id: ServerID, voters: [ServerID] = [1, 2, 3], observers: [ServerID] = [], linked: [ServerID] = []) throws {
        election = Election(id: id, rule: try QuorumRule(voters: voters, observers: observers))
        for other in linked { election.linkUp(other, nowMillis: nowMillis, effects: &effects) }
    }

    init(_ id: ServerID, rule: QuorumRule) { election = Election(id: id, rule: rule) }

    mutating func start(zxid: Int64 = 0x100, epoch: Int64 = 1) -> [ElectionEffect] {
        collect { $0.start(lastZxid: zxid, currentEpoch: epoch, nowMillis: $1, effects: &$2) }
    }

    mutating func hear(
        _ state: PeerState, from sender: ServerID, for leader: ServerID, zxid: Int64 = 0x100, round: Int64 = 1,
        epoch: Int64 = 1, version: Int32 = 2
    ) -> [ElectionEffect] {
        let notification = ElectionNotification(
            state: state, leader: leader, zxid: zxid, electionEpoch: round, peerEpoch: epoch, version: version)
        return collect { $0.received(notification, from: sender, nowMillis: $1, effects: &$2) }
    }

    mutating func wait(_ millis: Int64) -> [ElectionEffect] {
        nowMillis += millis
        return collect { $0.tick(nowMillis: $1, effects: &$2) }
    }

    mutating func collect(_ body: (inout Election, Int64, inout [ElectionEffect]) -> Void) -> [ElectionEffect] {
        effects = []
        body(&election, nowMillis, &effects)
        return effects
    }
}

extension [ElectionEffect] {
    /// Who was sent something, in order.
    fileprivate var recipients: [ServerID] {
        compactMap { if case .send(_, let to) = $0 { to } else { nil } }
    }
    fileprivate func sent(to server: ServerID) -> ElectionNotification? {
        compactMap { if case .send(let notification, server) = $0 { notification } else { nil } }.last
    }
    fileprivate var elected: ServerID? {
        compactMap { if case .elected(let leader, _) = $0 { leader } else { nil } }.last
    }
}

@Suite("Elections") struct ElectionTests {
    @Test func aServerAloneElectsItself() throws {
        var bench = try Bench(7, voters: [7])
        #expect(bench.start() == [.elected(leader: 7, electionEpoch: 1)])
        #expect(bench.election.state == .leading && bench.election.nextTickMillis == nil)
    }

    @Test func itProposesItselfAndAdoptsTheHigherVote() throws {
        var bench = try Bench(2)
        let first = bench.start(zxid: 5, epoch: 3)
        #expect(first.recipients == [1, 3])
        #expect(
            first.sent(to: 1)
                == ElectionNotification(state: .looking, leader: 2, zxid: 5, electionEpoch: 1, peerEpoch: 3))
        // A greater epoch beats a greater zxid, a greater zxid a greater id.
        #expect(bench.hear(.looking, from: 1, for: 1, zxid: 9, epoch: 2).elected == nil)
        #expect(bench.election.vote.leader == 2)
        let second = bench.hear(.looking, from: 1, for: 1, zxid: 6, epoch: 3)
        #expect(second.sent(to: 3)?.leader == 1)
        #expect(bench.election.vote == Vote(leader: 1, zxid: 6, peerEpoch: 3))
    }

    @Test func itDecidesAtOnceWhenAllThatCanBeReachedAgree() throws {
        var bench = try Bench(1, linked: [2])
        _ = bench.start()
        let effects = bench.hear(.looking, from: 2, for: 2)
        #expect(effects.last == .elected(leader: 2, electionEpoch: 1))
        #expect(effects.sent(to: 2)?.state == .following)
        #expect(bench.election.state == .following && bench.election.nextTickMillis == nil)
    }

    @Test func itWaitsAMomentForWhoIsConnectedAndSilent() throws {
        var bench = try Bench(1, linked: [2, 3])
        _ = bench.start()
        #expect(bench.hear(.looking, from: 2, for: 2).elected == nil)
        #expect(bench.election.nextTickMillis == 1020)
        #expect(bench.wait(19).isEmpty)
        #expect(bench.wait(1).elected == 2)
    }

    @Test func whoIsHeardInTimeIsWaitedForNoLonger() throws {
        var bench = try Bench(1, linked: [2, 3])
        _ = bench.start()
        _ = bench.hear(.looking, from: 2, for: 2)
        _ = bench.wait(5)
        #expect(bench.hear(.looking, from: 3, for: 3).elected == nil, "2 has not voted for 3")
        #expect(bench.election.vote.leader == 3)
        #expect(bench.hear(.looking, from: 2, for: 3).elected == 3)
    }

    @Test func anEndedConnectionEndsTheWait() throws {
        var bench = try Bench(1, linked: [2, 3])
        _ = bench.start()
        _ = bench.hear(.looking, from: 2, for: 2)
        #expect(bench.collect { $0.linkDown(3, nowMillis: $1, effects: &$2) }.elected == 2)
    }

    @Test func repetitionsGoToTheSilentAndBecomeRarer() throws {
        var bench = try Bench(1, voters: [1, 2, 3, 4, 5])
        _ = bench.start()
        _ = bench.hear(.looking, from: 5, for: 5)
        var pauses: [Int64] = []
        for _ in 0..<8 {
            let next = try #require(bench.election.nextTickMillis)
            pauses.append(next - bench.nowMillis)
            // 5 agrees; after a while it is asked all the same, because it may have decided and its word been lost.
            #expect(bench.wait(next - bench.nowMillis).recipients == (pauses.count <= 2 ? [2, 3, 4] : [2, 3, 4, 5]))
        }
        #expect(pauses == [50, 100, 200, 400, 800, 1600, 2000, 2000])
    }

    @Test func anOlderRoundIsToldANewerOneJoined() throws {
        var bench = try Bench(1)
        _ = bench.start()
        let joined = bench.hear(.looking, from: 3, for: 3, round: 9)
        #expect(bench.election.electionEpoch == 9 && bench.election.vote.leader == 3)
        #expect(joined.recipients.prefix(2) == [2, 3])
        let told = bench.hear(.looking, from: 2, for: 2, round: 8)
        #expect(told.recipients == [2] && told.sent(to: 2)?.electionEpoch == 9)
        #expect(bench.hear(.looking, from: 2, for: 2, round: .max).isEmpty)
        #expect(bench.election.electionEpoch == 9)
    }

    @Test func whoRepeatsItselfIsAnsweredButNotForEver() throws {
        var bench = try Bench(3, voters: [1, 2, 3, 4, 5])
        _ = bench.start(zxid: 0x200)
        #expect(bench.hear(.looking, from: 1, for: 1).recipients == [1], "it may have missed the better vote")
        #expect(bench.hear(.looking, from: 1, for: 1).isEmpty)
        bench.nowMillis += 25
        #expect(bench.hear(.looking, from: 1, for: 1).recipients == [1])
        #expect(bench.hear(.looking, from: 1, for: 1).isEmpty)
    }

    @Test func strangersAndVotesForThemAreDropped() throws {
        var bench = try Bench(1, observers: [8])
        _ = bench.start()
        #expect(bench.hear(.looking, from: 77, for: 77).isEmpty)
        #expect(bench.hear(.looking, from: 1, for: 3).isEmpty, "its own name")
        #expect(bench.hear(.looking, from: 2, for: 77, zxid: .max).isEmpty)
        #expect(bench.hear(.looking, from: 2, for: 8, zxid: .max).isEmpty)
        #expect(bench.hear(.observing, from: 2, for: 3).isEmpty)
        #expect(bench.election.ignoredMessages == 5)
        #expect(bench.hear(.looking, from: 2, for: 2, zxid: -1).isEmpty)
        #expect(bench.election.vote.leader == 1)
    }

    @Test func anObserverIsAnsweredAndDoesNotCount() throws {
        var bench = try Bench(2, observers: [8])
        _ = bench.start()
        for state in [PeerState.looking, .observing, .following] {
            let effects = bench.hear(state, from: 8, for: 2)
            #expect(effects.recipients == (state == .looking ? [8] : []) && effects.elected == nil)
        }
    }

    @Test func anObserverNeverVotesAndLearns() throws {
        var bench = try Bench(8, voters: [1, 2, 3], observers: [8])
        let asked = bench.start()
        #expect(asked.recipients == [1, 2, 3])
        #expect(asked.sent(to: 1)?.leader == .min && asked.sent(to: 1)?.state == .looking)
        #expect(bench.hear(.looking, from: 3, for: 3).isEmpty)
        #expect(bench.hear(.looking, from: 2, for: 3).isEmpty)
        #expect(bench.hear(.following, from: 2, for: 3).elected == nil)
        let learned = bench.hear(.leading, from: 3, for: 3)
        #expect(learned.elected == 3 && bench.election.state == .observing)
    }

    @Test func joiningNeedsAQuorumAndTheLeadersOwnWord() throws {
        var bench = try Bench(1, voters: [1, 2, 3, 4, 5])
        _ = bench.start()
        #expect(bench.hear(.following, from: 2, for: 4, zxid: 3, round: 6, epoch: 8).elected == nil)
        #expect(bench.hear(.following, from: 3, for: 4, zxid: 9, round: 5, epoch: 8).elected == nil)
        #expect(bench.hear(.following, from: 5, for: 4, round: 6, epoch: 8).elected == nil, "4 itself is silent")
        #expect(bench.hear(.leading, from: 4, for: 4, round: 6, epoch: 8).elected == 4)
        #expect(bench.election.electionEpoch == 6 && bench.election.vote.peerEpoch == 8)
    }

    @Test func othersOfAnotherEpochDoNotCount() throws {
        var bench = try Bench(1, voters: [1, 2, 3, 4, 5])
        _ = bench.start()
        _ = bench.hear(.leading, from: 4, for: 4, round: 6, epoch: 8)
        #expect(bench.hear(.following, from: 2, for: 4, round: 6, epoch: 7).elected == nil)
        #expect(bench.hear(.following, from: 3, for: 4, round: 6, epoch: 7).elected == nil)
        // Servers before version 1 report another epoch.
        #expect(bench.hear(.following, from: 2, for: 4, round: 6, epoch: 7, version: 0).elected == nil)
        #expect(bench.hear(.following, from: 3, for: 4, round: 6, epoch: 7, version: 0).elected == 4)
    }

    @Test func aLeaderThatLooksAgainIsNotFollowed() throws {
        var bench = try Bench(1, voters: [1, 2, 3, 4, 5])
        _ = bench.start()
        _ = bench.hear(.leading, from: 4, for: 4, round: 6, epoch: 8)
        _ = bench.hear(.following, from: 2, for: 4, round: 6, epoch: 8)
        _ = bench.hear(.looking, from: 4, for: 5, round: 1)
        #expect(bench.hear(.following, from: 3, for: 4, round: 6, epoch: 8).elected == nil)
        #expect(bench.hear(.following, from: 5, for: 4, round: 6, epoch: 8).elected == nil)
    }

    @Test func aRestartedLeaderDoesNotTakeItsOldFollowersForVoters() throws {
        var bench = try Bench(3)
        _ = bench.start(zxid: 0x5_0000_0009, epoch: 5)
        #expect(bench.hear(.following, from: 1, for: 3, zxid: 0x4_0000_0002, epoch: 5).elected == nil)
        #expect(bench.hear(.following, from: 2, for: 3, zxid: 0x4_0000_0002, epoch: 5).elected == nil)
        #expect(bench.election.state == .looking)
    }

    @Test func whoMissedTheLastVoteLeadsWhenTheOthersAlreadyFollow() throws {
        var bench = try Bench(3, linked: [1, 2])
        _ = bench.start()
        #expect(bench.hear(.following, from: 1, for: 3).elected == 3)
        #expect(bench.election.state == .leading)
    }

    @Test func aLeaderOnlyOthersHeardOfIsGivenUpAfterAWhile() throws {
        var bench = try Bench(1)
        _ = bench.start()
        #expect(bench.hear(.looking, from: 2, for: 3).elected == nil, "3 itself is silent")
        var began = false
        for _ in 0..<100 where !began {
            let effects = bench.wait(10)
            #expect(effects.elected == nil)
            began = bench.election.electionEpoch == 2
        }
        #expect(bench.nowMillis == 1400 && bench.election.vote.leader == 1)
        #expect(bench.hear(.looking, from: 2, for: 2, round: 2).elected == 2)
    }

    @Test func theVotedForServersDeathBeginsANewRound() throws {
        var bench = try Bench(1, linked: [2, 3])
        _ = bench.start()
        _ = bench.hear(.looking, from: 3, for: 3)
        #expect(bench.election.vote.leader == 3)
        let effects = bench.collect { $0.linkDown(3, nowMillis: $1, effects: &$2) }
        #expect(bench.election.electionEpoch == 2 && bench.election.vote.leader == 1)
        #expect(effects.sent(to: 2)?.electionEpoch == 2)
    }

    @Test func onceDecidedItAnswersWhoLooksAndNobodyElse() throws {
        var bench = try Bench(1, observers: [8], linked: [2])
        _ = bench.start()
        _ = bench.hear(.looking, from: 2, for: 2)
        #expect(bench.election.state == .following)
        #expect(bench.hear(.following, from: 2, for: 2).isEmpty)
        #expect(bench.hear(.looking, from: 3, for: 3, round: 1).sent(to: 3)?.state == .following)
        _ = bench.collect { $0.established(epoch: 4, nowMillis: $1, effects: &$2) }
        for asker in [3, 8] as [ServerID] {
            let answer = bench.hear(.looking, from: asker, for: asker, round: 7).sent(to: asker)
            #expect(
                answer
                    == ElectionNotification(
                        state: .following, leader: 2, zxid: 0x100, electionEpoch: 1, peerEpoch: 4))
        }
        #expect(bench.wait(100_000).isEmpty)
    }

    @Test func aLeaderWhoseVotersTurnAwayIsTold() throws {
        var bench = try Bench(5, voters: [1, 2, 3, 4, 5], linked: [1, 2])
        _ = bench.start()
        _ = bench.hear(.looking, from: 1, for: 5)
        #expect(bench.hear(.looking, from: 2, for: 5).elected == 5)
        #expect(!bench.hear(.looking, from: 2, for: 5).contains(.supportLost), "the same vote again")
        #expect(!bench.hear(.looking, from: 4, for: 4).contains(.supportLost), "it never counted")
        var other = bench
        #expect(bench.hear(.looking, from: 2, for: 4, zxid: 0x200).contains(.supportLost))
        #expect(!bench.hear(.looking, from: 1, for: 4, zxid: 0x200).contains(.supportLost), "said once")
        // It goes on in the same round, with the vote that was heard.
        let again = bench.start()
        #expect(bench.election.electionEpoch == 1 && bench.election.vote.leader == 4)
        #expect(again.sent(to: 1)?.leader == 4)

        other.election.supported(by: 3)
        #expect(!other.hear(.looking, from: 2, for: 4, zxid: 0x200).contains(.supportLost), "3 came as a learner")
        _ = other.collect { $0.established(epoch: 2, nowMillis: $1, effects: &$2) }
        for voter in 1...4 as ClosedRange<ServerID> {
            #expect(!other.hear(.looking, from: voter, for: 4, round: 2).contains(.supportLost))
        }
    }

    @Test func aFollowerWhoseLeaderLooksIsTold() throws {
        var bench = try Bench(1, linked: [2])
        _ = bench.start()
        _ = bench.hear(.looking, from: 2, for: 2)
        #expect(!bench.hear(.looking, from: 3, for: 3, zxid: 0x200, round: 3).contains(.supportLost))
        #expect(bench.hear(.looking, from: 2, for: 3, zxid: 0x200, round: 3).contains(.supportLost))
        _ = bench.start()
        #expect(bench.election.electionEpoch == 3, "the round in which the others look")
        // Not at once: a new round.
        _ = bench.hear(.looking, from: 2, for: 2, round: 3)
        bench.nowMillis += 1000
        _ = bench.start()
        #expect(bench.election.electionEpoch == 4)
    }

    @Test func aServerWithoutWeightIsNeverElected() throws {
        let rule = try QuorumRule(voters: [1, 2, 3, 4], groups: [[1, 2, 3, 4]], weights: [4: 0])
        var light = Bench(4, rule: rule)
        _ = light.start(zxid: 0x900)
        _ = light.hear(.looking, from: 1, for: 1)
        #expect(light.election.vote.leader == 1, "anyone who may lead is better")
        var heavy = Bench(1, rule: rule)
        _ = heavy.start()
        for voter in [4, 2, 3] as [ServerID] {
            #expect(heavy.hear(.looking, from: voter, for: 4, zxid: 0x900).elected == nil)
        }
        #expect(heavy.election.vote.leader == 1)
        for state in [PeerState.leading, .following] {
            for voter in [2, 3, 4] as [ServerID] { #expect(heavy.hear(state, from: voter, for: 4).elected == nil) }
        }
    }

    @Test func beforeTheFirstStartNothingIsSaid() throws {
        var bench = try Bench(1)
        #expect(bench.hear(.looking, from: 2, for: 2).isEmpty)
        #expect(bench.collect { $0.linkUp(3, nowMillis: $1, effects: &$2) }.isEmpty)
        #expect(bench.wait(1000).isEmpty && bench.election.nextTickMillis == nil)
        #expect(bench.start().recipients == [2, 3])
    }

    @Test func aNewConnectionIsToldTheVote() throws {
        var bench = try Bench(1)
        _ = bench.start()
        #expect(bench.collect { $0.linkUp(3, nowMillis: $1, effects: &$2) }.recipients == [3])
        #expect(bench.collect { $0.linkUp(3, nowMillis: $1, effects: &$2) }.isEmpty)
        #expect(bench.collect { $0.linkUp(99, nowMillis: $1, effects: &$2) }.isEmpty)
    }

    @Test func theDecisionIsToldToThoseThatStillLook() throws {
        var bench = try Bench(2, observers: [8], linked: [1, 3, 8])
        _ = bench.start()
        _ = bench.hear(.following, from: 3, for: 1, round: 4)
        #expect(bench.hear(.looking, from: 1, for: 2).elected == nil, "3 is connected and says nothing of this round")
        let decided = bench.wait(20)
        #expect(decided.elected == 2)
        #expect(Set(decided.recipients) == [1, 8], "3 has a leader, it says")
        #expect(decided.sent(to: 8)?.state == .leading)
        _ = bench.hear(.following, from: 1, for: 2)
        let established = bench.collect { $0.established(epoch: 2, nowMillis: $1, effects: &$2) }
        #expect(established.recipients == [8] && established.sent(to: 8)?.peerEpoch == 2)
    }
}
