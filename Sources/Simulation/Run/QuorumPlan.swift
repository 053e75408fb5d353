import Zab

/// Which sets of servers decide in a run: majorities mostly, sometimes weights, or groups with weights.
struct QuorumPlan {
    private(set) var groups: [[ServerID]] = []
    private(set) var weights: [ServerID: Int64] = [:]

    static func random(_ dice: inout Dice, voters: Int) -> QuorumPlan {
        var plan = QuorumPlan()
        guard voters >= 3, dice.chance(0.15) else { return plan }
        let ids = (1...voters).map { ServerID($0) }
        let groupCount = voters >= 5 ? dice.pick([1, 2, 3]) : dice.pick([1, 1, 3])
        plan.groups = (0..<groupCount).map { group in ids.filter { Int($0) % groupCount == group } }
        // Without weight a server votes, logs and serves, but decides nothing and is not elected.
        for id in ids { plan.weights[id] = Int64(dice.pick([0, 1, 1, 1, 2])) }
        for group in plan.groups where group.allSatisfy({ plan.weights[$0] == 0 }) {
            for id in group { plan.weights[id] = 1 }
        }
        return plan
    }
}

extension QuorumPlan: CustomStringConvertible {
    var description: String {
        guard !groups.isEmpty else { return "majorities" }
        let texts = groups.map { ids in ids.map { "\($0):\(weights[$0] ?? 1)" }.joined(separator: "+") }
        return "groups " + texts.joined(separator: " | ")
    }
}
