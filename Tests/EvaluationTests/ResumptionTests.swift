import Foundation
import Load
import Testing

@testable import Evaluation

/// A result is of one plan, one program and one kind of servers, whatever lies in its directory.
@Suite("Resumption", .serialized)
struct ResumptionTests {
    @Test("a saturation's round counts again only if this run's own session kept it, with the same options")
    func saturation() throws {
        let directory = try TemporaryDirectory()
        let file = try ExperimentFile(
            text: """
                title: Throughput
                kind: saturation
                servers: 1
                reads: [100]
                connections: 2
                window: 4
                valueBytes: 64
                seconds: 0.3
                warmupSeconds: 0.1
                rounds: 1
                """, path: "test.yaml", scale: .full)
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        let options = try Project.options(directory.path)
        func run(resumes: Bool = true, _ options: ServerOptions) throws -> SaturationSummary {
            try SaturationRunner(
                file, plan: plan, scale: .full, options: options, directory: directory.path, paper: [:],
                resumes: resumes, progress: ProgressReporter(quiet: true)
            ).run(label: "one")
        }
        func round() throws -> SweepSummary {
            try JSONDecoder().decode(
                SweepSummary.self,
                from: Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/corral-1/round-1/summary.json")))
        }
        func store(_ options: ServerOptions, resumes: Bool = true) throws -> StepStore<SaturationPlan, SweepStep> {
            try StepStore(
                plan, directory: directory.path, environment: EnvironmentRecord.capture(dataDirectory: nil),
                options: options, resumes: resumes)
        }
        _ = try run(resumes: false, options)
        let first = try round()
        #expect(first.status == .valid, "\(first.statusReasons)")
        #expect(!StepStorePlace.hasSteps(in: directory.path))
        _ = try run(options)
        let second = try round()
        #expect(second.elapsedSeconds != first.elapsedSeconds, "a round of an earlier result was taken")

        // As a run leaves it that is interrupted in its second round.
        let session = try store(options)
        try session.keep(SweepStep(second), as: "corral-1, round 1")
        let summary = try run(options)
        #expect(try round() == second)
        #expect(summary.startedAt == session.startedAt)

        try store(options).keep(SweepStep(first), as: "corral-1, round 1")
        _ = try run(options)
        let third = try round()
        #expect(third != second, "the files are another sweep's than the one that was kept")

        try store(options).keep(SweepStep(third), as: "corral-1, round 1")
        var unsafe = options
        unsafe.fsync = false
        let other = try run(unsafe)
        #expect(try round() != third && other.subjects[0].description.durability == "no fsync")

        try store(options).keep(SweepStep(try round()), as: "corral-1, round 1")
        _ = try store(options, resumes: false)
        #expect(!StepStorePlace.hasSteps(in: directory.path), "a fresh start leaves nothing to go on with")
    }

    @Test("a session's time is of all before it; one of another plan begins anew")
    func sessions() throws {
        struct Plan: Codable, Equatable { var number: Int }
        let directory = try TemporaryDirectory()
        let options = try Project.options(directory.path)
        let environment = EnvironmentRecord.capture(dataDirectory: nil)
        func store(_ number: Int) throws -> StepStore<Plan, Int> {
            try StepStore(
                Plan(number: number), directory: directory.path, environment: environment, options: options,
                resumes: true)
        }
        let path = "\(directory.path)/steps/session.json"
        let first = try store(1)
        try first.keep(5, as: "a")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let kept = try #require(text.firstMatch(of: /"elapsedSeconds" : ([0-9.e-]+)/)?.1)
        try text.replacing("\"elapsedSeconds\" : \(kept)", with: "\"elapsedSeconds\" : 1000")
            .replacing(first.startedAt, with: "2026-01-31T12:00:00Z")
            .write(toFile: path, atomically: true, encoding: .utf8)
        let second = try store(1)
        #expect(second.step("a") == 5 && second.startedAt == "2026-01-31T12:00:00Z")
        #expect(second.elapsedSeconds > 1000 && second.elapsedSeconds < 1100)
        try second.finish(isWhole: false)
        #expect(try store(1).elapsedSeconds > 1000)
        let other = try store(2)
        #expect(other.step("a") == nil && other.elapsedSeconds < 100 && other.startedAt != second.startedAt)
        try second.finish(isWhole: true)
        #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/steps"))
    }
}
