import Load

extension ExperimentFile {
    /// Refuses what could not be carried out, before an earlier result is touched: programs that are missing, points of
    /// the paper that are not there, directories that cannot be written.
    ///
    /// - Parameters:
    ///   - place: of the result.
    ///   - paper: loads the paper's points; called only for what is drawn beside them.
    public func check(
        options: ServerOptions, place: String, paper: () throws(LoadError) -> PaperPoints
    ) throws(LoadError) {
        try options.check(kinds)
        switch body {
        case .saturation(let plan):
            for subject in plan.subjects {
                try SweepRunner.check(plan.plan(for: subject, round: 1), options: options)
            }
            _ = try paper().curves(plan.paperPoints)
        case .peers(let plan):
            for subject in plan.subjects {
                try SweepRunner.check(plan.plan(for: subject, round: 1, loads: []), options: options)
            }
        case .failures, .creates, .barriers: _ = try paper()
        default: break
        }
        try ResultFiles.checkWritable(options.dataRoot)
        let parent = place.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try ResultFiles.checkWritable(parent)
    }

    /// Of servers that it starts.
    private var kinds: [ServerKind] {
        switch body {
        case .saturation(let plan): plan.kinds
        case .broadcast: [.corral]
        case .failures(let plan): plan.kinds
        case .creates(let plan): plan.kinds
        case .barriers(let plan): [plan.kind]
        case .peers(let plan): plan.kinds
        case .comparison(let turns, _): turns.kinds
        }
    }
}
