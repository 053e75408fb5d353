import Testing

@testable import Load

/// What is short, or has been made right by hand, is no proof of the comparison.
struct TrialsCheckTests {
    private func summary() throws -> RegressionTrialsSummary {
        var plan = RegressionPlan()
        plan.rounds = 12
        plan.offeredQuads = 0
        func finding(_ metric: RegressionMetric, _ ratio: Double) throws -> RegressionFinding {
            let ratios = (0..<12).map { ratio * (1 + 0.001 * Double($0 - 6)) }
            return try #require(
                RegressionFinding(
                    metric, ratios: ratios, base: [20], work: [20 * ratio], effect: metric.effect(plan.effect)))
        }
        var trials: [RegressionTrial] = []
        for index in 0..<60 {
            let kind = InjectedSlowdown.allCases[index % 3]
            let findings = try [
                finding(.cpuPerRead, kind == .reads ? 1.05 : 1), finding(.cpuPerWrite, kind == .writes ? 1.05 : 1),
                finding(.readThroughput, 1), finding(.writeThroughput, 1),
            ]
            let canaries = try Canary.allCases.map { canary in
                try #require(
                    CanaryFinding(
                        canary, values: [100, 101, 102], shifts: [Double](repeating: 1, count: 12), effect: plan.effect,
                        limit: plan.canaryLimit))
            }
            let verdict = RegressionSummary.verdict(findings, canaries: canaries)
            trials.append(
                RegressionTrial(
                    number: index + 1, injected: kind, nanos: kind == .none ? 0 : 1000,
                    injectedShare: kind == .none ? 0 : 0.05, verdict: verdict,
                    isRight: RegressionTrials.isRight(verdict, findings, kind), findings: findings,
                    canaries: canaries, seconds: 1))
        }
        return RegressionTrialsSummary(
            label: "test", status: .valid, statusReasons: [], startedAt: "", elapsedSeconds: 1,
            environment: EnvironmentRecord.capture(dataDirectory: nil), plan: plan, slowdown: 0.05, repeats: 20,
            demandedShare: 0.9,
            counts: RegressionTrialsSummary.counts(trials, kinds: InjectedSlowdown.allCases), trials: trials)
    }

    @Test func editedTrialsAreFound() throws {
        let good = try summary()
        #expect(good.trials.filter { !$0.isRight }.isEmpty)
        #expect(ResultCheck.check(good) == [])
        func found(_ text: String, _ change: (inout RegressionTrialsSummary) -> Void) {
            var bad = good
            change(&bad)
            bad.counts = RegressionTrialsSummary.counts(bad.trials, kinds: bad.counts.map(\.injected))
            let problems = ResultCheck.check(bad)
            #expect(problems.contains { $0.contains(text) }, "\(text): \(problems)")
        }
        found("is right is not what its kind says") { $0.trials[0].verdict = .unstable }
        found("the verdict is not the findings'") { $0.trials[0].verdict = .unstable }
        found("is right is not what its kind says") { $0.trials[1].isRight = false }
        found("is not its rounds'") { $0.trials[1].findings[0].rounds = [Double](repeating: 1, count: 12) }
        found("is not its rounds'") { $0.trials[1].findings[0].verdict = .same }
        found("is not its rounds'") { $0.trials[1].findings[0].rounds.removeLast() }
        found("findings are missing") { $0.trials[2].findings.removeLast() }
        found("canary of") { $0.trials[2].canaries.removeLast() }
        found("it is no veto") { $0.trials[2].canaries[2].spread = 9 }
        found("share injected is not that") { $0.trials[1].injectedShare = 0.06 }
        found("were injected, not 3.0 to 6.5 %") {
            $0.trials[1].nanos = 10_000
            $0.trials[1].injectedShare = 0.5
        }
        found("what was injected is not its kind") { $0.trials[0].nanos = 1000 }
        found("% of right answers were demanded") { $0.demandedShare = 0 }
        found("short: 1 trials of each kind") { $0.repeats = 1 }
        found("short: trials of") { $0.counts.removeLast() }
        found("is the result's trial 1") { $0.trials[0].number = 2 }
        found("of 20 trials") { $0.trials.removeLast() }
        var other = good
        other.counts[0].right = 3
        #expect(ResultCheck.check(other).contains("the counts are not the trials'"))
    }
}
