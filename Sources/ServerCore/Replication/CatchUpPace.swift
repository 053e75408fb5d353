/// How fast a leader feeds learners that catch up, while clients wait for writes.
///
/// Nobody else writes: full speed. Otherwise a budget of bytes per second, which shrinks when the slowest commits take
/// longer than the slowest did before anybody caught up, and grows while they do not: so it finds out whether disks,
/// processors or the network are short, on whichever server. The slowest, because a burst that holds up one commit in a
/// hundred hardly moves the mean. It shrinks fast and grows slowly, doubling in some two seconds, because what it costs
/// shows late. It is never less than two bytes for each that clients write, for each of those learners, or none would
/// ever catch up: counted by the byte and not by the second, because a turn of a leader under load may take any time.
struct CatchUpPace {
    /// Bytes that may go at once before anything is held back: a short absence is made up for in one go.
    static let burstBytes = 512.0 * 1024
    static let sliceBytes = 64 << 10
    /// When to look again after the budget is used up.
    static let pauseMillis: Int64 = 1
    private static let leastBytesPerSecond = 10e6
    private static let mostBytesPerSecond = 2e9
    private static let firstBytesPerSecond = 12e6
    /// Without a write for so long, nobody waits.
    private static let idleNanos: UInt64 = 200_000_000
    private static let periodNanos: UInt64 = 50_000_000
    /// Periods that must have been seen before their usual slowest commit is believed, and what is believed until then.
    private static let leastPeriods = 10
    private static let assumedUsualNanos = 4e6
    /// The longest stretch that may be made up for at once.
    private static let arrearsSeconds = 0.002
    /// Batches of clients' writes whose earnings are kept until a turn comes: more than go out in one.
    private static let earningBatches = 4.0

    /// How many catch up.
    var learners = 0
    private var bytesPerSecond = CatchUpPace.firstBytesPerSecond
    private var credit = CatchUpPace.burstBytes
    /// Twice what clients have written, less what was fed: while this or `credit` is there, learners are fed.
    private var earnedBytes = 0.0
    private var filledNanos: UInt64 = 0
    private var fedNanos: UInt64 = 0
    private var proposedNanos: UInt64 = 0
    /// Proposals that are not committed: their last zxids, how many they are, and when they were sent.
    private var underWay: [(zxid: Int64, transactions: Int, nanos: UInt64)] = []
    /// A moving mean of the periods' slowest commits while nobody catches up.
    private var usualNanos = 0.0
    /// How far they are from that, in the mean.
    private var deviationNanos = 0.0
    private var quietPeriods = 0
    // The period in hand.
    private var periodEndNanos: UInt64 = 0
    private var slowestNanos = 0.0

    /// A batch of clients' writes goes out.
    mutating func proposed(_ zxid: Int64, transactions: Int = 1, bytes: Int, at now: UInt64) {
        proposedNanos = now
        let earned = 2 * Double(bytes * learners)
        earnedBytes = min(earnedBytes + earned, max(earnedBytes, Self.burstBytes, earned * Self.earningBatches))
        underWay.append((zxid, transactions, now))
    }

    /// A quorum has everything up to `zxid`.
    ///
    /// - Parameter note: is told of each batch how long that took, and how many transactions it has.
    mutating func committed(_ zxid: Int64, at now: UInt64, note: (_ nanos: UInt64, _ transactions: Int) -> Void) {
        var done = 0
        while done < underWay.count, underWay[done].zxid <= zxid {
            let nanos = now &- underWay[done].nanos
            slowestNanos = max(slowestNanos, Double(nanos))
            note(nanos, underWay[done].transactions)
            done += 1
        }
        underWay.removeFirst(done)
        if now >= periodEndNanos { endPeriod(now) }
    }

    private mutating func endPeriod(_ now: UInt64) {
        let isFeeding = now <= fedNanos + Self.idleNanos
        if slowestNanos > 0, isFeeding {
            let usual =
                quietPeriods >= Self.leastPeriods ? usualNanos + 2 * deviationNanos : Self.assumedUsualNanos
            bytesPerSecond *= slowestNanos > usual ? 0.8 : 1.02
        } else if slowestNanos > 0 {
            quietPeriods += 1
            let weight = 1 / Double(min(quietPeriods, 100))
            usualNanos += weight * (slowestNanos - usualNanos)
            deviationNanos += weight * (abs(slowestNanos - usualNanos) - deviationNanos)
        }
        bytesPerSecond = min(max(bytesPerSecond, Self.leastBytesPerSecond), Self.mostBytesPerSecond)
        if !isFeeding { bytesPerSecond = Self.firstBytesPerSecond }
        periodEndNanos = now + Self.periodNanos
        slowestNanos = 0
    }

    /// Whether clients wait for writes.
    private func isHeld(at now: UInt64) -> Bool { now <= proposedNanos + Self.idleNanos && proposedNanos > 0 }

    /// Whether learners that catch up may be sent a slice now.
    mutating func mayFeed(at now: UInt64) -> Bool {
        guard isHeld(at: now) else { return true }
        let seconds = Double(now - min(now, filledNanos)) / 1e9
        filledNanos = now
        // What was not used for a while may be used at once, as at the beginning.
        let isFresh = now > fedNanos + 10 * Self.idleNanos
        let most =
            isFresh ? Self.burstBytes : max(bytesPerSecond * Self.arrearsSeconds, Double(Self.sliceBytes))
        credit = min(credit + bytesPerSecond * min(seconds, 1), max(most, min(credit, Self.burstBytes)))
        return credit > 0 || earnedBytes > 0
    }

    /// Bytes have gone to a learner that catches up.
    mutating func fed(_ bytes: Int, at now: UInt64) {
        fedNanos = now
        // What went while nobody waited is nobody's debt.
        guard isHeld(at: now) else {
            credit = Self.burstBytes
            earnedBytes = 0
            return
        }
        // Each byte is paid twice, from what time gives and from what writes do. A slice may be a batch of any size.
        let least = -max(Self.burstBytes, Double(bytes))
        credit = max(credit - Double(bytes), min(credit, least))
        earnedBytes = max(earnedBytes - Double(bytes), min(earnedBytes, least))
    }
}
