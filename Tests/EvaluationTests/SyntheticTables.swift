import Foundation
import Testing

@testable import Evaluation
@testable import Load

/// Tables 2 and 3, made up.
extension Synthetic {
    /// Made once: a debug build records its latencies in seconds.
    private static let madeCreates = Result { try makeCreates() }

    static func creates() throws -> CreatesSummary { try madeCreates.get() }

    private static func makeCreates() throws -> CreatesSummary {
        let file = try ExperimentFile(
            text: "title: Creates\nkind: creates\nkinds: [corral, apache]\nrounds: 2\npaperPoints: [table2]\n",
            path: "table-2.yaml", scale: .full)
        guard case .creates(let plan) = file.body else { throw LoadError.usage("another kind") }
        var results: [CreatesExperimentPlan.Subject: [CreatesResult]] = [:]
        for subject in plan.subjects {
            let figures: [CreatesFigure] = try plan.workers.map { workers in
                let count = workers * plan.createsPerWorker
                let rate = 1000 * Double(workers).squareRoot() / Double(subject.servers).squareRoot()
                let nanos = UInt64(950e6 * Double(workers) / rate)
                var figure = try #require(
                    CreatesFigure(
                        workers: workers, latencies: (0..<count).map { $0 % 80 == 0 ? 2 * nanos : nanos },
                        seconds: Double(count) / rate, cpuNanos: UInt64(300_000 * count), isCutShort: false))
                figure.generatorCpuShare = 0.2
                figure.firstHalfShare = 0.5
                figure.leftZnodes = 0
                return figure
            }
            let result = CreatesResult(description: unknown(subject.kind), figures: figures, problems: [])
            results[subject] = [result, result]
        }
        return CreatesExperiment.summarize(
            file, plan: plan, scale: .full, label: "made-up", results: results,
            done: plan.order.map { "\($0.subject.name), round \($0.round)" }, paper: try Project.paper(),
            environment: environment, startedAt: "2026-01-01T00:00:00Z", elapsedSeconds: 60)
    }

    private static func unknown(_ kind: ServerKind) -> ServerDescription {
        ServerDescription(
            kind: kind.rawValue, version: "1", commandLine: [], durability: "fsync", settings: ["forceSync": "yes"])
    }

    static func barriers() throws -> BarriersSummary {
        let file = try ExperimentFile(
            text: "title: Barriers\nkind: barriers\nrounds: 2\nclients: [20, 50, 100]\npaperPoints: [table3]\n",
            path: "table-3.yaml", scale: .full)
        guard case .barriers(let plan) = file.body else { throw LoadError.usage("another kind") }
        let paper = try Project.paper().barriers("table3")
        let rows = plan.subjects.compactMap { subject in
            let seconds = Double(subject.clients * subject.barriers) / 1500
            let clients = (0..<subject.clients).map { seconds * ($0 == 0 ? 1.01 : 1) }
            let runs = (1...plan.rounds).map { round in
                BarriersFigure(
                    round: round, clientSeconds: clients, operations: 2 * subject.clients * subject.barriers,
                    generatorCpuShare: 0.3)
            }
            return BarriersSummary.Row(
                subject, runs: runs, paper: paper[subject.clients]?[Double(subject.barriers)], seed: plan.seed)
        }
        return BarriersSummary(
            experiment: "table-3", title: file.title, paper: "Table 3", scale: .full, label: "made-up", status: .valid,
            statusReasons: [], startedAt: "2026-01-01T00:00:00Z", elapsedSeconds: 60, environment: environment,
            plan: plan, order: plan.order.map { "\($0.subject.name), round \($0.round)" }, description: .unknown,
            rows: rows, shapes: BarriersShapes.verdicts(BarriersSummary.curves(rows)))
    }
}
