import Foundation
import Load

/// Where a result lies, and which experiment it says it is.
public enum ResultPlace {
    private struct Names: Decodable {
        var experiment: String?
        var title: String?
        var label: String?
        var schema: String?
    }

    /// Results of experiments lie in OUTPUT/experiment/label: a page, and whoever looks for one, takes them by that.
    ///
    /// - Parameter path: of the summary.
    public static func problems(_ path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path),
            let names = try? JSONDecoder().decode(Names.self, from: data), names.title != nil,
            let experiment = names.experiment, let label = names.label
        else { return [] }
        let whole = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath()
        let place = whole.deletingLastPathComponent().pathComponents.suffix(2).joined(separator: "/")
        return place == "\(experiment)/\(label)" ? [] : ["lies in \(place), and says it is \(experiment)/\(label)"]
    }

    /// The scale that a result states, against its experiment's file: a plan that is the other scale's, and not its
    /// own. A file that has changed since, or is not there, says nothing.
    ///
    /// - Parameter directory: of the experiments' files.
    public static func scaleProblems(_ path: String, directory: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path),
            let heading = try? JSONDecoder().decode(SummaryHeading.self, from: data), let scale = heading.scale,
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let plan = object["plan"] as? [String: Any]
        else { return [] }
        func isOf(_ scale: Scale) -> Bool {
            guard let file = try? ExperimentFile.load(heading.experiment, directory: directory, scale: scale),
                let own = file.plan, let encoded = try? JSONEncoder().encode(own),
                let fields = try? JSONSerialization.jsonObject(with: encoded) as? [String: Any]
            else { return false }
            return parts(fields) == parts(plan)
        }
        guard !isOf(scale), let other = Scale.allCases.first(where: { $0 != scale && isOf($0) }) else { return [] }
        return ["scale is \(scale.rawValue), and the plan that of scale \(other.rawValue)"]
    }

    /// A plan without what the machine may have refused.
    private static func parts(_ fields: [String: Any]) -> NSDictionary {
        var own = fields
        for name in ["budget", "network"] { own[name] = nil }
        if var run = own["run"] as? [String: Any] {
            for name in ["budget", "network"] { run[name] = nil }
            own["run"] = run
        }
        return own as NSDictionary
    }
}

extension ExperimentFile {
    /// As a summary has it; nil of a comparison, whose work is of many sorts.
    var plan: (any Encodable)? {
        switch body {
        case .saturation(let plan): plan
        case .broadcast(let plan): plan
        case .failures(let plan): plan
        case .creates(let plan): plan
        case .barriers(let plan): plan
        case .peers(let plan): plan
        case .comparison: nil
        }
    }
}
