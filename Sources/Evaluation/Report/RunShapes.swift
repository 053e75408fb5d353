import Load

/// The verdicts of a run's experiments, each with an explanation where it is not as in the paper.
struct RunShapes {
    private let run: ReportedRun

    init(_ run: ReportedRun) { self.run = run }

    /// The paper's nine shapes.
    var judged: [JudgedShape] {
        PaperShapes.all.map { shape in
            guard let experiment = run.experiments.first(where: { $0.name == shape.experiment }) else {
                return JudgedShape(shape, [])
            }
            let own = verdicts(of: experiment, kind: .corral)
            return JudgedShape(
                shape, shape.verdicts.isEmpty ? own : own.filter { shape.verdicts.contains($0.verdict.name) })
        }
    }

    func verdicts(of experiment: ReportedExperiment, kind: ServerKind) -> [ExplainedVerdict] {
        let list: [ExplainedVerdict]
        switch experiment.body {
        case .saturation(let summary): list = saturation(summary, kind: kind)
        case .broadcast(let summary): list = broadcast(summary)
        case .creates(let summary):
            list = experiment.storedShapes.map { ExplainedVerdict($0, explanation(of: $0, summary)) }
        case .barriers(let summary):
            list = experiment.storedShapes.map { ExplainedVerdict($0, explanation(of: $0, summary)) }
        case .other: list = experiment.storedShapes.map { ExplainedVerdict($0) }
        case .peers, .comparison, .unreadable: list = []
        }
        switch experiment.status {
        case .invalid: return list.map { $0.withdrawn("the result is invalid: it says nothing of the shape") }
        case .partial: return list.map { $0.withdrawn("the result is partial: the run was interrupted") }
        default: return list
        }
    }

    private func saturation(_ summary: SaturationSummary, kind: ServerKind) -> [ExplainedVerdict] {
        let everywhere = summary.capacityCurves(kind: kind, clients: .everywhere)
        let derivedFor = summary.derived == nil ? nil : summary.capacityBudget
        var list: [ExplainedVerdict] = []
        if !everywhere.isEmpty {
            let facts = SaturationFacts(summary, kind: kind, clients: .everywhere)
            list += SaturationShapes.everywhere(everywhere, ownCpus: summary.capacityBudget != nil).map {
                ExplainedVerdict($0.derived(for: derivedFor), facts.explanation(of: $0))
            }
        }
        let leader = summary.capacityCurves(kind: kind, clients: .leader)
        if !leader.isEmpty {
            let facts = SaturationFacts(summary, kind: kind, clients: .leader)
            let others =
                everywhere.isEmpty
                ? run.everywhere(
                    budget: summary.capacityBudget, isDerived: summary.derived != nil,
                    valueBytes: summary.plan.valueBytes, settings: summary.plan.settings) : everywhere
            list += SaturationShapes.leaderAlone(leader, everywhere: others).map {
                ExplainedVerdict($0.derived(for: derivedFor), facts.explanation(of: $0))
            }
        }
        return list
    }

    /// Zab's own figures: one row for each way to keep logs.
    private func broadcast(_ summary: BroadcastSummary, logs: [BroadcastLog]) -> [ExplainedVerdict] {
        summary.payloads.flatMap { bytes -> [ExplainedVerdict] in
            let curves = Dictionary(uniqueKeysWithValues: logs.map { ($0, summary.curve(bytes: bytes, log: $0)) })
            let isLatency = summary.plan.isLatency == true
            let verdicts = isLatency ? BroadcastLogShapes.latency(curves) : BroadcastLogShapes.throughput(curves)
            return verdicts.map { verdict in
                guard verdict.outcome == .notReproduced else { return ExplainedVerdict(verdict) }
                var reasons: [String] = []
                if isLatency, summary.plan.budget == nil {
                    reasons.append("one broadcast wakes every server, and all share this machine's CPUs")
                }
                if !isLatency, summary.plan.budget != nil {
                    reasons.append(
                        "the CPU budget is what limits here, not a link; a disk counts where it is slower than that")
                }
                if summary.plan.rounds == 1 { reasons.append("one round does not tell small differences from noise") }
                return ExplainedVerdict(verdict, reasons.joined(separator: "; "))
            }
        }
    }

    private func broadcast(_ summary: BroadcastSummary) -> [ExplainedVerdict] {
        if let logs = summary.plan.logs { return broadcast(summary, logs: logs) }
        let payloads = Set(summary.subjects.map(\.subject.bytes)).sorted()
        let derivedFor = summary.isDerived ? summary.capacityBudget : nil
        // The full system's writes of the same size; the paper does not name its broadcast's. One that nobody measured
        // is no shape of this run, as long as there is another.
        let systems = payloads.map { bytes -> Curve in
            let system = run.everywhere(
                budget: summary.capacityBudget, isDerived: summary.isDerived, valueBytes: bytes, settings: nil)
            var writes = Curve()
            for (servers, curve) in system {
                guard let point = curve.point(at: 0) else { continue }
                writes.add(Double(servers), point.y, interval: (point.low, point.high))
            }
            return writes
        }
        let hasSystem = systems.contains { !$0.points.isEmpty }
        return zip(payloads, systems).flatMap { bytes, writes -> [ExplainedVerdict] in
            let curve = summary.curve(bytes: bytes)
            let verdicts = BroadcastShapes.verdicts(curve, system: writes).filter { verdict in
                verdict.name != BroadcastShapes.againstSystem || !writes.points.isEmpty || !hasSystem
            }
            return verdicts.map { verdict in
                var verdict = verdict.derived(for: derivedFor)
                if payloads.count > 1 { verdict.measured = "\(bytes) bytes: " + verdict.measured }
                return ExplainedVerdict(verdict, explanation(of: verdict, summary))
            }
        }
    }

