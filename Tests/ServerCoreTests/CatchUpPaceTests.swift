import Testing

@testable import ServerCore

@Suite("The pace of learners that catch up")
struct CatchUpPaceTests {
    private static let millisecond: UInt64 = 1_000_000

    /// A leader whose clients write a batch of `batchBytes` every millisecond, committed after a time that
    /// `commitNanos` computes from the bytes fed in the millisecond before. Whoever catches up takes all it may.
    private struct Leader {
        var pace = CatchUpPace()
        var now: UInt64 = 1_000_000_000
        var zxid: Int64 = 0
        var fedBytes = 0
        var commits: [(zxid: Int64, at: UInt64)] = []

        /// - Parameter turnMillis: how often it is given a processor; it makes up for what came meanwhile.
        mutating func run(
            millis: Int, batchBytes: Int, isFeeding: Bool, turnMillis: Int = 1, commitNanos: (Int) -> UInt64
        ) -> Int {
            var sum = 0
            for _ in 0..<millis / turnMillis {
                now += UInt64(turnMillis) * CatchUpPaceTests.millisecond
                if batchBytes > 0 {
                    zxid += 1
                    pace.proposed(zxid, bytes: batchBytes * turnMillis, at: now)
                    commits.append((zxid, now + commitNanos(fedBytes)))
                }
                while let first = commits.first, first.at <= now {
                    pace.committed(first.zxid, at: first.at) { _, _ in }
                    commits.removeFirst()
                }
                fedBytes = 0
                // What a link takes at most in a millisecond here.
                while isFeeding, fedBytes < 4 << 20, pace.mayFeed(at: now) {
                    pace.fed(CatchUpPace.sliceBytes, at: now)
                    fedBytes += CatchUpPace.sliceBytes
                }
                sum += fedBytes
            }
            return sum
        }
    }

    @Test("nobody writes: nothing is held back")
    func idle() {
        var leader = Leader()
        #expect(leader.run(millis: 100, batchBytes: 0, isFeeding: true) { _ in 0 } == 100 * 4 << 20)
        // Nor once the last write is some time ago.
        _ = leader.run(millis: 500, batchBytes: 5000, isFeeding: false) { _ in 3_000_000 }
        _ = leader.run(millis: 300, batchBytes: 0, isFeeding: false) { _ in 0 }
        #expect(leader.run(millis: 100, batchBytes: 0, isFeeding: true) { _ in 0 } == 100 * 4 << 20)
    }

    @Test("a short absence is made up for at once, under load too")
    func burst() {
        var leader = Leader()
        _ = leader.run(millis: 2000, batchBytes: 5000, isFeeding: false) { _ in 3_000_000 }
        let first = leader.run(millis: 1, batchBytes: 5000, isFeeding: true) { _ in 3_000_000 }
        #expect(first >= Int(CatchUpPace.burstBytes))
    }

    @Test("commits that take longer slow it down; as they were before, it speeds up")
    func adapts() {
        // Every 64 KiB fed cost each commit 2 ms more.
        var slow = Leader()
        _ = slow.run(millis: 2000, batchBytes: 5000, isFeeding: false) { _ in 3_000_000 }
        _ = slow.run(millis: 1000, batchBytes: 5000, isFeeding: true) { 3_000_000 + UInt64($0) * 30 }
        let held = slow.run(millis: 2000, batchBytes: 5000, isFeeding: true) { 3_000_000 + UInt64($0) * 30 }
        var quick = Leader()
        _ = quick.run(millis: 2000, batchBytes: 5000, isFeeding: false) { _ in 3_000_000 }
        _ = quick.run(millis: 12_000, batchBytes: 5000, isFeeding: true) { _ in 3_000_000 }
        let free = quick.run(millis: 2000, batchBytes: 5000, isFeeding: true) { _ in 3_000_000 }
        #expect(held < 2 * 60_000_000, "\(held) bytes in two seconds")
        #expect(free > 2 * 500_000_000, "\(free) bytes in two seconds")
    }

    @Test("however slow commits are, it is twice what clients write")
    func reachesTheEnd() {
        var leader = Leader()
        leader.pace.learners = 1
        _ = leader.run(millis: 1000, batchBytes: 40_000, isFeeding: false) { _ in 3_000_000 }
        _ = leader.run(millis: 1000, batchBytes: 40_000, isFeeding: true) { _ in 200_000_000 }
        let bytes = leader.run(millis: 2000, batchBytes: 40_000, isFeeding: true) { _ in 200_000_000 }
        // 40 MB/s are written.
        #expect(bytes > 2 * 70_000_000, "\(bytes) bytes in two seconds")
        #expect(bytes < 2 * 100_000_000, "\(bytes) bytes in two seconds")
    }

    @Test("a leader that is seldom given a processor feeds twice what clients write, too", arguments: [8, 17, 40])
    func seldom(turnMillis: Int) {
        var leader = Leader()
        leader.pace.learners = 1
        _ = leader.run(millis: 2000, batchBytes: 27_000, isFeeding: false, turnMillis: turnMillis) { _ in 30_000_000 }
        _ = leader.run(millis: 1000, batchBytes: 27_000, isFeeding: true, turnMillis: turnMillis) { _ in 200_000_000 }
        let bytes = leader.run(millis: 2000, batchBytes: 27_000, isFeeding: true, turnMillis: turnMillis) { _ in
            200_000_000
        }
        // 27 MB/s are written.
        #expect(bytes > 2 * 45_000_000, "\(bytes) bytes in two seconds")
        #expect(bytes < 2 * 90_000_000, "\(bytes) bytes in two seconds")
    }

    @Test("however long a leader's turns are, it is more than clients write")
    func longTurns() {
        var pace = CatchUpPace()
        pace.learners = 1
        var now: UInt64 = 1_000_000_000
        var written = 0
        var fed = 0
        for turn in 1...200 as ClosedRange<Int64> {
            now += 20 * Self.millisecond
            pace.committed(2 * turn - 2, at: now) { _, _ in }
            for zxid in [2 * turn - 1, 2 * turn] {
                pace.proposed(zxid, bytes: 500_000, at: now)
                written += 500_000
            }
            var once = 0
            while once < 4 << 20, pace.mayFeed(at: now) {
                pace.fed(CatchUpPace.sliceBytes, at: now)
                once += CatchUpPace.sliceBytes
            }
            fed += once
        }
        #expect(fed > written / 2 * 3, "\(fed) bytes fed, \(written) written")
    }

    @Test("what went while nobody wrote is not held against those that come once somebody does")
    func noDebt() {
        var leader = Leader()
        _ = leader.run(millis: 100, batchBytes: 0, isFeeding: true) { _ in 0 }
        let first = leader.run(millis: 1000, batchBytes: 5000, isFeeding: true) { _ in 3_000_000 }
        #expect(first > 10_000_000, "\(first) bytes in a second")
    }

    @Test("however slow commits are, several learners get twice what clients write each")
    func reachesTheEndOfAll() {
        var leader = Leader()
        leader.pace.learners = 3
        _ = leader.run(millis: 1000, batchBytes: 40_000, isFeeding: false) { _ in 3_000_000 }
        _ = leader.run(millis: 1000, batchBytes: 40_000, isFeeding: true) { _ in 200_000_000 }
        let bytes = leader.run(millis: 2000, batchBytes: 40_000, isFeeding: true) { _ in 200_000_000 }
        #expect(bytes > 2 * 210_000_000, "\(bytes) bytes in two seconds")
    }
}
