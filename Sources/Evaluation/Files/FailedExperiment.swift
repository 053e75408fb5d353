import Load

/// The summary file of an experiment that ended by an error: why, and what its servers had printed. There are no
/// figures; what steps it kept, `--resume` goes on with.
public struct FailedExperiment: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = EarlierResult.failedSchemaName

    public var schema = FailedExperiment.schemaName
    public var schemaVersion = FailedExperiment.currentSchemaVersion
    public var experiment: String
    public var title: String
    public var paper: String?
    public var scale: Scale
    public var label: String
    /// Partial when it was interrupted before there was any figure.
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var environment: EnvironmentRecord
    public var refused: RefusedLimits?
    /// Of those that ran last.
    public var serverLogs: [ServerLogTail]

    /// - Parameter error: that ended it.
    public init(
        _ file: ExperimentFile, scale: Scale, label: String, error: LoadError, startedAt: String
    ) {
        experiment = file.name
        title = file.title
        paper = file.paper
        self.scale = scale
        self.label = label
        if case .interrupted(let text) = error {
            status = .partial
            statusReasons = [text]
        } else {
            status = .invalid
            statusReasons = ["failed: \(error)"]
        }
        self.startedAt = startedAt
        environment = EnvironmentRecord.capture(dataDirectory: nil)
        refused = file.refused
        serverLogs = ServerLogTails.last
    }

    public func write(to directory: String) throws(LoadError) {
        try ResultFiles.makeDirectory(directory)
        try ResultFiles.write(try ResultFiles.json(self), to: "\(directory)/summary.json")
    }
}
