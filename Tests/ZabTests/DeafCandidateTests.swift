import Testing
import Zab

/// A server that others hear and that hears nobody has the best vote of all, and leads nobody.
@Suite("Candidates that hear nobody") struct DeafCandidateTests {
    /// Servers 1 to 5; what is sent to 5 is lost.
    private struct Ensemble {
        var elections: [ServerID: Election] = [:]
        var leaders: [ServerID: ServerID] = [:]
        var nowMillis: Int64 = 1000
        var hearing: Set<ServerID> = [1, 2, 3, 4]

        init() throws {
            let rule = try QuorumRule(voters: [1, 2, 3, 4, 5])
            for id in rule.members { elections[id] = Election(id: id, rule: rule) }
            var effects: [ElectionEffect] = []
            for id in rule.members {
                for other in rule.members where other != id {
                    elections[id]!.linkUp(other, nowMillis: nowMillis, effects: &effects)
                }
            }
            for id in rule.members { start(id) }
        }

        mutating func start(_ id: ServerID) {
            leaders[id] = nil
            var effects: [ElectionEffect] = []
            elections[id]!.start(lastZxid: 0x100, currentEpoch: 1, nowMillis: nowMillis, effects: &effects)
            perform(id, effects)
        }

        mutating func perform(_ id: ServerID, _ effects: [ElectionEffect]) {
            for effect in effects {
                switch effect {
                case .send(let notification, let to):
                    guard hearing.contains(to) else { continue }
                    var answer: [ElectionEffect] = []
                    elections[to]!.received(notification, from: id, nowMillis: nowMillis, effects: &answer)
                    perform(to, answer)
                case .elected(let leader, _): leaders[id] = leader
                case .supportLost: start(id)
                }
            }
        }

        mutating func pass(millis: Int) {
            for _ in 0..<millis {
                nowMillis += 1
                for id in elections.keys.sorted() {
                    var effects: [ElectionEffect] = []
                    elections[id]!.tick(nowMillis: nowMillis, effects: &effects)
                    perform(id, effects)
                }
            }
        }
    }

    @Test func theOthersElectOneThatHears() throws {
        var ensemble = try Ensemble()
        ensemble.pass(millis: 30)
        #expect(ensemble.leaders[1] == 5, "the best vote, as far as anybody knows")
        ensemble.pass(millis: 300)
        for id: ServerID in 1...4 { #expect(ensemble.leaders[id] == 4) }
        #expect(ensemble.leaders[5] == nil)
    }

    @Test func onceItHearsAgainItFollows() throws {
        var ensemble = try Ensemble()
        ensemble.pass(millis: 300)
        #expect(ensemble.leaders[4] == 4)
        for id: ServerID in 1...4 {
            var effects: [ElectionEffect] = []
            ensemble.elections[id]!.established(epoch: 2, nowMillis: ensemble.nowMillis, effects: &effects)
            ensemble.perform(id, effects)
        }
        ensemble.hearing.insert(5)
        ensemble.pass(millis: 2500)
        #expect(ensemble.leaders[5] == 4)
        // And in the next election it counts as before.
        for id: ServerID in 1...5 { ensemble.start(id) }
        ensemble.pass(millis: 100)
        for id: ServerID in 1...5 { #expect(ensemble.leaders[id] == 5) }
    }

    /// Whoever votes for another, or has decided, hears.
    @Test func aServerThatIsOnlySlowIsElected() throws {
        let rule = try QuorumRule(voters: [1, 2, 3])
        var election = Election(id: 1, rule: rule)
        var effects: [ElectionEffect] = []
        election.start(lastZxid: 0x100, currentEpoch: 1, nowMillis: 0, effects: &effects)
        func vote(_ state: PeerState, _ leader: ServerID) -> ElectionNotification {
            ElectionNotification(state: state, leader: leader, zxid: 0x100, electionEpoch: 1, peerEpoch: 1)
        }
        election.received(vote(.looking, 3), from: 3, nowMillis: 1, effects: &effects)
        election.received(vote(.looking, 3), from: 2, nowMillis: 1, effects: &effects)
        #expect(effects.contains(.elected(leader: 3, electionEpoch: 1)))
        effects = []
        // The same again at once, and once more later: it may have been sent before it heard.
        for millis: Int64 in [2, 3, 60, 61, 62] {
            election.received(vote(.looking, 3), from: 3, nowMillis: millis, effects: &effects)
        }
        #expect(!effects.contains(.supportLost))
        election.received(vote(.looking, 3), from: 3, nowMillis: 160, effects: &effects)
        #expect(effects.contains(.supportLost))
    }
}
