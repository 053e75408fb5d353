import Load

extension SaturationSummary {
    /// Points at which less was answered than clients keep outstanding: a figure of so little is none, whatever the
    /// reason. A reason each, for the result's status.
    static func silentPoints(_ results: [SubjectResult]) -> [String] {
        results.flatMap { result in
            result.figures.flatMap { figure in
                figure.runs.filter { $0.completed < UInt64(figure.point.connections) }.map { run in
                    "\(result.subject.name), \(figure.point.name): too little traffic, \(run.completed) answers to "
                        + "\(figure.point.connections) clients in \(Decimal.text(run.windowSeconds, 1)) s"
                }
            }
        }
    }
}
