import Foundation
import Load

/// One experiment's result as a report finds it on disk: whole, partial, invalid or unreadable.
public struct ReportedExperiment: Sendable {
    public enum Body: Sendable {
        case saturation(SaturationSummary)
        case broadcast(BroadcastSummary)
        case creates(CreatesSummary)
        case barriers(BarriersSummary)
        case peers(PeersSummary)
        case comparison(any ComparisonReport)
        /// A kind that the report has no section of its own for: its verdicts, tables and drawings are shown.
        case other
        /// There is a directory, and no result in it that can be read.
        case unreadable(String)

        /// The same as a result that nothing follows from.
        var refused: Body {
            switch self {
            case .saturation(var summary):
                summary.status = .invalid
                return .saturation(summary)
            case .broadcast(var summary):
                summary.status = .invalid
                return .broadcast(summary)
            case .creates(var summary):
                summary.status = .invalid
                return .creates(summary)
            case .barriers(var summary):
                summary.status = .invalid
                return .barriers(summary)
            case .peers(var summary):
                summary.status = .invalid
                return .peers(summary)
            case .comparison, .other, .unreadable: return self
            }
        }
    }

    /// The directory's name below the results.
    public var name: String
    /// Where its files are.
    public var directory: String
    public var heading: SummaryHeading?
    public var body: Body
    /// Verdicts that the summary itself has, wherever in it.
    public var storedShapes: [ShapeVerdict] = []

    public var title: String { heading?.title ?? name }
    public var status: RunStatus { heading?.status ?? .invalid }

    /// - Parameter check: what is wrong with the result of a path; see `ExperimentCheck.judge`.
    /// - Returns: nil for a result that is no declared experiment's, such as a sweep's.
    public init?(name: String, directory: String, check: (_ path: String) -> [String] = { _ in [] }) {
        self.name = name
        self.directory = directory
        guard let data = FileManager.default.contents(atPath: "\(directory)/summary.json") else {
            body = .unreadable("there is no summary.json: it ended before it had anything to show")
            return
        }
        let decoder = JSONDecoder()
        do {
            guard try decoder.decode(Titled.self, from: data).title != nil else { return nil }
            let heading = try decoder.decode(SummaryHeading.self, from: data)
            self.heading = heading
            storedShapes = Self.shapes(in: try JSONSerialization.jsonObject(with: data))
            switch heading.schema {
            case SaturationSummary.schemaName:
                let summary = try decoder.decode(SaturationSummary.self, from: data)
                body = .saturation(summary)
                refuse(SaturationSummary.unusable(summary.subjects))
            case BroadcastSummary.schemaName:
                body = .broadcast(try decoder.decode(BroadcastSummary.self, from: data))
            case CreatesSummary.schemaName:
                body = .creates(try decoder.decode(CreatesSummary.self, from: data))
            case BarriersSummary.schemaName:
                body = .barriers(try decoder.decode(BarriersSummary.self, from: data))
            case PeersSummary.schemaName:
                body = .peers(try decoder.decode(PeersSummary.self, from: data))
            default:
                body = try ComparisonKinds.summary(heading.schema, data).map { .comparison($0) } ?? .other
            }
        } catch {
            body = .unreadable("its summary.json cannot be read: \(error)")
            return
        }
        if status == .valid { refuse(check("\(directory)/summary.json")) }
    }

    /// Whoever wrote a result may have judged by fewer rules, and it may have changed since: what is not valid is not
    /// shown as such, and its verdicts are none.
    private mutating func refuse(_ problems: [String]) {
        guard status == .valid, !problems.isEmpty else { return }
        var reasons = (heading?.statusReasons ?? []) + problems.prefix(Self.mostProblems)
        if problems.count > Self.mostProblems { reasons.append("and \(problems.count - Self.mostProblems) more") }
        heading?.status = .invalid
        heading?.statusReasons = reasons
        body = body.refused
    }

    private static let mostProblems = 10

    /// What only declared experiments have; other results have other headings.
    private struct Titled: Decodable {
        var title: String?
    }

    /// Objects that are verdicts, in the order of the file's lists.
    private static func shapes(in value: Any) -> [ShapeVerdict] {
        if let list = value as? [Any] { return list.flatMap(shapes) }
        guard let object = value as? [String: Any] else { return [] }
        if let name = object["name"] as? String, let paper = object["paper"] as? String,
            let measured = object["measured"] as? String,
            let outcome = (object["outcome"] as? String).flatMap(ShapeVerdict.Outcome.init(rawValue:))
        {
            return [ShapeVerdict(name, paper: paper, measured: measured, outcome)]
        }
        return object.keys.sorted().flatMap { shapes(in: object[$0]!) }
    }

    /// Text of a file beside the summary; nil when it is not there.
    func file(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(directory)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    /// Names of files beside the summary, sorted.
    var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    /// The place in a report: figures, then tables, each by number, then what the paper does not have.
    var order: (Int, Int, String) {
        let parts = name.split(separator: "-")
        let number = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        switch parts.first {
        case "figure": return (0, number, name)
        case "table": return (1, number, name)
        default: return (2, 0, name)
        }
    }
}
