import Testing
import Zab

@Suite("Quorums") struct QuorumRuleTests {
    @Test(arguments: 1...13) func majorities(size: Int) throws {
        let ids = (1...size).map { ServerID($0) }
        let rule = try QuorumRule(voters: ids.reversed(), observers: [100])
        for count in 0...size {
            #expect(rule.containsQuorum(ids.prefix(count)) == (count > size / 2))
            #expect(rule.containsQuorum(Array(ids.suffix(count)) + [100, 77]) == (count > size / 2))
        }
        #expect(Array(rule.voters) == ids && Array(rule.observers) == [100])
        #expect(rule.isVoter(1) && !rule.isVoter(100) && !rule.isVoter(77))
        #expect(rule.weight(of: 1) == 1 && rule.weight(of: 100) == 0)
    }

    @Test func twoQuorumsAlwaysMeet() throws {
        let ids = Array(1...9) as [ServerID]
        let rules = [
            try QuorumRule(voters: ids),
            try QuorumRule(voters: ids, groups: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
            try QuorumRule(
                voters: ids, groups: [[1, 2, 3], [4, 5, 6], [7, 8, 9]], weights: [1: 3, 4: 0, 7: 0, 8: 0, 9: 0]),
        ]
        for rule in rules {
            let quorums = (0..<1 << ids.count).filter { bits in
                rule.containsQuorum(ids.filter { bits >> Int($0 - 1) & 1 == 1 })
            }
            #expect(!quorums.isEmpty)
            #expect(quorums.allSatisfy { one in quorums.allSatisfy { $0 & one != 0 } })
        }
    }

    @Test func groupsNeedMoreThanHalfOfTheirWeightInMoreThanHalfOfThem() throws {
        let rule = try QuorumRule(voters: Array(1...9), groups: [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
        #expect(rule.containsQuorum([1, 2, 4, 5]))
        #expect(!rule.containsQuorum([1, 2, 3, 4, 7]))
        #expect(!rule.containsQuorum([] as [ServerID]))
        #expect(rule.containsQuorum([2, 3, 8, 9]))
    }

    @Test func zeroWeightsAndZeroGroups() throws {
        let rule = try QuorumRule(
            voters: Array(1...6), groups: [[1, 2, 3], [4, 5], [6]],
            weights: [1: 1, 2: 1, 3: 0, 4: 0, 5: 0, 6: 1])
        #expect(rule.weight(of: 3) == 0)
        // Two groups count; both are needed.
        #expect(!rule.containsQuorum([1, 2]))
        #expect(!rule.containsQuorum([1, 3, 6, 4, 5]))
        #expect(rule.containsQuorum([1, 2, 6]))
        #expect(!rule.containsQuorum([3, 4, 5]))
    }

    @Test func mistakesAreNamed() {
        #expect(throws: QuorumRuleError.noVoters) { _ = try QuorumRule(voters: [], observers: [1]) }
        #expect(throws: QuorumRuleError.duplicateMember(1)) { _ = try QuorumRule(voters: [1, 2], observers: [1]) }
        #expect(throws: QuorumRuleError.tooManyMembers(256)) { _ = try QuorumRule(voters: (0..<256).map { $0 }) }
        #expect(throws: QuorumRuleError.notInAnyGroup(3)) { _ = try QuorumRule(voters: [1, 2, 3], groups: [[1, 2]]) }
        #expect(throws: QuorumRuleError.inSeveralGroups(2)) {
            _ = try QuorumRule(voters: [1, 2], groups: [[1, 2], [2]])
        }
        #expect(throws: QuorumRuleError.unknownInGroup(9)) { _ = try QuorumRule(voters: [1], groups: [[1, 9]]) }
        #expect(throws: QuorumRuleError.negativeWeight(1)) {
            _ = try QuorumRule(voters: [1], groups: [[1]], weights: [1: -1])
        }
        #expect(throws: QuorumRuleError.noWeight) { _ = try QuorumRule(voters: [1], groups: [[1]], weights: [1: 0]) }
    }

    @Test func idsOfAnySizeHaveAPlace() throws {
        let ids: [ServerID] = [-5, 0, 255, 256, 1 << 40]
        let rule = try QuorumRule(voters: ids)
        for (place, id) in ids.enumerated() { #expect(rule.voterPosition(of: id) == place) }
        #expect(rule.position(of: 1) == nil && rule.position(of: 1 << 41) == nil)
        let many = try QuorumRule(voters: (1...255).map { $0 })
        #expect(many.containsQuorum((1...128).map { $0 }) && !many.containsQuorum((1...127).map { $0 }))
    }

    @Test func setsAreSets() {
        var set = VoterSet()
        for position in [0, 63, 64, 127, 128, 200, 254] {
            #expect(!set.contains(position))
            set.insert(position)
            set.insert(position)
            #expect(set.contains(position))
        }
        #expect(set.count == 7 && !set.isEmpty)
        set.remove(64)
        set.remove(65)
        #expect(!set.contains(64) && set.contains(63) && set.contains(127) && set.count == 6)
        set.removeAll()
        #expect(set.isEmpty && set == VoterSet())
    }

    @Test func theCommitPointIsWhatAQuorumHasReached() throws {
        let rule = try QuorumRule(voters: [1, 2, 3, 4, 5], observers: [6])
        #expect(rule.highestReached([9, 7, 5, 3, 1]) == 5)
        #expect(rule.highestReached([9, 9, .min, .min, 4]) == 4)
        #expect(rule.highestReached([9, 9, .min, .min, .min]) == nil)
        let groups = try QuorumRule(voters: [1, 2, 3], groups: [[1], [2], [3]], weights: [3: 0])
        #expect(groups.highestReached([4, 6, 100]) == 4)
    }

    @Test func theCommitPointAgreesWithTheDefinition() throws {
        var generator = SplitMix(state: 7)
        let rules = [
            try QuorumRule(voters: [1, 2, 3, 4, 5, 6, 7]),
            try QuorumRule(voters: [1, 2, 3, 4, 5, 6, 7], groups: [[1, 2, 3], [4, 5], [6, 7]], weights: [2: 4, 6: 0]),
        ]
        for _ in 0..<500 {
            for rule in rules {
                let reached = rule.voters.map { _ in Int64.random(in: 0...6, using: &generator) }
                let byDefinition = (0...6).last { (value: Int64) in
                    rule.containsQuorum(zip(rule.voters, reached).filter { $0.1 >= value }.map(\.0))
                }
                #expect(rule.highestReached(reached) == byDefinition)
            }
        }
    }
}
