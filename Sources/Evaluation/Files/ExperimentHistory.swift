import Foundation
import Load

extension HistoryEntry {
    /// A line for an experiment: what Corral's operations cost in it, and how long they took where nothing else tells.
    /// Of all of them less is better.
    ///
    /// - Parameter directory: of the result.
    /// - Throws: for a result that is not there, not valid, or says nothing of Corral that can be compared.
    public static func of(experiment directory: String) throws(LoadError) -> HistoryEntry {
        func refusal(_ text: String) -> LoadError { .result("\(directory) becomes no history: \(text)") }
        let name = directory.split(separator: "/").suffix(2).first.map(String.init) ?? directory
        guard let result = ReportedExperiment(name: name, directory: directory), let heading = result.heading,
            let environment = heading.environment, let at = heading.startedAt, let scale = heading.scale
        else { throw refusal("no result of an experiment") }
        guard result.status == .valid, heading.refused == nil else { throw refusal("not a valid result") }
        let metrics = result.costs.filter { $0.value > 0 }
        guard !metrics.isEmpty else { throw refusal("it says nothing of Corral's costs") }
        let plan = try planDigest("\(directory)/summary.json")
        return HistoryEntry(
            at: at, source: "\(heading.experiment) \(scale.rawValue), plan \(plan)", label: heading.label,
            environment: environment, metrics: metrics)
    }

    /// Tells plans apart: figures of other sizes or lengths are not compared.
    private static func planDigest(_ path: String) throws(LoadError) -> String {
        guard let data = FileManager.default.contents(atPath: path),
            let summary = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any],
            let plan = try? JSONSerialization.data(
                withJSONObject: ["plan", "turns", "work"].compactMap { summary[$0] }, options: .sortedKeys)
        else { throw .result("cannot read \(path)") }
        // FNV-1a, 32 bits.
        let digest = plan.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return String(digest, radix: 16)
    }
}

extension ReportedExperiment {
    /// Corral's medians by name, with the unit.
    fileprivate var costs: [String: Double] {
        var costs: [String: Double] = [:]
        switch body {
        case .saturation(let summary):
            // What lies between the ends is made of the two.
            let ends = Set([summary.plan.readPercents.min(), summary.plan.readPercents.max()].compactMap(\.self))
            for item in summary.subjects where item.subject.kind == .corral {
                for reads in ends {
                    costs["µs/op, \(item.subject.name), \(Decimal.text(reads, 1)) % reads"] =
                        item.figure(reads: reads)?.serverCpuMicrosPerOperation.median
                }
            }
        case .broadcast(let summary):
            for item in summary.subjects {
                costs["µs/transaction, \(item.subject.name)"] = item.cpuMicrosPerTransaction.median
            }
        case .creates(let summary):
            for row in summary.rows where row.subject.kind == .corral {
                costs["µs/create, \(row.subject.name), \(row.workers) workers"] = row.serverCpuMicrosPerCreate.median
            }
        case .barriers(let summary) where summary.plan.kind == .corral:
            for row in summary.rows { costs["s, \(row.subject.name)"] = row.seconds.median }
        case .peers(let summary):
            for row in summary.rows where row.kind == .corral {
                costs["µs/op, \(row.servers) servers, \(PeersSummary.mix(row.readPercent)) % reads"] =
                    row.serverCpuMicrosPerOperation.median
            }
        case .comparison(let summary):
            for row in summary.rows where row.subject.kind == .corral {
                for measure in row.measures where measure.better == .lower && measure.name.hasSuffix("cpu_us") {
                    costs["\(measure.title), \(row.subject.name), \(row.name)"] = measure.estimate.median
                }
            }
        case .barriers, .other, .unreadable: break
        }
        return costs
    }
}
