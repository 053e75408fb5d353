import Load

/// The summary file of a failure experiment.
public struct FailureExperimentSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/failures"

    /// One run.
    public struct SubjectResult: Codable, Equatable, Sendable {
        public var subject: FailureExperimentPlan.Subject
        public var result: FailureResult
        /// Of the figure, from the run's series; none of a twin.
        public var shapes: [ShapeVerdict]
        /// Before any event, for the budget that was refused; nil without such.
        public var derived: DerivedRate?
    }

    static func derive(_ result: FailureResult, refused: RefusedLimits?, plan: FailurePlan) -> DerivedRate? {
        guard let budget = refused?.budget, let servers = result.steadyServers else { return nil }
        return DerivedRate(budget, runs: [servers], seed: plan.seed)
    }

    /// The paper's figure's verdicts: none of a twin, of a run that was interrupted, or of another script than its.
    ///
    /// - Parameter series: `series.csv`.
    static func shapes(
        of item: SubjectResult, among results: [SubjectResult], plan: FailureExperimentPlan, refused: RefusedLimits?,
        series: String
    ) -> [ShapeVerdict] {
        guard !plan.paperPoints.isEmpty, !item.subject.isTwin, !item.result.isPartial else { return [] }
        func course(_ item: SubjectResult) -> FailureCourse {
            FailureCourse(
                item.result, samples: FailureFiles.samples(of: item.subject.name, inSeries: series),
                servers: plan.run.servers, budget: refused?.budget == nil ? plan.run.budget : nil)
        }
        let twin = results.first { $0.subject.kind == item.subject.kind && $0.subject.isTwin }
        return FailureShapes.verdicts(course(item), refused: refused, twin: twin.map(course))
    }

    public var schema = FailureExperimentSummary.schemaName
    public var schemaVersion = FailureExperimentSummary.currentSchemaVersion
    public var experiment: String
    public var title: String
    public var paper: String?
    public var scale: Scale
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: FailureExperimentPlan
    public var subjects: [SubjectResult]
    /// What the machine does not permit; nil when the run had all that its file asks for.
    public var refused: RefusedLimits?

    var limitText: String { LimitText(budget: plan.run.budget, network: plan.run.network, refused: refused).text }

    /// What came of all runs.
    static func judge(
        _ results: [SubjectResult], plan: FailureExperimentPlan
    ) -> (status: RunStatus, reasons: [String]) {
        let problems = results.flatMap { item in item.result.problems.map { "\(item.subject.name): \($0)" } }
        if !problems.isEmpty { return (.invalid, problems) }
        let whole = results.count { !$0.result.isPartial }
        if whole < plan.subjects.count {
            return (.partial, ["interrupted after \(whole) of \(plan.subjects.count) runs"])
        }
        return (.valid, [])
    }

    /// A line for each event.
    public var eventsCsv: String {
        var lines = [
            "subject,at_s,label,event,server,rate_before,first_error_ms,silent_ms,write_silent_ms,rate_back_ms,"
                + "serves_ms,gap_p50_ms,gap_max_ms,connections_lost,sessions_lost,unknown_writes,unknown_reads,failed,"
                + "reads_behind,behind_max_ms,behind_zxids,clients_before"
        ]
        func text(_ value: Double?) -> String { value.map { Decimal.text($0, 1) } ?? "" }
        for item in subjects where !item.subject.isTwin {
            for mark in item.result.marks {
                let columns: [String] = [
                    item.subject.name, Decimal.text(mark.atSeconds, 3), mark.step.label ?? "", mark.step.title,
                    "\(mark.server)", Decimal.text(mark.rateBefore, 0), text(mark.firstErrorMillis),
                    text(mark.silentMillis), text(mark.writeSilentMillis), text(mark.rateBackMillis),
                    text(mark.servesMillis),
                    text(mark.clientGapMedianMillis), text(mark.clientGapLongestMillis), "\(mark.connectionsLost)",
                    "\(mark.sessionsLost)", "\(mark.unknownWrites)", "\(mark.unknownReads)", "\(mark.failedRequests)",
                    mark.staleness.map { "\($0.readsBehind)" } ?? "", text(mark.staleness?.longestMillis),
                    mark.staleness.map { "\($0.mostZxids)" } ?? "",
                    mark.clientsBefore.map { "\($0)" }.joined(separator: " "),
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For a terminal.
    public var text: String {
        var lines = (refused?.sentences ?? []).map { "NOT PERMITTED HERE: \($0)" }
        for item in subjects {
            let result = item.result
            let load = result.load
            lines.append(
                "\(item.subject.name): \(Int(load.throughputPerSecond))/s over "
                    + "\(Decimal.text(result.windowSeconds, 1)) s, p50 "
                    + "\(Decimal.text(Double(load.latency.p50Nanos) / 1e6, 1)) ms, p99 "
                    + "\(Decimal.text(Double(load.latency.p99Nanos) / 1e6, 1)) ms")
            if let derived = item.derived {
                let cost = Decimal.text(derived.cpuMicrosPerOperation.median, 2)
                lines.append(
                    "  DERIVED for the budget: \(Int(derived.perSecond.median))/s without failures, by the "
                        + "\(derived.role.rawValue)'s \(cost) µs an operation")
            }
            if let staleness = result.staleness, item.subject.isTwin || !result.marks.isEmpty {
                lines.append("  without failures, \(Self.words(staleness))")
            }
            for mark in result.marks {
                var text = "  \(Decimal.text(mark.atSeconds, 1)) s \(mark.step.title), server \(mark.server): silent "
                text += "\(Int(mark.silentMillis)) ms, writes \(Int(mark.writeSilentMillis)) ms, gaps "
                text += "\(Int(mark.clientGapMedianMillis))…\(Int(mark.clientGapLongestMillis)) ms"
                if mark.step.kind.isFault {
                    text += ", 90 % " + (mark.rateBackMillis.map { "after \(Int($0)) ms" } ?? "not regained")
                }
                if !mark.step.kind.isFault {
                    text += ", serves " + (mark.servesMillis.map { "after \(Int($0)) ms" } ?? "not yet")
                }
                text += ", lost \(mark.connectionsLost) connections \(mark.sessionsLost) sessions, unknown "
                text += "\(mark.unknownWrites) writes \(mark.unknownReads) reads, failed \(mark.failedRequests)"
                if let staleness = mark.staleness { text += "; \(Self.words(staleness))" }
                lines.append(text)
            }
            for verdict in item.shapes {
                lines.append("  \(verdict.outcome.rawValue): \(verdict.name): \(verdict.measured)")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func words(_ staleness: StalenessFigure) -> String {
        "\(staleness.readsBehind) of \(staleness.reads) probe reads behind, by up to "
            + "\(Int(staleness.longestMillis)) ms and \(staleness.mostZxids) zxids"
    }
}
