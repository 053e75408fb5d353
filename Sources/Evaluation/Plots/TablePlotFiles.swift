import Load

/// What the plot of creates reads.
enum CreatesPlotFiles {
    /// A line's points together: others between them would break it.
    static func sorted(_ summary: CreatesSummary) -> CreatesSummary {
        var sorted = summary
        sorted.rows.sort {
            ($0.subject.kind.rawValue, $0.workers, $0.subject.servers)
                < ($1.subject.kind.rawValue, $1.workers, $1.subject.servers)
        }
        return sorted
    }

    static func write(_ summary: CreatesSummary, paper: PaperPoints, directory: String) throws(LoadError) {
        try ResultFiles.write(sorted(summary).csv, to: "\(directory)/figures.csv")
        let drawn = summary.plan.paperPoints.reduce(into: [Int: Curve]()) {
            $0.merge(paper.creates($1)) { first, _ in first }
        }
        var lines = ["servers,workers,creates_per_s"]
        for servers in drawn.keys.sorted() {
            for point in drawn[servers]!.points {
                lines.append("\(servers),\(Decimal.text(point.x, 0)),\(Decimal.text(point.y, 0))")
            }
        }
        try ResultFiles.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/paper.csv")
        let plan = summary.plan
        let sizes = Set(summary.rows.map(\.subject.servers) + drawn.keys).sorted()
        let kinds = ServerKind.allCases.filter { kind in summary.rows.contains { $0.subject.kind == kind } }
        let workers = Set(summary.rows.map(\.workers)).sorted()
        let paperWorkers = workers.filter { count in drawn.values.contains { $0[Double(count)] != nil } }
        let variables = [
            "kinds = \"\(kinds.map(\.rawValue).joined(separator: " "))\"",
            "array kind_titles[\(max(1, kinds.count))] = "
                + "[\(kinds.map { PlotVariables.quoted($0.title) }.joined(separator: ", "))]",
            "workers = \"\(workers.map { "\($0)" }.joined(separator: " "))\"",
            "paper_workers = \"\(paperWorkers.map { "\($0)" }.joined(separator: " "))\"",
            "first_size = \(sizes.first ?? 1)", "last_size = \(sizes.last ?? 2)",
            "load_text = \"\(plan.createsPerWorker) creates a worker of \(plan.valueBytes) bytes, "
                + "at most \(NumberFormat.short(plan.limitSeconds)) s\"",
        ]
        try TablePlots.write(
            variables, title: summary.title, paper: summary.paper, rounds: plan.rounds,
            durability: Set(summary.descriptions.values.map(\.durability)), environment: summary.environment,
            directory: directory)
    }
}

/// What the plot of barriers reads.
enum BarriersPlotFiles {
    static func write(_ summary: BarriersSummary, paper: PaperPoints, directory: String) throws(LoadError) {
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        let drawn = summary.plan.paperPoints.reduce(into: [Int: Curve]()) {
            $0.merge(paper.barriers($1)) { first, _ in first }
        }
        var lines = ["clients,barriers,seconds"]
        for clients in drawn.keys.sorted() {
            for point in drawn[clients]!.points {
                lines.append("\(clients),\(Decimal.text(point.x, 0)),\(Decimal.text(point.y, 2))")
            }
            // A gap between two curves.
            lines.append("")
        }
        try ResultFiles.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/paper.csv")
        let plan = summary.plan
        let own = Set(summary.rows.map(\.subject.clients))
        let clients = own.sorted() + drawn.keys.filter { !own.contains($0) }.sorted()
        let counts = Set(summary.rows.map(\.subject.barriers) + drawn.values.flatMap { $0.points.map { Int($0.x) } })
        let sorted = counts.sorted()
        let variables = [
            "clients = \"\(clients.map { "\($0)" }.joined(separator: " "))\"",
            "own_clients = \"\(own.sorted().map { "\($0)" }.joined(separator: " "))\"",
            "first_count = \(sorted.first ?? 1)", "last_count = \(sorted.last ?? 10)",
            "ticks = \"\(sorted.map { "\($0)" }.joined(separator: ", "))\"",
            "load_text = \"\(plan.servers) servers, every client enters all barriers, then leaves all\"",
        ]
        try TablePlots.write(
            variables, title: summary.title, paper: summary.paper, rounds: plan.rounds,
            durability: [summary.description.durability], environment: summary.environment, directory: directory)
    }
}

/// What the plots of both tables have in common.
enum TablePlots {
    static func write(
        _ own: [String], title: String, paper: String?, rounds: Int, durability: Set<String>,
        environment: EnvironmentRecord, directory: String
    ) throws(LoadError) {
        let variables = own + [
            "heading = \(PlotVariables.quoted(title))",
            "paper_name = \(PlotVariables.quoted(paper ?? ""))",
            "durability = \(PlotVariables.quoted(durability.sorted().joined(separator: ", ")))",
            "machine = \(PlotVariables.quoted(environment.machine))",
            "cpu_text = \(PlotVariables.quoted(sharedCpus))",
            "runs_text = \(PlotVariables.quoted(rounds == 1 ? "one round" : "\(rounds) rounds, median and interval"))",
        ]
        try ResultFiles.write(variables.joined(separator: "\n") + "\n", to: "\(directory)/plot.gp")
    }

    /// Neither table is measured under CPU budgets.
    static let sharedCpus = LimitText().text

    static func creates(_ summary: CreatesSummary) -> [ExperimentPlot] {
        [
            ExperimentPlot(
                script: "creates", name: "creates",
                caption: "Creates per second over the size of the ensemble, by number of workers, logarithmic. Hollow: "
                    + "the paper's.")
        ]
    }

    static func barriers(_ summary: BarriersSummary) -> [ExperimentPlot] {
        [
            ExperimentPlot(
                script: "barriers", name: "barriers",
                caption: "Seconds until a client has passed all barriers, the mean over clients, by their number; both "
                    + "axes logarithmic, so that linear growth is a straight line of slope one. Hollow: the paper's.")
        ]
    }
}
