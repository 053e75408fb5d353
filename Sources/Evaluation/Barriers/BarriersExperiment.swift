import Foundation
import Load

/// Carries a barriers experiment out. Used from one thread.
public enum BarriersExperiment {
    /// Starts one ensemble and fills the table, round by round; writes `summary.json`, `figures.csv` and `report.txt`.
    /// An interrupt leaves a partial result of the cells that were whole.
    ///
    /// - Parameter resumes: takes the cells of an interrupted run of the same plan and programs as measured.
    public static func run(
        _ file: ExperimentFile, plan: BarriersPlan, scale: Scale, options: ServerOptions, paper: PaperPoints,
        directory: String, label: String, resumes: Bool = false, progress: ProgressReporter
    ) throws(LoadError) -> BarriersSummary {
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<BarriersPlan, BarriersFigure>(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
        let order = plan.order
        let minutes = Decimal.text(plan.estimatedSeconds / 60, 1)
        progress.note("\(file.name): \(order.count) runs, about \(minutes) minutes")
        var table = Table()
        do throws(LoadError) {
            try fill(&table, order: order, plan: plan, options: options, store: store, progress: progress)
        } catch {
            guard Interrupt.isRequested else { throw error }
        }
        let (figures, done) = (table.figures, table.done)
        let drawn = plan.paperPoints.reduce(into: [Int: Curve]()) { $0.merge(paper.barriers($1)) { first, _ in first } }
        let rows = plan.subjects.compactMap { subject in
            BarriersSummary.Row(
                subject, runs: figures[subject] ?? [],
                paper: drawn[subject.clients]?[Double(subject.barriers)], seed: plan.seed)
        }
        let isPartial = done.count < order.count
        let unusable = BarriersSummary.unusable(rows)
        let summary = BarriersSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label,
            status: isPartial ? .partial : unusable.isEmpty ? .valid : .invalid,
            statusReasons: (isPartial ? ["interrupted after \(done.count) of \(order.count) runs"] : []) + unusable,
            startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds, environment: environment, plan: plan,
            order: done, description: table.description, rows: rows,
            shapes: BarriersShapes.verdicts(BarriersSummary.curves(rows)))
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        try store.finish(isWhole: !isPartial)
        return summary
    }

    /// What was measured until now.
    private struct Table {
        var figures: [BarriersPlan.Subject: [BarriersFigure]] = [:]
        var done: [String] = []
        var description = ServerDescription.unknown
    }

    /// Starts the ensemble and measures the cells that the store does not have.
    private static func fill(
        _ table: inout Table, order: [(subject: BarriersPlan.Subject, round: Int)], plan: BarriersPlan,
        options: ServerOptions, store: StepStore<BarriersPlan, BarriersFigure>, progress: ProgressReporter
    ) throws(LoadError) {
        let ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: plan.kind, count: plan.servers), server: options,
                settings: plan.settings))
        defer { ensemble.stop() }
        try ensemble.start()
        try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        table.description = ensemble.members[0].description ?? .unknown
        let servers = ensemble.addresses
        let most = plan.clients.max() ?? 0
        let crowd = try Blocking.wait { try await BarrierCrowd.open(most, servers: servers) }
        defer { try? Blocking.wait { await crowd.close() } }
        let limit = Duration.seconds(plan.limitSeconds)
        let warmup = plan.warmupBarriers
        if warmup > 0 {
            _ = try Blocking.wait {
                try await crowd.pass(clients: most, barriers: warmup, place: "warm-up", limit: limit)
            }
        }
        for (index, step) in order.enumerated() where !Interrupt.isRequested {
            let subject = step.subject
            let name = "\(subject.name), round \(step.round)"
            let figure: BarriersFigure
            if let known = store.step(name) {
                figure = known
            } else {
                let cpu = (own: ProcessorTime.ownSeconds, servers: ProcessorTime.seconds(of: ensemble.pids))
                let times = try Blocking.wait {
                    try await crowd.pass(
                        clients: subject.clients, barriers: subject.barriers, place: "run-\(index)", limit: limit)
                }
                let share = ProcessorTime.share(
                    ProcessorTime.ownSeconds - cpu.own,
                    beside: ProcessorTime.seconds(of: ensemble.pids) - cpu.servers, over: times.max() ?? 0)
                figure = BarriersFigure(
                    round: step.round, clientSeconds: times, operations: 2 * subject.clients * subject.barriers,
                    generatorCpuShare: share)
                try store.keep(figure, as: name)
            }
            table.figures[subject, default: []].append(figure)
            table.done.append(name)
            let left = order[(index + 1)...].reduce(0) { $0 + plan.estimatedSeconds(of: $1.subject) }
            progress.note(
                "[\(index + 1)/\(order.count)] \(subject.name): \(Decimal.text(figure.seconds, 2)) s, "
                    + "\(Int(figure.operationsPerSecond))/s; about \(Int(left.rounded(.up))) s left")
        }
    }
}
