import Foundation
import Load

/// What makes figures useless, whatever the summary's status says; the same rules for those who measure and for those
/// who judge what was measured.
enum Usability {
    /// Some points of a result may be doubtful, and are marked. A result most of whose points stand is one; above this
    /// share of doubtful ones it is none.
    static let mostDoubtful = 0.25
    /// The most that the two halves of a window may differ, as a share of its mean. Another only for tests of what does
    /// not depend on the machine: where it is busy, windows of a few tenths of a second are never level.
    @TaskLocal static var mostSlope = 0.5
    /// The generator's share of the CPU time it can have, from which on it is the limit; as in the load engine.
    static let boundShare = 0.95

    /// - Parameter doubtful: points by name.
    static func tooMany(_ doubtful: [String], of count: Int, _ what: String) -> [String] {
        guard Double(doubtful.count) > mostDoubtful * Double(count) else { return [] }
        let more = doubtful.count > 5 ? " and \(doubtful.count - 5) more" : ""
        return ["\(doubtful.count) of \(count) points \(what): \(doubtful.prefix(5).joined(separator: ", "))\(more)"]
    }

    /// - Parameter rates: of equal parts of a window, in order.
    static func isUnsteady(_ rates: [Double]) -> Bool {
        guard rates.count >= 2 else { return false }
        let half = rates.count / 2
        let first = rates[..<half].reduce(0, +) / Double(half)
        let second = rates[half...].reduce(0, +) / Double(rates.count - half)
        let mean = rates.reduce(0, +) / Double(rates.count)
        return mean <= 0 || abs(first - second) > mostSlope * mean
    }

    static let unsteady = "are unsteady, half against half of the window"
    static let bound = "are bound by the generator"
}

extension Usability {
    /// The saturated windows of many sweeps, by the series that each left.
    struct Windows {
        /// Those whose halves differ.
        private(set) var unsteady: [String] = []
        private(set) var count = 0

        /// - Parameter directory: of the sweep.
        mutating func add(_ sweep: SweepSummary, directory: String, name: String) {
            for figure in sweep.figures where figure.point.mode == .saturation {
                for stem in figure.rawFiles {
                    guard let data = FileManager.default.contents(atPath: "\(directory)/raw/\(stem)-series.csv") else {
                        continue
                    }
                    count += 1
                    if isUnsteady(Self.rates(String(decoding: data, as: UTF8.self))) {
                        unsteady.append("\(name), \(figure.point.name)")
                    }
                }
            }
        }

        /// Why the sweeps' figures may not be used.
        var problems: [String] { tooMany(unsteady, of: count, Usability.unsteady) }

        /// Operations of each whole slice of a series file.
        private static func rates(_ series: String) -> [Double] {
            let rates = series.split(separator: "\n").dropFirst().map { line in
                line.split(separator: ",").dropFirst().prefix(OperationKind.count).reduce(0) { $0 + (Double($1) ?? 0) }
            }
            // The last slice may be short.
            return rates.count > 2 ? rates.dropLast() : rates
        }
    }
}

extension SaturationSummary {
    /// Why results may not be used, as far as their figures tell.
    static func unusable(_ results: [SubjectResult]) -> [String] {
        let points = results.flatMap { result in
            result.figures.filter { $0.point.mode == .saturation }.map {
                ("\(result.subject.name), \($0.point.name)", $0)
            }
        }
        let bound = points.filter { $0.1.runs.contains { $0.isGeneratorBound } }.map(\.0)
        return silentPoints(results) + Usability.tooMany(bound, of: points.count, Usability.bound)
    }
}

extension RepeatResult {
    /// Said by its own verdict, or by its CPU time.
    var isGeneratorBound: Bool { generator.generatorBound || generator.cpuShare > Usability.boundShare }
}

extension BroadcastSummary {
    /// Why results may not be used. The leader is the generator: what it cannot make is what it cannot broadcast.
    static func unusable(_ results: [SubjectResult], plan: BroadcastExperimentPlan) -> [String] {
        var reasons: [String] = []
        var unsteady: [String] = []
        var count = 0
        for result in results {
            for (index, run) in result.runs.enumerated() {
                let name = "\(result.subject.name), run \(index + 1)"
                count += 1
                if run.transactions < UInt64(max(10, plan.outstanding)) {
                    reasons.append("\(name): too little traffic, \(run.transactions) transactions")
                }
                // A sample may have taken longer than its half second, but not twice as long throughout.
                let mean = run.samplesPerSecond.reduce(0, +) / Double(max(1, run.samplesPerSecond.count))
                let isOff = abs(mean - run.throughputPerSecond) > 0.5 * run.throughputPerSecond
                if run.samplesPerSecond.count < max(1, Int(run.windowSeconds)) || isOff {
                    reasons.append("\(name): its samples do not make its window: some were lost")
                }
                if Usability.isUnsteady(run.samplesPerSecond) { unsteady.append(name) }
            }
        }
        return reasons + Usability.tooMany(unsteady, of: count, Usability.unsteady)
    }
}

extension CreatesSummary {
    /// Why results may not be used.
    static func unusable(_ rows: [Row]) -> [String] {
        var reasons: [String] = []
        var bound: [String] = []
        var unsteady: [String] = []
        var count = 0
        for row in rows {
            for run in row.runs {
                let name = "\(row.subject.name), \(row.workers) workers"
                count += 1
                if run.creates < 2 * row.workers {
                    reasons.append("\(name): too little traffic, \(run.creates) creates")
                }
                if let left = run.leftZnodes, left > 0 {
                    reasons.append("\(name): \(left) znodes were left, deletions were lost")
                }
                if run.generatorCpuShare ?? 0 > Usability.boundShare { bound.append(name) }
                // A few milliseconds are never level.
                if run.windowSeconds >= 1, let share = run.firstHalfShare, Usability.isUnsteady([share, 1 - share]) {
                    unsteady.append(name)
                }
            }
        }
        return reasons + Usability.tooMany(bound, of: count, Usability.bound)
            + Usability.tooMany(unsteady, of: count, Usability.unsteady)
    }
}

extension BarriersSummary {
    /// Why results may not be used. A barrier waits for everybody, so clients that end at very different times have
    /// not passed the same ones.
    static func unusable(_ rows: [Row]) -> [String] {
        let runs = rows.flatMap { row in row.runs.map { (row.subject.name, $0) } }
        let bound = runs.filter { $0.1.generatorCpuShare ?? 0 > Usability.boundShare }.map(\.0)
        let apart = runs.filter { $0.1.longestSeconds > 2 * $0.1.seconds }.map(\.0)
        return Usability.tooMany(bound, of: runs.count, Usability.bound)
            + Usability.tooMany(apart, of: runs.count, "have clients that ended far apart")
    }
}

extension FailureExperimentSummary {
    /// A load that nothing happens to must be level, or what follows an event says nothing.
    ///
    /// - Parameter rates: of each slice of a subject's series, in order.
    static func unusable(_ plan: FailureExperimentPlan, rates: (String) -> [Double]) -> [String] {
        plan.subjects.filter(\.isTwin).compactMap { subject in
            let own = rates(subject.name)
            guard own.count >= 10, Usability.isUnsteady(own) else { return nil }
            return "\(subject.name): unsteady without any failure, half against half"
        }
    }
}
