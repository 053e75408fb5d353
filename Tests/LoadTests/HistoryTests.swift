import Foundation
import Testing

@testable import Load

struct ChangePointTests {
    private func noisy(_ levels: [(level: Double, count: Int)], noise: Double, seed: UInt64) -> [Double] {
        var random = RandomSource(seed: seed)
        return levels.flatMap { level in
            (0..<level.count).map { _ in level.level * (1 + noise * (random.unit() - 0.5)) }
        }
    }

    @Test func aStepIsFoundWhereItIs() throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            let points = ChangePoints().find(in: noisy([(1, 12), (1.1, 12)], noise: 0.04, seed: seed))
            #expect(points.map(\.index) == [12], "seed \(seed)")
            let point = try #require(points.first)
            #expect(point.pValue <= 0.05 && abs(point.ratio - 1.1) < 0.03)
        }
    }

    @Test func severalStepsAreFound() {
        let points = ChangePoints().find(in: noisy([(1, 10), (0.8, 10), (1.2, 10)], noise: 0.03, seed: 3))
        #expect(points.map(\.index) == [10, 20])
        #expect(points.map { $0.ratio < 1 } == [true, false])
    }

    @Test func noiseIsNoChange() {
        var found = 0
        for seed in 1...40 as ClosedRange<UInt64> {
            if !ChangePoints().find(in: noisy([(1, 20)], noise: 0.3, seed: seed)).isEmpty { found += 1 }
        }
        // One of twenty by chance.
        #expect(found <= 6, "\(found) of 40")
        #expect(ChangePoints().find(in: [Double](repeating: 2, count: 30)).isEmpty)
    }

    @Test func smallShiftsAndShortSeriesSayNothing() {
        #expect(ChangePoints().find(in: noisy([(1, 20), (1.01, 20)], noise: 0.002, seed: 1)).isEmpty)
        var eager = ChangePoints()
        eager.minimumShift = 0.005
        #expect(eager.find(in: noisy([(1, 20), (1.01, 20)], noise: 0.002, seed: 1)).map(\.index) == [20])
        #expect(ChangePoints().find(in: [1, 1, 1, 9, 9, 9, 9]).isEmpty)
        #expect(ChangePoints().find(in: []).isEmpty)
        #expect(ChangePoints().find(in: [1, 0, 2, 3, 4, 5, 6, 7, 8, 9]).isEmpty)
    }

    @Test func equalSeriesGiveEqualAnswers() {
        let values = noisy([(1, 9), (1.06, 9)], noise: 0.1, seed: 5)
        #expect(ChangePoints().find(in: values) == ChangePoints().find(in: values))
    }

    /// Carried sums against the definition.
    @Test func theEnergyDistanceIsRight() {
        let values: [Double] = [1, 4, 2, 8, 5, 7, 3, 9, 6, 6.5]
        let best = ChangePoints().strongest(values)
        func mean(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>, pairs: Double) -> Double {
            a.flatMap { x in b.map { abs(x - $0) } }.reduce(0, +) / pairs
        }
        var strongest = -Double.infinity
        for border in 4...6 {
            let (left, right) = (values[..<border], values[border...])
            let (n, m) = (Double(left.count), Double(right.count))
            let distance =
                2 * mean(left, right, pairs: n * m) - mean(left, left, pairs: n * (n - 1))
                - mean(right, right, pairs: m * (m - 1))
            strongest = max(strongest, n * m / (n + m) * distance)
        }
        #expect(abs(best.strength - strongest) < 1e-9)
    }
}

struct HistoryTests {
    private func line(
        _ number: Int, cpu: Double, machine: String = "one", source: String = "regress", dirty: Bool = false,
        fileSystem: String = "f", compiler: String = "s", null: Double? = nil
    ) -> String {
        let time = "2026-01-\(number < 10 ? "0" : "")\(number)T00:00:00Z"
        return """
            {"schema":"corral-bench/history","schemaVersion":1,"at":"\(time)","source":"\(source)","label":"l",\
            "commit":"c\(number)","dirty":\(dirty),"compiler":"\(compiler)","machine":"\(machine)",\
            "fileSystem":"\(fileSystem)","metrics":{"cpuPerRead":\(cpu),"readThroughput":\(1000 / cpu)},\
            "canaries":{\(null.map { "\"nullServer\":\($0)" } ?? "")}}
            """
    }

