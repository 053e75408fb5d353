import Testing

@testable import Load

@Suite("Reports as the paper's generator made them")
struct ReportTimingTests {
    private func slices(_ rates: [UInt64]) -> [SeriesSlice] {
        rates.enumerated().map { index, count in
            SeriesSlice(
                startMillis: index * SeriesSlice.lengthMillis, completed: [count, 1], errors: 0, medianNanos: 0,
                p99Nanos: 0, maximumNanos: 0)
        }
    }

    @Test("the first bins do not count, nor what follows the last")
    func bins() throws {
        let timing = try ReportTiming(binSeconds: 0.6, droppedBins: 1, bins: 2)
        let rates = [UInt64](repeating: 999, count: 6) + [UInt64](repeating: 9, count: 6)
            + [UInt64](repeating: 19, count: 6) + [5]
        #expect(timing.rates(slices(rates)) == [100, 200])
        #expect(abs(timing.windowSeconds - 1.9) < 1e-9)
    }

    @Test("the paper's own timing")
    func paper() throws {
        let timing = try ReportTiming()
        #expect(timing.reportMillis == 300 && timing.binSeconds == 6 && timing.droppedBins == 3)
    }

    @Test("a timing that cannot be had is refused")
    func refusals() {
        #expect(throws: LoadError.self) { try ReportTiming(reportMillis: 250) }
        #expect(throws: LoadError.self) { try ReportTiming(binSeconds: 1) }
        #expect(throws: LoadError.self) { try ReportTiming(bins: 0) }
    }
}
