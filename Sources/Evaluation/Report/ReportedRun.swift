import Foundation
import Load

/// All experiments that were run under one label.
public struct ReportedRun: Sendable {
    public var label: String
    public var experiments: [ReportedExperiment]
    /// Results under the same label that no experiment file declares.
    public var otherResults: [String]

    /// - Parameters:
    ///   - output: the directory of results.
    ///   - only: experiments to look at; empty: all that are there.
    ///   - check: see `ReportedExperiment`.
    public init(
        label: String, output: String, only: [String] = [], check: (_ path: String) -> [String] = { _ in [] }
    ) throws(LoadError) {
        self.label = label
        experiments = []
        otherResults = []
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []).sorted()
        for name in names where only.isEmpty || only.contains(name) {
            let directory = "\(output)/\(name)/\(label)"
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue,
                name != Prediction.directoryName, name != ReportWriter.directoryName
            else { continue }
            if let experiment = ReportedExperiment(name: name, directory: directory, check: check) {
                experiments.append(experiment)
            } else {
                otherResults.append(name)
            }
        }
        experiments.sort { $0.order < $1.order }
        guard !experiments.isEmpty else {
            let wanted = only.isEmpty ? "" : " that --only names (\(only.joined(separator: ", ")))"
            throw .result("there is no experiment\(wanted) under the label '\(label)' in \(output)")
        }
    }

    init(label: String, experiments: [ReportedExperiment]) {
        self.label = label
        self.experiments = experiments
        otherResults = []
    }

    var saturations: [(experiment: ReportedExperiment, summary: SaturationSummary)] {
        experiments.compactMap { experiment in
            if case .saturation(let summary) = experiment.body { return (experiment, summary) }
            return nil
        }
    }

    /// Corral's curves with clients on all servers, by number of servers: what other figures are compared with.
    ///
    /// - Parameters:
    ///   - budget: under which they must have been measured, or for which they must have been derived.
    ///   - isDerived: which of the two.
    ///   - valueBytes: of each value; only equal payloads are compared.
    ///   - settings: of the servers; nil for whatever they were.
    func everywhere(
        budget: CpuBudget?, isDerived: Bool, valueBytes: Int, settings: [String: String]?
    ) -> [Int: Curve] {
        for (_, summary) in saturations
        where summary.capacityBudget == budget && (summary.derived != nil) == isDerived && summary.status == .valid
            && summary.plan.valueBytes == valueBytes && settings.map({ $0 == summary.plan.settings }) ?? true
        {
            let curves = summary.capacityCurves(kind: .corral, clients: .everywhere)
            if !curves.isEmpty { return curves }
        }
        return [:]
    }
}

extension SaturationSummary.SubjectResult {
    /// By share of reads, without what was measured at an offered load.
    var saturated: [SweepFigure] {
        figures.filter { $0.point.mode == .saturation }.sorted { $0.point.readPercent < $1.point.readPercent }
    }

    func saturated(reads: Double) -> SweepFigure? { saturated.first { $0.point.readPercent == reads } }
}

extension SaturationSummary {
    /// Throughput over the share of reads by number of servers.
    public func curves(kind: ServerKind, clients: ClientPlacement) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for result in subjects where result.subject.kind == kind && result.subject.clients == clients {
            // Where the generator was the limit, the servers' rate is not known.
            for figure in result.saturated where !figure.generatorBound {
                let rate = figure.throughputPerSecond
                curves[result.subject.servers, default: Curve()].add(
                    figure.point.readPercent, rate.median, interval: (rate.low, rate.high))
            }
        }
        return curves
    }

    var kinds: [ServerKind] { ServerKind.allCases.filter { kind in subjects.contains { $0.subject.kind == kind } } }
    var placements: [ClientPlacement] {
        ClientPlacement.allCases.filter { place in subjects.contains { $0.subject.clients == place } }
    }
    var sizes: [Int] { Set(subjects.map(\.subject.servers)).sorted() }
    var shares: [Double] { Set(subjects.flatMap { $0.saturated.map(\.point.readPercent) }).sorted() }
}
