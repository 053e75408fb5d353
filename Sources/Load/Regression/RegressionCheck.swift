/// What `check-result` demands of comparisons: whole, and findings that are the blocks'.
extension ResultCheck {
    static func check(_ summary: RegressionSummary) -> [String] {
        var problems: [String] = []
        if summary.status != .valid {
            problems.append("status is \(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        for round in summary.plan.schedule {
            for (number, quad) in round.quads.enumerated() {
                let name = "round \(round.number), quad \(number + 1)"
                let own = summary.blocks.filter { $0.round == round.number && $0.quad == number }
                if own.map(\.side) != quad.order || own.contains(where: { $0.point != quad.point }) {
                    problems.append("\(name): not the blocks that were planned")
                }
                let readings = summary.canaryReadings.filter { $0.round == round.number && $0.quad == number }
                if readings.count != 1 || readings.contains(where: { $0.readings.count != quad.order.count + 1 }) {
                    problems.append("\(name): canaries are missing")
                }
            }
        }
        for block in summary.blocks
        where block.completed == 0 || block.serverCpuMicrosPerOperation <= 0 || block.throughputPerSecond <= 0 {
            problems.append("round \(block.round), \(block.side.rawValue) \(block.point.rawValue): nothing measured")
        }
        if summary.findings != RegressionSummary.findings(summary.plan, summary.blocks) {
            problems.append("the findings are not the blocks'")
        }
        if summary.canaries != RegressionSummary.canaryFindings(summary.plan, summary.canaryReadings) {
            problems.append("the canaries' findings are not the readings'")
        }
        if summary.status == .valid,
            summary.verdict != RegressionSummary.verdict(summary.findings, canaries: summary.canaries)
        {
            problems.append("the verdict is not the findings'")
        }
        return problems
    }

    static func check(_ summary: RegressionTrialsSummary) -> [String] {
        var problems: [String] = []
        if summary.status != .valid {
            problems.append("status is \(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        if Set(summary.counts.map(\.injected)) != Set(InjectedSlowdown.allCases) {
            let kinds = summary.counts.map(\.injected.rawValue).joined(separator: ", ")
            problems.append("short: trials of \(kinds) alone")
        }
        if summary.repeats < RegressionTrialsSummary.leastRepeats {
            problems.append(
                "short: \(summary.repeats) trials of each kind, \(RegressionTrialsSummary.leastRepeats) are needed")
        }
        if summary.demandedShare < RegressionTrials.demandedShare {
            problems.append(
                "\(fixed(100 * summary.demandedShare, 0)) % of right answers were demanded, not "
                    + "\(fixed(100 * RegressionTrials.demandedShare, 0)) %")
        }
        if summary.counts != RegressionTrialsSummary.counts(summary.trials, kinds: summary.counts.map(\.injected)) {
            problems.append("the counts are not the trials'")
        }
        for count in summary.counts where count.trials != summary.repeats {
            problems.append("\(count.injected.rawValue): \(count.trials) of \(summary.repeats) trials")
        }
        for (index, trial) in summary.trials.enumerated() {
            if trial.number != index + 1 {
                problems.append("trial \(trial.number): is the result's trial \(index + 1)")
            }
            problems += check(trial, of: summary).map { "trial \(trial.number): \($0)" }
        }
        if !summary.holds, summary.status == .valid {
            problems.append("fewer right answers than demanded")
        }
        return problems
    }

    /// A trial's answer again, from the ratios of its rounds.
    private static func check(_ trial: RegressionTrial, of summary: RegressionTrialsSummary) -> [String] {
        var problems: [String] = []
        let verdict = RegressionSummary.verdict(trial.findings, canaries: trial.canaries)
        if trial.verdict != verdict { problems.append("the verdict is not the findings'") }
        if trial.isRight != RegressionTrials.isRight(trial.verdict, trial.findings, trial.injected) {
            problems.append("whether '\(trial.verdict.rawValue)' is right is not what its kind says")
        }
        let metrics = RegressionMetric.allCases.filter { summary.plan.quads(of: $0.point) > 0 }
        if trial.findings.map(\.metric) != metrics { problems.append("findings are missing") }
        for finding in trial.findings {
            let again = RegressionFinding(
                finding.metric, ratios: finding.rounds, base: [finding.base], work: [finding.work],
                effect: finding.metric.effect(summary.plan.effect))
            if again != finding || finding.rounds.count != summary.plan.rounds {
                problems.append("the finding on \(finding.metric.title) is not its rounds'")
            }
        }
        for canary in Canary.allCases {
            guard let own = trial.canaries.first(where: { $0.canary == canary }) else {
                problems.append("the canary of \(canary.title) is missing")
                continue
            }
            if canary != .fdatasync, own.spread > summary.plan.canaryLimit, own.veto == nil {
                problems.append("\(canary.title) ranges over a factor of \(fixed(own.spread, 2)), and it is no veto")
            }
        }
        if (trial.injected == .none) != (trial.nanos == 0) {
            problems.append("what was injected is not its kind")
        }
        guard let metric = trial.injected.metric else {
            return problems + (trial.injectedShare == 0 ? [] : ["a share was injected where nothing was"])
        }
        let base = trial.findings.first { $0.metric == metric }?.base ?? 0
        let share = base > 0 ? Double(trial.nanos) / 1000 / base : 0
        if !isNear(trial.injectedShare, share, 1e-6) {
            problems.append("the share injected is not that of what an operation costs")
        }
        let wanted = RegressionTrialsSummary.injected
        if !wanted.contains(share) {
            problems.append(
                "\(fixed(100 * share, 1)) % were injected, not \(fixed(100 * wanted.lowerBound, 1)) to "
                    + "\(fixed(100 * wanted.upperBound, 1)) %")
        }
        return problems
    }
}
