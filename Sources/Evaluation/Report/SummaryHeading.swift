import Foundation
import Load

/// What the summary files of all kinds of experiments begin with.
public struct SummaryHeading: Codable, Equatable, Sendable {
    public var schema: String
    public var experiment: String
    /// Results that no experiment file declares have none.
    public var title: String?
    public var paper: String?
    public var scale: Scale?
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]?
    public var startedAt: String?
    public var elapsedSeconds: Double?
    public var environment: EnvironmentRecord?
    /// What the machine did not permit.
    public var refused: RefusedLimits?

    /// The schema's last word, such as "saturation".
    public var kind: String { schema.split(separator: "/").last.map(String.init) ?? schema }

    /// Whether a result at a place is whole, of this scale and program, and of the same limits: it need not be measured
    /// again.
    ///
    /// - Parameter files: the programs, and the file that declares the experiment. Where the tree has changes, its
    ///   commit does not tell what they were; then none of these may have changed since the result was begun.
    public static func isFinished(
        in directory: String, scale: Scale, refused: RefusedLimits? = nil, files: [String]
    ) -> Bool {
        guard let data = FileManager.default.contents(atPath: "\(directory)/summary.json"),
            let heading = try? JSONDecoder().decode(SummaryHeading.self, from: data)
        else { return false }
        let now = EnvironmentRecord.capture(dataDirectory: nil)
        guard heading.status == .valid, heading.scale == scale, heading.refused == refused,
            heading.environment?.commit == now.commit, heading.environment?.dirty == now.dirty
        else { return false }
        guard now.dirty else { return true }
        guard let begun = heading.startedAt.flatMap({ try? Date($0, strategy: .iso8601) }) else { return false }
        return files.allSatisfy { path in ProgramFile.changed(path).map { $0 <= begun } ?? false }
    }
}

extension SaturationSummary {
    var heading: SummaryHeading {
        SummaryHeading(
            schema: schema, experiment: experiment, title: title, paper: paper, scale: scale, label: label,
            status: status, statusReasons: statusReasons, startedAt: startedAt, elapsedSeconds: elapsedSeconds,
            environment: environment, refused: refused)
    }
}

extension PeersSummary {
    var heading: SummaryHeading {
        SummaryHeading(
            schema: schema, experiment: experiment, title: title, paper: paper, scale: scale, label: label,
            status: status, statusReasons: statusReasons, startedAt: startedAt, elapsedSeconds: elapsedSeconds,
            environment: environment)
    }
}
