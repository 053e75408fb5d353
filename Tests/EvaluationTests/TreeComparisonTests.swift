import Foundation
import Load
import Testing

@testable import Evaluation

/// One short run of each kind on real servers, and its result damaged.
@Suite("Comparisons of trees and knees", .serialized)
struct TreeComparisonTests {
    private func run<Work: ComparedWork>(
        _ type: Work.Type, _ text: String, in directory: String
    ) throws -> ComparisonSummary<Work> {
        let text = "title: A test\nkinds: [corral]\n" + text
        let file = try ExperimentFile(text: text, path: "test.yaml", scale: .full)
        let summary: ComparisonSummary<Work> = try Comparisons.run(file, in: directory)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        return summary
    }

    private func check(_ directory: String) throws -> [String] {
        try ResultCheck.problems(path: "\(directory)/summary.json", others: ExperimentCheck.schemas)
    }

    /// Each change of a good summary must be found, and its files must be its own.
    private func damage(_ directory: String, _ changes: [(from: String, to: String)]) throws {
        let path = "\(directory)/summary.json"
        #expect(try check(directory) == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        let always = [
            ("\"status\" : \"valid\"", "\"status\" : \"invalid\""), ("\"rounds\" : 1", "\"rounds\" : 2"),
            ("\"violations\" : [\n", "\"violations\" : [\n\"a reply was lost\"\n"),
            ("\"schemaVersion\" : 3", "\"schemaVersion\" : 99"),
            ("\"durability\" : \"fsync\"", "\"durability\" : \"none\""),
        ]
        for (from, to) in always + changes {
            #expect(good.contains(from), "\(from)")
            try good.replacing(from, with: to, maxReplacements: 1).write(
                toFile: path, atomically: true, encoding: .utf8)
            #expect(try check(directory) != [], "\(from)")
        }
        try good.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(directory)/figures.csv")
        #expect(try check(directory) == ["figures.csv is missing"])
    }

    /// The page about a result that is alone under its label.
    private func report(_ place: String) throws -> String {
        let writer = ReportWriter(
            output: "\(place)/results", plots: "\(place)/plots", root: Project.directory, paper: try Project.paper())
        return try String(
            contentsOfFile: try writer.write(label: "one", progress: ProgressReporter(quiet: true)).path,
            encoding: .utf8)
    }

    @Test func children() throws {
        let directory = try TemporaryDirectory()
        let summary = try run(
            ChildrenLoad.self,
            """
            kind: children
            children: [50, 20000]
            connections: 3
            window: 3
            seconds: 0.3
            warmupSeconds: 0.1
            rounds: 1
            """, in: directory.path)
        #expect(summary.rows.map(\.name) == ["50 children", "20000 children"])
        #expect(summary.rows.map { $0.estimate("reply_bytes")?.median } == [470, 180_020])
        let figures = summary.results[0].result.figures
        #expect(figures[0].lists.perSecond > figures[1].lists.perSecond)
        #expect(figures.allSatisfy { $0.changes.kinds.map(\.name) == ["create", "delete"] })
        try damage(directory.path, [
            ("\"children\" : 50,", "\"children\" : 51,"), ("\"completed\" : ", "\"completed\" : 1"),
            ("\"generatorBoundReasons\" : [\n", "\"generatorBoundReasons\" : [\n\"busy\"\n"),
            ("\"windowSeconds\" : 0.", "\"windowSeconds\" : 0.0"),
            ("\"name\" : \"growth\"", "\"name\" : \"shrinking\""),
        ])
    }

    @Test func multi() throws {
        let directory = try TemporaryDirectory()
        let place = "\(directory.path)/results/multi/one"
        try ResultFiles.makeDirectory(place)
        let summary = try run(
            MultiLoad.self,
            """
            kind: multi
            operations: [1, 20]
            connections: 3
            window: 2
            seconds: 0.3
            warmupSeconds: 0.1
            rounds: 1
            """, in: place)
        #expect(summary.rows.map(\.name) == ["multis of 1", "multis of 20"])
        func median(_ row: Int, _ name: String) -> Double { summary.rows[row].estimate(name)?.median ?? 0 }
        for row in 0..<2 { #expect(median(row, "cpu_us") > 0 && median(row, "p99_ms") >= median(row, "p50_ms")) }
        #expect(abs(median(1, "multis_per_s") * 20 / median(1, "operations_per_s") - 1) < 1e-9)
        let html = try report(directory.path)
        let trust = try #require(ReportedExperiment(name: "multi", directory: place).flatMap { TrustCertificate($0) })
        #expect(trust.points == 2 && trust.rounds == 1 && trust.generatorBound == 0 && trust.mostSteal != nil)
        #expect(html.contains("<section id=\"multi\">") && html.contains("multis a second"))
        #expect(html.contains("<svg") == Gnuplot.isThere)
        try damage(place, [
            ("\"operations\" : 1\n", "\"operations\" : 3\n"), ("\"completed\" : ", "\"completed\" : 1"),
            ("\"generatorBoundReasons\" : [\n", "\"generatorBoundReasons\" : [\n\"busy\"\n"),
            ("\"p99Nanos\" : ", "\"p99Nanos\" : 1"), ("\"encoded\" : \"", "\"encoded\" : \"A"),
        ])
        #expect(try String(contentsOfFile: "\(place)/latencies.hlog", encoding: .utf8).contains("multis-of-20"))
    }

    @Test func bigTree() throws {
        let directory = try TemporaryDirectory()
        let summary = try run(
            BigTreeLoad.self,
            """
            kind: bigTree
            znodes: 10000
            valueBytes: 800
            ratePerSecond: 2000
            readPercent: 50
            connections: 4
            snapshotEvery: 1200
            leastRequests: 20
            seconds: 3.5
            warmupSeconds: 0.1
            rounds: 1
            """, in: directory.path)
        let run = try #require(summary.results.first?.result.figures.first)
        #expect(run.starts.map(\.after) == [.empty, .kill, .stop])
        #expect(run.starts[1].znodes > 10000 && run.starts[1].logBytes > 8_000_000)
        #expect(!run.snapshotSeconds.isEmpty && run.load.completed > 6000)
        try damage(directory.path, [
            ("\"znodes\" : 10000", "\"znodes\" : 9999"), ("\"loadSeconds\" : ", "\"loadSeconds\" : 9"),
            ("\"after\" : \"kill\"", "\"after\" : \"stop\""), ("\"seed\" : 1", "\"seed\" : \"1\""),
        ])
    }

    @Test func knee() throws {
        let directory = try TemporaryDirectory()
        let place = "\(directory.path)/results/knee/one"
        try ResultFiles.makeDirectory(place)
        let summary = try run(
            KneeLoad.self,
            """
            kind: knee
            reads: [50]
            connections: 4
            valueBytes: 64
            limitMillis: 2000
            lowestRate: 200
            highestRate: 600
            factor: 3
            tolerance: 1.5
            seconds: 0.4
            warmupSeconds: 0.1
            rounds: 1
            """, in: place)
        let curve = try #require(summary.results.first?.result.figures.first)
        #expect(curve.outcome == .aboveHighest && curve.ratePerSecond == 600)
        // On a busy machine a rate may have been offered twice.
        #expect(curve.steps.filter { $0.verdict == .keptUp }.map(\.ratePerSecond) == [200, 600])
        #expect(summary.rows[0].remarks == ["no knee: it lies above the highest rate"])
        let html = try report(directory.path)
        #expect(html.contains("<section id=\"knee\">") && html.contains("no knee: it lies above the highest rate."))
        #expect(html.contains("<svg") == Gnuplot.isThere)
        try damage(place, [
            ("\"outcome\" : \"aboveHighest\"", "\"outcome\" : \"found\""),
            ("\"verdict\" : \"keptUp\"", "\"verdict\" : \"late\""),
            ("\"mostOutstanding\" : ", "\"mostOutstanding\" : 1000000"),
            ("\"completed\" : ", "\"completed\" : 9"),
        ])
    }
}
