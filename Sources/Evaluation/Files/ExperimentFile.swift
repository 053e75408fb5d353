import Foundation
import Load

/// How large an experiment is to be.
public enum Scale: String, CaseIterable, Codable, Sendable {
    /// All of them together within a quarter of an hour on two cores.
    case quick
    /// What the paper has, as far as the machine carries it.
    case full
}

/// One experiment as its file declares it: a figure or table of the paper, or one beyond it.
public struct ExperimentFile: Sendable {
    public enum Body: Sendable {
        case saturation(SaturationPlan)
        case broadcast(BroadcastExperimentPlan)
        case failures(FailureExperimentPlan)
        case creates(CreatesExperimentPlan)
        case barriers(BarriersPlan)
        case peers(PeersPlan)
        /// Kinds of servers compared case by case.
        case comparison(ComparisonTurns, any ComparedWork)
    }

    /// What an experiment's file may declare.
    static let kinds =
        ["saturation", "broadcast", "failures", "creates", "barriers", "peers"] + ComparisonKinds.names

    /// Its file's name without `.yaml`; also a directory's below the results.
    public var name: String
    public var title: String
    /// What of the paper it redraws, such as "Figure 5 and Table 1"; nil for what the paper does not have.
    public var paper: String?
    public var body: Body
    /// What it asks of the machine and does not get; see `settleLimits`.
    public var refused: RefusedLimits?

    /// - Parameters:
    ///   - text: the file's content.
    ///   - path: of the file, for messages.
    ///   - points: what the paper has; nil: what a file wants to be drawn beside is not looked at.
    public init(text: String, path: String, scale: Scale, paper points: PaperPoints? = nil) throws(LoadError) {
        var fields = try FileFields(
            text: text, file: path, scale: scale.rawValue, scales: Scale.allCases.map(\.rawValue),
            knownPoints: points?.names)
        name = String(path.split(separator: "/").last ?? "").replacing(".yaml", with: "")
        title = try fields.required("title")
        paper = try fields.text("paper")
        let kind = try fields.required("kind")
        switch kind {
        case "saturation": body = .saturation(try SaturationPlan(&fields))
        case "broadcast": body = .broadcast(try BroadcastExperimentPlan(&fields))
        case "failures": body = .failures(try FailureExperimentPlan(&fields))
        case "creates": body = .creates(try CreatesExperimentPlan(&fields))
        case "barriers": body = .barriers(try BarriersPlan(&fields))
        case "peers": body = .peers(try PeersPlan(&fields))
        default:
            guard let comparison = try ComparisonKinds.declared(kind, &fields) else {
                throw fields.refusal("kind", "is one of \(Self.kinds.joined(separator: ", ")), not '\(kind)'")
            }
            body = comparison
        }
        try fields.finish()
    }

    /// What is measured, in order.
    public var steps: [String] {
        switch body {
        case .saturation(let plan): plan.steps
        case .broadcast(let plan): plan.steps
        case .failures(let plan): plan.subjects.map(\.name)
        case .creates(let plan): plan.steps
        case .barriers(let plan): plan.steps
        case .peers(let plan): plan.steps
        case .comparison(let turns, _): turns.steps
        }
    }

    /// A bound on its length, in seconds.
    public var estimatedSeconds: Double {
        switch body {
        case .saturation(let plan): plan.estimatedSeconds
        case .broadcast(let plan): plan.estimatedSeconds
        case .failures(let plan): plan.estimatedSeconds
        case .creates(let plan): plan.estimatedSeconds
        case .barriers(let plan): plan.estimatedSeconds
        case .peers(let plan): plan.estimatedSeconds
        case .comparison(let turns, let work): work.estimatedSeconds(turns)
        }
    }

    /// - Parameter paper: what the paper has; nil: what the file wants to be drawn beside is not looked at.
    public static func load(
        _ name: String, directory: String, scale: Scale, paper: PaperPoints? = nil
    ) throws(LoadError) -> ExperimentFile {
        let path = "\(directory)/\(name).yaml"
        guard let data = FileManager.default.contents(atPath: path) else {
            let known = names(directory).joined(separator: ", ")
            throw .usage(
                "there is no experiment '\(name)' in \(directory); "
                    + (known.isEmpty ? "there are none at all" : "there are: \(known)"))
        }
        do throws(LoadError) {
            return try ExperimentFile(
                text: String(decoding: data, as: UTF8.self), path: path, scale: scale, paper: paper)
        } catch .usage(let text) {
            throw .declaration(text.hasPrefix(path) ? text : "\(path): \(text)")
        }
    }

    /// The experiments of a directory, by name.
    public static func names(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }
}
