/// Where the four-letter words get what they tell. The server implements it; each method answers for one moment and
/// may be called from any thread.
public protocol ServerReportSource {
    /// False while recovering, shutting down, or without a leader: most words then say that the server is not serving.
    var isServing: Bool { get }
    /// Effective, with the port really bound.
    var configuration: ServerConfiguration { get }

    /// Of a server that does not serve, only `replication` counts.
    func serverReport() -> ServerReport
    func connectionReports() -> [ConnectionReport]
    /// Every global session.
    func sessionReports() -> [SessionReport]
    /// Ephemeral nodes of every session that has some.
    func ephemeralReports() -> [SessionPaths]
    func connectionExpiryReports() -> [ConnectionExpiryReport]
    func watchSummary() -> WatchSummary
    func watchesBySession() -> [SessionPaths]
    func watchesByPath() -> [PathSessions]
    func directorySizes() -> DirectorySizes
    /// Oldest first.
    func digestReports() -> [DigestReport]

    /// A leader's proposal sizes, too, start anew.
    func resetServerStatistics()
    func resetConnectionStatistics()
}
