/// Kinds of faults, as they are counted.
public enum FaultKind: Int, CaseIterable, Sendable {
    case crash, powerLoss, powerLossOfAll, powerLossWithinWrite, pause, partition, isolatedLeader, oneWayCut
    case connectionBreak, slowLink, slowDisk, fullDisk, clockJump, electionMessageLoss
    /// Some fall behind, then the leader loses power for a moment and those in step are away: who was behind decides.
    case quorumShift
    /// Some of the leader's links fail as it writes, and then its power, within a few round trips.
    case fadingLeader
    /// The leader keeps a single follower, which has to synchronize anew, and all others lose them.
    case lonelyPair

    public var name: String { "\(self)" }
}

/// How often each kind of fault happened.
public struct FaultCounts: Sendable, Equatable {
    public internal(set) var counts = [Int](repeating: 0, count: FaultKind.allCases.count)

    public subscript(kind: FaultKind) -> Int {
        get { counts[kind.rawValue] }
        set { counts[kind.rawValue] = newValue }
    }

    public var total: Int { counts.reduce(0, +) }

    public static func += (left: inout FaultCounts, right: FaultCounts) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }
}

/// Which faults a run has, how often, and for how long. Swarm-randomized: most runs have only some, so that those
/// meet often.
struct FaultPlan {
    struct Rate {
        var kind: FaultKind
        var meanIntervalNanos: UInt64
        var meanDurationNanos: UInt64
    }

    var rates: [Rate] = []
    var electionLossChance = 0.0
    /// Chance that a turn in a server's life (elected, joined, leading, following) brings another fault with it: the
    /// moments between two of them are short, and most mistakes live there.
    var turnChance = 0.0
    var chaosNanos: UInt64 = 20 * Span.second

    static func random(_ dice: inout Dice, servers: Int) -> FaultPlan {
        var plan = FaultPlan()
        plan.chaosNanos = UInt64(dice.int(5...25)) * Span.second
        // One run in twenty has none: progress and order must hold on the quiet path too.
        guard !dice.chance(0.05) else { return plan }
        let share = dice.pick([0.2, 0.35, 0.6])
        for kind in FaultKind.allCases where kind != .electionMessageLoss {
            guard dice.chance(share) else { continue }
            if servers == 1,
                [.partition, .isolatedLeader, .quorumShift, .fadingLeader, .lonelyPair].contains(kind)
            { continue }
            let interval = UInt64(dice.pick([500, 1500, 4000, 8000])) * Span.millisecond
            let duration = UInt64(dice.pick([100, 400, 1500, 5000])) * Span.millisecond
            plan.rates.append(Rate(kind: kind, meanIntervalNanos: interval, meanDurationNanos: duration))
        }
        if dice.chance(share) { plan.electionLossChance = dice.pick([0.02, 0.1, 0.3]) }
        plan.turnChance = dice.pick([0, 0, 0.03, 0.1, 0.2])
        return plan
    }
}
