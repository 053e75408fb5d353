import Load

/// How far a run's figures are to be trusted: what was recorded of noise, and what follows from it.
struct TrustCertificate: Equatable {
    enum Grade: String {
        case good = "good"
        case fair = "fair: ratios and shapes hold, single figures move by what is stated below"
        case poor = "poor: look at shapes only, and run again on a quieter machine"
        case unknown = "unknown: nothing was recorded of how figures vary"
    }

    var experiment: String
    var rounds = 0
    var points = 0
    /// (high - low) / median over rounds, of the middle and the worst point; nil with one round.
    var typicalSpread: Double?
    var worstSpread: Double?
    /// nil where a kind does not record it.
    var generatorBound: Int?
    var unsteady: Int?
    /// Share of periods in which servers used their budget up, at the least and the most throttled point.
    var throttled: ClosedRange<Double>?
    var mostSteal: Double?
    var loadAverage: Double?
    var cpus = 0
    var isOptimized = true
    var isDirty = false
    var status = RunStatus.valid
    var isDerived = false

    /// - Returns: nil for kinds that have no such record here.
    init?(_ experiment: ReportedExperiment) {
        guard let heading = experiment.heading, let environment = heading.environment else { return nil }
        self.experiment = experiment.name
        status = heading.status
        loadAverage = environment.loadAverage.split(separator: " ").first.flatMap { Double($0) }
        cpus = environment.cpuCount
        isOptimized = environment.optimized
        isDirty = environment.dirty
        isDerived = heading.refused?.budget != nil
        switch experiment.body {
        case .saturation(let summary): take(summary)
        case .broadcast(let summary): take(summary)
        case .creates(let summary):
            take(summary.rows.map(\.createsPerSecond))
            takeGenerators(summary.rows.map { row in row.runs.compactMap(\.generatorCpuShare) })
            let halves = summary.rows.map { row in row.runs.compactMap(\.firstHalfShare) }
            unsteady = halves.count { shares in shares.contains { Usability.isUnsteady([$0, 1 - $0]) } }
        case .barriers(let summary):
            take(summary.rows.map(\.seconds))
            takeGenerators(summary.rows.map { row in row.runs.compactMap(\.generatorCpuShare) })
        case .peers(let summary): take(summary.subjects)
        case .comparison(let summary): take(summary.rows)
        case .other, .unreadable: break
        }
    }

    /// The first measure of each case stands for it.
    private mutating func take(_ rows: [ComparisonRow]) {
        points = rows.count
        rounds = rows.map(\.rounds).max() ?? 0
        generatorBound = rows.count(where: \.isGeneratorBound)
        takeSpreads(rows.compactMap { row in row.measures.first { $0.better != nil }?.estimate })
        mostSteal = rows.compactMap { $0.estimate(Metric.stealName)?.samples.max() }.max()
    }

    private mutating func take(_ summary: SaturationSummary) { take(summary.subjects) }

    private mutating func take(_ subjects: [SaturationSummary.SubjectResult]) {
        let figures = subjects.flatMap(\.figures)
        points = figures.count
        rounds = figures.map(\.runs.count).max() ?? 0
        takeSpreads(figures.map(\.throughputPerSecond))
        generatorBound = figures.count(where: \.generatorBound)
        unsteady = figures.count { !$0.steadyInAll }
        takeThrottled(figures.compactMap(\.throttledPercent))
        mostSteal = figures.flatMap(\.runs).map(\.stealShare).max()
    }

    private mutating func take(_ summary: BroadcastSummary) {
        points = summary.subjects.count
        rounds = summary.subjects.map(\.runs.count).max() ?? 0
        takeSpreads(summary.subjects.map(\.throughputPerSecond))
        unsteady = summary.subjects.count { $0.runs.contains { Usability.isUnsteady($0.samplesPerSecond) } }
        takeThrottled(
            summary.subjects.flatMap(\.runs).compactMap(\.throttling).filter { $0.periods > 0 }
                .map { 100 * Double($0.throttledPeriods) / Double($0.periods) })
    }

    /// One figure a point, and nothing else recorded.
    private mutating func take(_ estimates: [Estimate]) {
        points = estimates.count
        rounds = estimates.map(\.samples.count).max() ?? 0
        takeSpreads(estimates)
    }

    /// - Parameter shares: of each point's runs, the generator's CPU time over what it could have had.
    private mutating func takeGenerators(_ shares: [[Double]]) {
        generatorBound = shares.count { $0.contains { $0 > Usability.boundShare } }
    }

