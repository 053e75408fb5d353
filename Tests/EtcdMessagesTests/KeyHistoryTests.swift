import EtcdMessages
import Testing

/// The rules that etcd's answers must keep: each can be broken, and is found.
struct KeyHistoryTests {
    private let length = 64

    private func value(_ stamp: ValueStamp?, revision: Int64, length: Int = 64) -> Answer.Value {
        Answer.Value(modRevision: revision, length: length, stamp: stamp)
    }

    @Test func writesAndReadsInOrderHold() {
        var history = KeyHistory(connection: 2, valueBytes: length)
        let first = history.nextStamp()
        #expect(history.acknowledge(first, revision: 10, floor: 0) == nil)
        #expect(history.check(value(first, revision: 10), floor: 10) == nil)
        let second = history.nextStamp()
        let floor = history.newestRevision
        // A read that overtakes the write's acknowledgement may show it already.
        #expect(history.check(value(second, revision: 12), floor: floor) == nil)
        #expect(history.acknowledge(second, revision: 12, floor: floor) == nil)
        #expect(history.newestRevision == 12)
    }

    @Test("a read older than a write acknowledged before it was sent is a breach")
    func staleRead() {
        var history = KeyHistory(connection: 2, valueBytes: length)
        let first = history.nextStamp()
        _ = history.acknowledge(first, revision: 10, floor: 0)
        let second = history.nextStamp()
        _ = history.acknowledge(second, revision: 11, floor: 10)
        let breach = history.check(value(first, revision: 10), floor: 11)
        #expect(breach?.kind == "zxidOrder")
        // Sent before the second write was acknowledged, it is none.
        #expect(history.check(value(first, revision: 10), floor: 10) == nil)
    }

    @Test func aWriteMakesANewRevision() {
        var history = KeyHistory(connection: 2, valueBytes: length)
        _ = history.acknowledge(history.nextStamp(), revision: 10, floor: 0)
        #expect(history.acknowledge(history.nextStamp(), revision: 10, floor: 10)?.kind == "zxidOrder")
    }

    @Test func contentIsThisConnections() {
        var history = KeyHistory(connection: 2, valueBytes: length)
        let stamp = history.nextStamp()
        _ = history.acknowledge(stamp, revision: 10, floor: 0)
        let other = ValueStamp(connection: 3, sequence: 0)
        #expect(history.check(value(other, revision: 11), floor: 10)?.kind == "contentStamp")
        #expect(history.check(value(nil, revision: 11), floor: 10)?.kind == "contentStamp")
        let unsent = ValueStamp(connection: 2, sequence: 1)
        #expect(history.check(value(unsent, revision: 11), floor: 10)?.kind == "contentStamp")
        #expect(history.check(value(stamp, revision: 11, length: 63), floor: 10)?.kind == "payloadLength")
        #expect(history.check(nil, floor: 10)?.kind == "acknowledgedLost")
    }

    @Test("an acknowledged revision holds the value that made it")
    func revisionHoldsItsValue() {
        var history = KeyHistory(connection: 2, valueBytes: length)
        let first = history.nextStamp()
        _ = history.acknowledge(first, revision: 10, floor: 0)
        let second = history.nextStamp()
        _ = history.acknowledge(second, revision: 11, floor: 10)
        #expect(history.check(value(first, revision: 11), floor: 11)?.kind == "contentStamp")
    }
}

struct LatencyCountsTests {
    @Test("percentiles are within the layout's three digits")
    func percentiles() {
        var counts = LatencyCounts()
        for value in 1...100_000 { counts.record(UInt64(value) * 1000) }
        for (percentile, exact) in [(50.0, 50e6), (90, 90e6), (99, 99e6), (99.9, 99.9e6)] {
            let value = Double(counts.value(atPercentile: percentile))
            #expect(abs(value - exact) / exact < 0.002, "p\(percentile) is \(value)")
        }
        let event = counts.event
        #expect(event.total == 100_000)
        #expect(event.minimumNanos == 1000 && event.maximumNanos == 100_000_000)
        #expect(event.slots.reduce(0) { $0 + $1[1] } == 100_000)
    }

    @Test func addingLosesNothing() {
        var (one, two) = (LatencyCounts(), LatencyCounts())
        one.record(5)
        two.record(1 << 40)
        two.record(700)
        one.add(two)
        #expect(one.total == 3)
        #expect(one.value(atPercentile: 100) == 1 << 36)
        one.reset()
        #expect(one.event.slots.isEmpty && one.value(atPercentile: 50) == 0)
    }
}

/// When nothing succeeded.
struct SilenceTests {
    @Test func silencesAreNotedFromTenMilliseconds() {
        let millis: UInt64 = 1_000_000
        var notes = SilenceNotes(startNanos: 1000 * millis)
        for at: UInt64 in [1005, 1014, 1040, 1035, 1041] { notes.success(at: at * millis) }
        #expect(notes.pairs == [[14 * millis, 40 * millis]])
        notes.end(at: 1045 * millis)
        #expect(notes.pairs.count == 1)
        notes.end(at: 1100 * millis)
        #expect(notes.pairs.last == [45 * millis, 100 * millis])
    }
}
