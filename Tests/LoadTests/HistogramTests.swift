import Histogram
import Testing

@testable import Load

struct HistogramTests {
    /// Values over the whole range, from a printed seed.
    private func values(_ seed: UInt64, _ count: Int) -> [UInt64] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in random.next() >> UInt64(28 + random.below(36)) }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func recorderAgreesWithThePackage(seed: UInt64) {
        var recorder = LatencyRecorder()
        var histogram = LatencyRecorder.emptyHistogram()
        for value in values(seed, 20_000) {
            recorder.record(value)
            histogram.record(min(value, LatencyRecorder.highestTrackable))
        }
        let converted = recorder.makeHistogram()
        #expect(converted.totalCount == histogram.totalCount)
        #expect(converted.maxRecorded == histogram.maxRecorded)
        #expect(converted.min == histogram.min)
        for percentile in [0.1, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 100] {
            #expect(converted.valueAtPercentile(percentile) == histogram.valueAtPercentile(percentile))
            #expect(recorder.value(atPercentile: percentile) == histogram.valueAtPercentile(percentile))
        }
    }

    @Test func mergingLosesNothing() {
        let all = values(4, 10_000)
        var whole = LatencyRecorder()
        var left = LatencyRecorder()
        var right = LatencyRecorder()
        for (index, value) in all.enumerated() {
            whole.record(value)
            if index % 3 == 0 { left.record(value) } else { right.record(value) }
        }
        left.add(right)
        #expect(left.total == whole.total)
        for index in 0..<LatencyRecorder.slotCount where left.counts[index] != whole.counts[index] {
            Issue.record("slot \(index) differs")
        }
        left.reset()
        #expect((0..<LatencyRecorder.slotCount).allSatisfy { left.counts[$0] == 0 })
        #expect(left.value(atPercentile: 50) == 0)
    }

    @Test func slotsCoverTheRangeWithoutGaps() {
        for index in 0..<LatencyRecorder.slotCount - 1 {
            #expect(LatencyRecorder.index(of: LatencyRecorder.lowestValue(at: index)) == index)
            #expect(LatencyRecorder.index(of: LatencyRecorder.highestValue(at: index)) == index)
            #expect(LatencyRecorder.highestValue(at: index) + 1 == LatencyRecorder.lowestValue(at: index + 1))
        }
    }

    @Test func logReadsBackAsWritten() throws {
        var recorder = LatencyRecorder()
        for value in values(5, 5000) { recorder.record(value) }
        for _ in 0..<300 { recorder.record(0) }
        let interval = HistogramInterval(
            tag: "read", startSeconds: 0, lengthSeconds: 1, maximumNanos: recorder.maximum,
            encoded: HistogramLog.encode(recorder))
        let text = HistogramLog.text([interval], startWallSeconds: 1_700_000_000.25)
        #expect(text.contains("#[StartTime: 1700000000.250"))
        let decoded = try HistogramLogReader.decode(text)
        #expect(decoded.count == 1)
        #expect(decoded[0].tag == "read")
        #expect(decoded[0].significantDigits == 3)
        #expect(decoded[0].total == recorder.total)
        for (slot, count) in decoded[0].counts { #expect(recorder.counts[slot] == count) }
    }

    @Test func aBrokenLogIsRefused() throws {
        var recorder = LatencyRecorder()
        recorder.record(1000)
        let encoded = HistogramLog.encode(recorder)
        func line(_ histogram: String) -> String { "Tag=read,0.000,1.000,0.001,\(histogram)" }
        #expect(try HistogramLogReader.totalCount(line(encoded), excludingTag: "error") == 1)
        #expect(throws: LoadError.self) { try HistogramLogReader.decode(line(String(encoded.dropLast(4)))) }
        #expect(throws: LoadError.self) { try HistogramLogReader.decode(line("nonsense")) }
        #expect(throws: LoadError.self) { try HistogramLogReader.decode("1,2") }
    }
}

struct IntervalTests {
    /// A window may end with a fraction of a slice, on a busy machine with much of the work in it; and that fraction
    /// happens to be the last of its interval.
    @Test func aShortLastSliceIsListedAndLogged() {
        var recorders = IntervalRecorders()
        recorders.restart(at: 0)
        for slice in 1...10 as ClosedRange<UInt64> {
            recorders.slice[0].record(1000)
            let end = slice * IntervalRecorders.sliceNanos - (slice < 10 ? 0 : 99_000_000)
            _ = recorders.closeSlice(at: end, counts: true)
        }
        recorders.closeInterval(at: 11 * IntervalRecorders.sliceNanos, keep: true)
        let (listed, logged, total) = (recorders.slices.count, recorders.intervals.count, recorders.total[0].total)
        #expect(listed == 10)
        #expect(logged == 1)
        #expect(total == 10)
    }

    /// Threads that were kept waiting for different times have different slices; none is lost, none moved.
    @Test func slicesOfThreadsAreAddedByTheirTime() {
        func slice(_ startMillis: Int, _ count: UInt64) -> SeriesSlice {
            SeriesSlice(
                startMillis: startMillis, completed: [count, 1], errors: 1, medianNanos: count, p99Nanos: count,
                maximumNanos: count)
        }
        let merged = LoadRun.mergedSlices([
            [slice(0, 1), slice(100, 2), slice(200, 3), slice(300, 4)], [slice(0, 10), slice(304, 20)], [slice(99, 7)],
        ])
        #expect(merged.map(\.startMillis) == [0, 100, 200, 300])
        #expect(merged.map { $0.completed[0] } == [18, 2, 3, 24])
        #expect(merged.map { $0.completed[1] } == [3, 1, 1, 2] && merged.map(\.errors) == [3, 1, 1, 2])
        #expect(merged.map(\.p99Nanos) == [10, 2, 3, 20])
        #expect(LoadRun.mergedSlices([]).isEmpty)
    }
}