    @Test func machinesAndSourcesAreNeverMixed() {
        var lines: [String] = []
        // On each machine nothing changes; together it would look like a step.
        for number in 1...10 { lines.append(line(number, cpu: 1, machine: "one")) }
        for number in 11...20 { lines.append(line(number, cpu: 2, machine: "two")) }
        for number in 21...28 { lines.append(line(number, cpu: 4, machine: "two", source: "sweep")) }
        let history = History(text: lines.joined(separator: "\n"))
        #expect(history.entries.count == 28 && history.oddLines.isEmpty)
        let series = history.series()
        #expect(series.count == 6)
        #expect(series.allSatisfy { $0.changes.isEmpty })
        #expect(series.map(\.values.count) == [10, 10, 10, 10, 8, 8])
    }

    @Test func fileSystemsAndCompilersAreNeverMixed() {
        var lines = (1...10).map { line($0, cpu: 1) }
        lines += (11...20).map { line($0, cpu: 2, fileSystem: "tmpfs") }
        lines += (21...28).map { line($0, cpu: 4, compiler: "another") }
        let series = History(text: lines.joined(separator: "\n")).series()
        #expect(series.count == 6 && series.allSatisfy { $0.changes.isEmpty })
    }

    @Test func aMachineThatBecameSlowerIsNoSlowerServer() throws {
        func cpu(_ null: (Int) -> Double) throws -> History.Series {
            let lines = (1...16).map { line($0, cpu: $0 < 9 ? 1 : 1.3, null: null($0)) }
            let series = History(text: lines.joined(separator: "\n")).series()
            return try #require(series.first { $0.metric == "cpuPerRead" })
        }
        let machine = try cpu { $0 < 9 ? 100 : 130 }
        #expect(machine.changes.count == 1 && !machine.isWorse(machine.changes[0]))
        #expect(HistoryReport.text(History(text: ""), [machine]).contains("the machine: nullServer ×1.3"))
        let server = try cpu { _ in 100 }
        #expect(server.changes.count == 1 && server.isWorse(server.changes[0]))
        // A canary that became faster makes nothing slower.
        let faster = try cpu { $0 < 9 ? 130 : 100 }
        #expect(faster.isWorse(faster.changes[0]))
    }

    @Test func ratesMoveByThemselves() throws {
        // 5 %: CPU time per operation tells, the rate does not.
        let lines = (1...16).map { line($0, cpu: ($0 < 9 ? 1 : 1.05) + 0.0001 * Double($0 % 3)) }
        let series = History(text: lines.joined(separator: "\n")).series()
        #expect(series.first { $0.metric == "cpuPerRead" }?.changes.count == 1)
        #expect(series.first { $0.metric == "readThroughput" }?.changes.isEmpty == true)
    }

    @Test func aChangeNamesItsCommitAndItsDirection() throws {
        // Out of order in the file: time counts.
        let lines = (1...16).reversed().map { number in
            line(number, cpu: (number < 9 ? 1 : 1.2) + 0.001 * Double(number % 3), dirty: number == 9)
        }
        let history = History(text: lines.joined(separator: "\n") + "\n\nnonsense\n{\"schema\":\"other\"}\n")
        #expect(history.oddLines == [18, 19])
        let series = history.series()
        let cpu = try #require(series.first { $0.metric == "cpuPerRead" })
        let rate = try #require(series.first { $0.metric == "readThroughput" })
        #expect(cpu.changes.map(\.index) == [8] && cpu.isWorse(cpu.changes[0]))
        #expect(rate.changes.map(\.index) == [8] && rate.isWorse(rate.changes[0]))
        let text = HistoryReport.text(history, series)
        #expect(text.contains("worse since c9+") && text.contains("line 18 is no entry"))
        let plot = try #require(HistoryReport.plotData(series))
        #expect(plot.contains("9.0 1.1998") && plot.contains("count = 2"))
        #expect(HistoryReport.plotData([]) == nil)
        #expect(HistoryReport.plotData(History(text: line(1, cpu: 1)).series()) == nil, "one run is no curve")
    }

    @Test func linesAreAddedAndNoneIsTouched() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/history.ndjson"
        #expect(try History(path: path).entries.isEmpty)
        let entry = try #require(History(text: line(1, cpu: 1)).entries.first)
        try "odd line without an end".write(toFile: path, atomically: true, encoding: .utf8)
        try History.append(entry, to: path)
        #expect(throws: LoadError.self, "twice the same run") { try History.append(entry, to: path) }
        let second = try #require(History(text: line(2, cpu: 1)).entries.first)
        try History.append(second, to: path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("odd line without an end\n") && text.hasSuffix("}\n"))
        #expect(try History(path: path).entries == [entry, second])
        #expect(try HistoryEntry.of(summaryFile: path) == nil)
        #expect(throws: LoadError.self) { try HistoryEntry.of(summaryFile: "\(directory.path)/none") }
    }
}