    private mutating func takeSpreads(_ estimates: [Estimate]) {
        let spreads = estimates.filter { $0.samples.count > 1 && $0.median > 0 }.map { estimate in
            (estimate.samples.max()! - estimate.samples.min()!) / estimate.median
        }.sorted()
        guard !spreads.isEmpty else { return }
        typicalSpread = spreads[spreads.count / 2]
        worstSpread = spreads.last
    }

    private mutating func takeThrottled(_ percents: [Double]) {
        guard let least = percents.min(), let most = percents.max() else { return }
        throttled = least...most
    }

    /// Others had most of the machine when it began.
    private var isOverloaded: Bool { loadAverage.map { cpus > 0 && $0 > 3 * Double(cpus) } ?? false }

    /// What speaks against the figures.
    var doubts: [String] {
        var list: [String] = []
        if status != .valid { list.append("the result is \(status.rawValue)") }
        if !isOptimized { list.append("the generator was built without optimization") }
        if isDerived { list.append("no CPU budgets were permitted: capacity is derived from cost per operation") }
        if points > 0, typicalSpread == nil { list.append("one round only: how much figures vary is not known") }
        if let worst = worstSpread, worst > 0.25 {
            list.append("rounds of the worst point differ by \(ReportNumber.percent(worst))")
        }
        if let bound = generatorBound, bound > 0 {
            list.append("\(bound) of \(points) points are bound by the generator")
        }
        if let unsteady, unsteady * 4 > points { list.append("\(unsteady) of \(points) points were not level") }
        if let steal = mostSteal, steal > 0.02 {
            list.append("the hypervisor took up to \(ReportNumber.percent(steal, 1)) of the CPUs' time")
        }
        if let load = loadAverage, cpus > 0, load > 1.5 * Double(cpus) {
            list.append("the load average was \(ReportNumber.text(load)) on \(cpus) CPUs when it began")
        }
        return list
    }

    var grade: Grade {
        let isPoor =
            status != .valid || !isOptimized || typicalSpread.map { $0 > 0.2 } ?? false
            || (generatorBound ?? 0) * 4 > points || mostSteal.map { $0 > 0.1 } ?? false || isOverloaded
            || (rounds == 1 && (unsteady ?? 0) * 2 > points)
        if isPoor, points > 0 || status != .valid { return .poor }
        // One round says nothing of the next.
        if points == 0 || typicalSpread == nil { return .unknown }
        return doubts.isEmpty ? .good : .fair
    }
}

/// The certificates of a run as a section.
enum TrustSection {
    static func html(_ run: ReportedRun) -> HTML {
        let certificates = run.experiments.compactMap { TrustCertificate($0) }
        var table = ReportTable(
            "What was recorded of noise",
            [
                "experiment", "rounds", "points", "spread between rounds, median (worst)", "generator-bound",
                "not level", "throttled periods", "most steal", "load average before",
            ])
        for item in certificates {
            func percent(_ value: Double?, _ places: Int = 0) -> String {
                value.map { ReportNumber.percent($0, places) } ?? "–"
            }
            let spread =
                item.typicalSpread == nil ? "–" : "\(percent(item.typicalSpread)) (\(percent(item.worstSpread)))"
            let throttled = item.throttled.map {
                "\(Decimal.text($0.lowerBound, 0))…\(Decimal.text($0.upperBound, 0)) %"
            }
            let known = item.points > 0
            table.add([
                "\(item.experiment)", "\(known ? "\(item.rounds)" : "–")", "\(known ? "\(item.points)" : "–")",
                "\(spread)", "\(item.generatorBound.map { "\($0)" } ?? "–")",
                "\(item.unsteady.map { "\($0)" } ?? "–")",
                "\(throttled ?? "–")", "\(percent(item.mostSteal, 1))",
                "\(item.loadAverage.map(ReportNumber.text) ?? "–")",
            ])
        }
        let list = certificates.map { item -> HTML in
            let doubts = item.doubts
            let words = doubts.isEmpty ? "" : " — " + doubts.joined(separator: "; ")
            return "<li><strong>\(item.experiment)</strong>: \(item.grade.rawValue)\(words).</li>\n"
        }
        return """
            <section id="trust"><h2>How far to trust it</h2>
            <ul>\(list)</ul>
            \(table.html)
            <p class="note">Spread: largest less smallest round, over the median. Generator-bound: the load generator
            used more than 95 % of its CPU, so a server might have done more.
            Throttled: periods of the CPU budget that a
            server used up; at saturation that is what a
            budget is for. The load average includes experiments that ran just
            before.</p>
            </section>

            """
    }
}
