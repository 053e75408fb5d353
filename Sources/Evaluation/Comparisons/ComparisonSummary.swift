import Load

/// One case on one ensemble, all rounds together.
public struct ComparisonRow: Codable, Equatable, Sendable {
    /// One measure over the rounds.
    public struct Measure: Codable, Equatable, Sendable {
        public var name: String
        public var title: String
        public var better: Metric.Direction?
        public var estimate: Estimate
    }

    public var subject: EnsembleSubject
    /// Of the case.
    public var name: String
    public var rounds: Int
    /// Without those that a round does not have.
    public var measures: [Measure]
    /// Each once, of all rounds.
    public var remarks: [String]
    public var isGeneratorBound: Bool

    func estimate(_ name: String) -> Estimate? { measures.first { $0.name == name }?.estimate }
}

/// The summary file of a comparison.
public struct ComparisonSummary<Work: ComparedWork>: Codable, Equatable, Sendable {
    public static var currentSchemaVersion: Int { 3 }

    /// One ensemble in one round.
    public struct Measured: Codable, Equatable, Sendable {
        public var subject: EnsembleSubject
        public var round: Int
        public var result: EnsembleResult<Work.Figure>

        var step: String { Turns.step(subject, round) }
    }

    public var schema: String
    public var schemaVersion: Int
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
    public var turns: ComparisonTurns
    public var work: Work
    /// How servers were started, by kind.
    public var descriptions: [String: ServerDescription]
    /// In the order they ran.
    public var results: [Measured]
    public var rows: [ComparisonRow]

    /// Everything that follows from the results.
    init(
        _ file: ExperimentFile, turns: ComparisonTurns, work: Work, scale: Scale, label: String, results: [Measured],
        environment: EnvironmentRecord, startedAt: String, elapsedSeconds: Double
    ) {
        schema = Work.schemaName
        schemaVersion = Self.currentSchemaVersion
        experiment = file.name
        title = file.title
        paper = file.paper
        self.scale = scale
        self.label = label
        self.startedAt = startedAt
        self.elapsedSeconds = elapsedSeconds
        self.environment = environment
        self.turns = turns
        self.work = work
        self.results = results
        descriptions = Dictionary(
            results.map { ($0.subject.kind.rawValue, $0.result.description) }, uniquingKeysWith: { first, _ in first })
        rows = Self.rows(results, turns: turns, work: work)
        let problems = results.flatMap { Self.problems($0, work: work) }
        let steps = turns.steps.count
        if !problems.isEmpty {
            (status, statusReasons) = (.invalid, problems)
        } else if results.count < steps {
            (status, statusReasons) = (.partial, ["interrupted after \(results.count) of \(steps) ensembles"])
        } else {
            (status, statusReasons) = (.valid, [])
        }
    }

    static func rows(_ results: [Measured], turns: ComparisonTurns, work: Work) -> [ComparisonRow] {
        turns.subjects.flatMap { subject in
            work.caseNames.compactMap { name -> ComparisonRow? in
                let own = results.filter { $0.subject == subject }.map(\.result)
                let runs = own.flatMap { result in
                    result.figures.filter { $0.caseName == name }.map { figure in
                        (figure, figure.metrics + work.metrics(of: figure, among: result.figures))
                    }
                }
                guard let first = runs.first else { return nil }
                let measures = first.1.compactMap { metric -> ComparisonRow.Measure? in
                    let values = runs.compactMap { run in run.1.first { $0.name == metric.name }?.value }
                    guard values.count == runs.count, let estimate = Estimate(values, seed: turns.seed) else {
                        return nil
                    }
                    return .init(name: metric.name, title: metric.title, better: metric.better, estimate: estimate)
                }
                let remarks = runs.flatMap(\.0.remarks).reduce(into: [String]()) { list, remark in
                    if !list.contains(remark) { list.append(remark) }
                }
                return ComparisonRow(
                    subject: subject, name: name, rounds: runs.count, measures: measures, remarks: remarks,
                    isGeneratorBound: runs.contains { $0.0.isGeneratorBound })
            }
        }
    }

    /// Why a round on an ensemble may not be used; empty when it may.
    static func problems(_ item: Measured, work: Work) -> [String] {
        let figures = item.result.figures
        var list = item.result.violations
        let names = figures.map(\.caseName)
        if names.sorted() != work.caseNames.sorted() { list.append("measured were \(names), not every case once") }
        for figure in figures {
            let own = figure.problems + work.problems(of: figure, among: figures)
            list += (own + figure.latencies.compactMap(\.contradiction)).map { "\(figure.caseName): \($0)" }
        }
        return list.map { "\(item.step): \($0)" }
    }