    private func explanation(of verdict: ShapeVerdict, _ summary: CreatesSummary) -> String? {
        guard verdict.outcome == .notReproduced else { return nil }
        var parts = ["all servers and workers share the machine's CPUs"]
        let busy = summary.rows.map { row in
            row.serverCpuMicrosPerCreate.median * row.createsPerSecond.median / 1e6
                / Double(max(1, summary.environment.cpuCount))
        }
        if let least = busy.min(), let most = busy.max() {
            parts[0] += ", of which the servers used \(ReportNumber.percent(least)) to \(ReportNumber.percent(most))"
            if least < 0.5 { parts.append("where that is little, workers waited for disks and one another") }
        }
        if summary.plan.rounds == 1 { parts.append("one round does not tell small differences from noise") }
        return parts.joined(separator: "; ")
    }

    private func explanation(of verdict: ShapeVerdict, _ summary: BarriersSummary) -> String? {
        guard verdict.outcome == .notReproduced else { return nil }
        let rates = Dictionary(grouping: summary.rows, by: \.subject.clients).mapValues { rows in
            rows.map(\.operationsPerSecond.median).reduce(0, +) / Double(rows.count)
        }.sorted { $0.key < $1.key }
        var parts: [String] = []
        if let few = rates.first, let many = rates.last, few.key < many.key {
            parts.append(
                "\(few.key) clients did \(ReportNumber.text(few.value)) operations a second, \(many.key) did "
                    + "\(ReportNumber.text(many.value)): "
                    + (many.value > 1.25 * few.value
                        ? "the fewer did not keep the servers busy, and time grows by less than the work"
                        : "time grows with the work, and what is left are differences between runs"))
        }
        if summary.plan.rounds == 1 { parts.append("one round does not tell small differences from noise") }
        return parts.joined(separator: "; ")
    }

    private func explanation(of verdict: ShapeVerdict, _ summary: BroadcastSummary) -> String? {
        guard verdict.outcome == .notReproduced else { return nil }
        if verdict.name == "broadcast falls with servers" {
            let least = summary.subjects.map { result in result.maximumPerSecond - result.minimumPerSecond }
            let spread = zip(least, summary.subjects).map { $0 / max(1, $1.throughputPerSecond.median) }.max() ?? 0
            return "half seconds of one size differ by up to \(ReportNumber.percent(spread)) of its mean; "
                + (summary.plan.rounds == 1 ? "one round does not tell such steps from noise" : "see its bars")
        }
        return "in the paper most of a write went into clients, access checks and making the transaction; where a "
            + "server spends less on them, leaving them out saves less"
    }
}

/// What a saturation run says about its own limits.
struct SaturationFacts {
    private let summary: SaturationSummary
    private let results: [SaturationSummary.SubjectResult]

    init(_ summary: SaturationSummary, kind: ServerKind, clients: ClientPlacement) {
        self.summary = summary
        results = summary.subjects.filter { $0.subject.kind == kind && $0.subject.clients == clients }
    }

    /// How much of its budget the busiest role used at a point; nil without a budget or roles.
    func usedShare(_ servers: Int, reads: Double) -> Double? {
        guard let budget = summary.plan.budget,
            let figure = results.first(where: { $0.subject.servers == servers })?.saturated(reads: reads)
        else { return nil }
        let most = (figure.roles ?? []).map(\.cpuMicrosPerOperation.median).max()
        return most.map { $0 * figure.throughputPerSecond.median / 1e6 / (budget.percent / 100) }
    }

    /// Why a shape may be missing; nil where it is not.
    func explanation(of verdict: ShapeVerdict) -> String? {
        switch verdict.outcome {
        case .reproduced: return nil
        case .notTested:
            guard summary.capacityBudget == nil else { return nil }
            return "it needs CPU time of its own for each server; without budgets all share the machine's CPUs"
        case .notReproduced: break
        }
        guard summary.derived == nil else {
            return "this is what costs per operation amount to, measured while servers shared the machine's CPUs"
                + (summary.plan.rounds == 1 ? "; one round does not tell small differences from noise" : "")
        }
        var parts: [String] = []
        let figures = results.flatMap { result in result.saturated.map { (result.subject.servers, $0) } }
        let bound = figures.filter(\.1.generatorBound).map { "\($0.0) servers at \(share($0.1)) % reads" }
        if !bound.isEmpty { parts.append("the generator was the limit with \(bound.joined(separator: ", "))") }
        let idle = figures.compactMap { servers, figure -> String? in
            guard let used = usedShare(servers, reads: figure.point.readPercent), used < 0.8 else { return nil }
            return "\(servers) servers at \(share(figure)) % reads (\(ReportNumber.percent(used)))"
        }
        if !idle.isEmpty {
            parts.append(
                "the busiest server did not use its budget up with \(idle.prefix(6).joined(separator: ", "))"
                    + (idle.count > 6 ? " and \(idle.count - 6) more" : "")
                    + ", so something else than its CPU was the limit there")
        }
        if summary.plan.rounds == 1 { parts.append("one round does not tell small differences from noise") }
        return parts.isEmpty
            ? "every server used its budget up and the generator had time left: this is what its costs amount to"
            : parts.joined(separator: "; ")
    }

    private func share(_ figure: SweepFigure) -> String { NumberFormat.short(figure.point.readPercent.rounded()) }
}
