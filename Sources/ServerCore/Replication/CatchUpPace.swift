/// How fast a leader feeds learners that catch up, while clients wait for writes.
///
/// Nobody else writes: full speed. Otherwise a budget of bytes per second, which shrinks when commits take longer than
/// they did before anybody caught up, and grows while they do not: so it finds out whether disks, processors or the
/// network are short, on whichever server. It never falls below twice what the clients write, or nobody would ever
/// catch up.
struct CatchUpPace {
    /// Bytes that may go at once before anything is held back: a short absence is made up for in one go.
    static let burstBytes = 4.0 * 1024 * 1024
    static let sliceBytes = 64 << 10
    /// When to look again after the budget is used up.
    static let pauseMillis: Int64 = 4
    private static let leastBytesPerSecond = 8e6
    private static let mostBytesPerSecond = 2e9
    private static let firstBytesPerSecond = 32e6
    /// Without a write for so long, nobody waits.
    private static let idleNanos: UInt64 = 200_000_000
    private static let periodNanos: UInt64 = 50_000_000
    /// Commits that must have been seen before their usual time is believed, and what is believed until then.
    private static let leastCommits = 50
    private static let assumedUsualNanos = 4e6

    private var bytesPerSecond = CatchUpPace.firstBytesPerSecond
    private var credit = CatchUpPace.burstBytes
    private var filledNanos: UInt64 = 0
    private var fedNanos: UInt64 = 0
    private var proposedNanos: UInt64 = 0
    /// Proposals that are not committed: their last zxids, and when they were sent.
    private var underWay: [(zxid: Int64, nanos: UInt64)] = []
    /// A moving mean of the time to commit while nobody catches up.
    private var usualNanos = 0.0
    private var commits = 0
    // The period in hand.
    private var periodEndNanos: UInt64 = 0
    private var sumNanos = 0.0
    private var count = 0.0
    private var writtenBytes = 0.0

    /// A batch of clients' writes goes out.
    mutating func proposed(_ zxid: Int64, bytes: Int, at now: UInt64) {
        proposedNanos = now
        writtenBytes += Double(bytes)
        underWay.append((zxid, now))
    }

    /// A quorum has everything up to `zxid`.
    mutating func committed(_ zxid: Int64, at now: UInt64) {
        var done = 0
        while done < underWay.count, underWay[done].zxid <= zxid {
            let nanos = Double(now &- underWay[done].nanos)
            sumNanos += nanos
            count += 1
            if now > fedNanos + Self.idleNanos {
                commits += 1
                usualNanos += (nanos - usualNanos) / Double(min(commits, 500))
            }
            done += 1
        }
        underWay.removeFirst(done)
        if now >= periodEndNanos { endPeriod(now) }
    }

    private mutating func endPeriod(_ now: UInt64) {
        let seconds = Double(now - (periodEndNanos - min(periodEndNanos, Self.periodNanos))) / 1e9
        let isFeeding = now <= fedNanos + Self.idleNanos
        if isFeeding, count > 0 {
            let usual = commits >= Self.leastCommits ? usualNanos : Self.assumedUsualNanos
            bytesPerSecond *= sumNanos / count > 1.5 * usual ? 0.7 : 1.15
        }
        let least = max(Self.leastBytesPerSecond, 2 * writtenBytes / max(seconds, 0.001))
        bytesPerSecond = min(max(bytesPerSecond, least), max(least, Self.mostBytesPerSecond))
        if !isFeeding { bytesPerSecond = max(least, Self.firstBytesPerSecond) }
        periodEndNanos = now + Self.periodNanos
        sumNanos = 0
        count = 0
        writtenBytes = 0
    }

    /// Whether learners that catch up may be sent a slice now.
    mutating func mayFeed(at now: UInt64) -> Bool {
        guard now <= proposedNanos + Self.idleNanos, proposedNanos > 0 else { return true }
        let seconds = Double(now - min(now, filledNanos)) / 1e9
        filledNanos = now
        // What was not used for a while may be used at once, as at the beginning.
        let most = now > fedNanos + 10 * Self.idleNanos ? Self.burstBytes : max(bytesPerSecond * 0.01, 2 * 65_536)
        credit = min(credit + bytesPerSecond * min(seconds, 1), max(most, min(credit, Self.burstBytes)))
        return credit > 0
    }

    /// Bytes have gone to a learner that catches up.
    mutating func fed(_ bytes: Int, at now: UInt64) {
        fedNanos = now
        credit -= Double(bytes)
    }
}