    /// Of a row, by round.
    public func figures(_ row: ComparisonRow) -> [Work.Figure] {
        results.filter { $0.subject == row.subject }.flatMap(\.result.figures).filter { $0.caseName == row.name }
    }

    public var csv: String {
        var lines = ["kind,servers,case,measure,median,low,high,rounds"]
        for row in rows {
            for measure in row.measures {
                let estimate = measure.estimate
                let columns: [String] = [
                    row.subject.kind.rawValue, "\(row.subject.servers)", row.name.replacing(",", with: ""),
                    measure.name, Decimal.text(estimate.median, 3), Decimal.text(estimate.low, 3),
                    Decimal.text(estimate.high, 3), "\(row.rounds)",
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For a terminal: the measures that have a better side, of each case.
    public var text: String {
        rows.map { row in
            let numbers = row.measures.filter { $0.better != nil }.map {
                "\($0.title) \(ReportNumber.text($0.estimate.median))"
            }
            return "  \(row.subject.name), \(row.name): \((numbers + row.remarks).joined(separator: "; "))"
        }.joined(separator: "\n")
    }

    // MARK: Files

    /// What the files beside the summary hold, by name.
    public var files: [String: String] {
        var files = ["figures.csv": csv, "report.txt": text + "\n"]
        let latencies = results.flatMap { item in
            item.result.figures.flatMap { figure in
                figure.latencies.map { $0.prefixed("\(item.step), \(figure.caseName)") }
            }
        }
        if !latencies.isEmpty { files["latencies.hlog"] = NamedLatencies.log(latencies) }
        guard let drawing = work.drawing(self) else { return files }
        let subjects = turns.subjects
        let sizes = turns.servers.count
        let titles = subjects.map { subject in
            PlotVariables.quoted(
                subject.kind.title + (sizes > 1 ? ", \(ComparisonSection.serversText(subject.servers))" : ""))
        }
        // A colour for each kind, a dash for each size.
        let colours = subjects.map { "\((turns.kinds.firstIndex(of: $0.kind) ?? 0) + 1)" }
        let dashes = subjects.map { "\((turns.servers.firstIndex(of: $0.servers) ?? 0) % 4 + 1)" }
        let rounds = turns.rounds == 1 ? "one round" : "\(turns.rounds) rounds, median and interval"
        let variables = [
            "heading = \(PlotVariables.quoted(title))",
            "durability = \(PlotVariables.quoted(durabilities.sorted().joined(separator: ", ")))",
            "machine = \(PlotVariables.quoted(environment.machine))", "runs_text = \(PlotVariables.quoted(rounds))",
            "subjects = \"\(subjects.map(\.name).joined(separator: " "))\"",
            "array subject_titles[\(titles.count)] = [\(titles.joined(separator: ", "))]",
            "array subject_colours[\(subjects.count)] = [\(colours.joined(separator: ", "))]",
            "array subject_dashes[\(subjects.count)] = [\(dashes.joined(separator: ", "))]",
        ]
        files["curves.csv"] = drawing.csv
        files["plot.gp"] = (variables + drawing.variables).joined(separator: "\n") + "\n"
        return files
    }

    public var durabilities: Set<String> { Set(descriptions.values.map(\.durability)) }

    /// Measures over a number, a line a point; nil without any.
    ///
    /// - Parameters:
    ///   - columns: what tells points of a subject apart, as a heading of `curves.csv`.
    ///   - place: the same of a figure; nil for one that is not drawn.
    func curves(_ names: [String], over columns: String, _ place: (Work.Figure) -> String?) -> String? {
        var lines = ["subject,\(columns),measure,median,low,high"]
        for row in rows {
            guard let point = figures(row).first.flatMap(place) else { continue }
            for name in names {
                guard let estimate = row.estimate(name) else { continue }
                let numbers = [estimate.median, estimate.low, estimate.high].map { Decimal.text($0, 4) }
                lines.append("\(row.subject.name),\(point),\(name),\(numbers.joined(separator: ","))")
            }
        }
        return lines.count > 1 ? lines.joined(separator: "\n") + "\n" : nil
    }
}

/// What a report shows of a comparison of whatever kind.
public protocol ComparisonReport: Sendable {
    var kind: String { get }
    var durabilities: Set<String> { get }
    var rows: [ComparisonRow] { get }
    var drawing: ComparisonDrawing? { get }
    /// Beside the summary, by name.
    var files: [String: String] { get }
}

extension ComparisonSummary: ComparisonReport {
    public var kind: String { Work.kind }
    public var drawing: ComparisonDrawing? { work.drawing(self) }
}
