import DataTree
import ServerCore
import TxnLog
import ZooKeeperProtocol

/// The four-letter words of a running server: the words' text comes from `FourLetterWords`, the facts from the core.
///
/// Runs on the core's thread while no reactor is inside a turn, so it may look at everything.
final class ServerAdmin: AdminCommands, ServerReportSource, @unchecked Sendable {
    private let words: FourLetterWords
    private unowned var server: RunningServer!

    init(whitelist: FourLetterWordWhitelist) { words = FourLetterWords(whitelist: whitelist) }

    func attach(_ server: RunningServer) { self.server = server }

    // MARK: words

    func argumentBytes(ofWord word: UInt32) -> Int? { FourLetterWord(code: word)?.argumentLength }

    func run(word: UInt32, argument: [UInt8], core: Core) -> String {
        words.answer(code: word, argument: argument, source: self) ?? ""
    }

    // MARK: facts

    private var core: Core { server.core }
    private var tree: DataTree { server.core.tree }

    var isServing: Bool { !core.isDraining && core.role != .electing }

    var configuration: ServerConfiguration {
        var configuration = server.configuration
        configuration.clientPort = server.clientPort
        return configuration
    }

    func serverReport() -> ServerReport {
        var report = ServerReport()
        report.requests = core.statistics
        for front in server.fronts { report.requests.merge(front.statistics) }
        let log = server.logThread.statistics
        report.requests.transactionsLogged = UInt64(clamping: log.transactions)
        report.requests.fsyncTime = log.syncTime
        report.requests.slowFsyncs = log.slowSyncs
        report.requests.snapshotTime = server.snapshots.statistics.time
        report.requests.snapshotErrors = server.snapshots.statistics.errors
        report.requests.merge(server.startStatistics)
        report.aliveConnections = core.registry.count
        report.outstandingRequests = max(0, core.inProcess)
        report.zxid = tree.lastProcessedZxid
        report.uptimeMillis = SystemClock().wallMillis() - server.startedWallMillis
        report.nodeCount = tree.nodeCount
        report.watchCount = tree.watches.watchCount
        report.ephemeralsCount = tree.ephemeralCount
        report.approximateDataSizeBytes = tree.approximateDataSize
        report.replication = server.member?.replica.report()
        report.globalSessions = core.sessions.sessions.count
        return report
    }

    func connectionReports() -> [ConnectionReport] {
        core.registry.all().map { connection in
            var report = ConnectionReport(
                remoteAddress: connection.link.remoteHost, remotePort: connection.link.remotePort)
            let statistics = connection.statistics
            report.outstandingRequests = connection.outstanding
            report.packetsReceived = statistics.received
            report.packetsSent = statistics.sent
            // As Apache counts: 1 stands for reading.
            report.interestOperations = connection.isReading ? 1 : 0
            guard let session = connection.session else { return report }
            var known = ConnectionReport.Session(id: session.id)
            if statistics.latencyCount > 0 {
                known.lastOperation = OpCode(rawValue: statistics.lastOpcode).map(LastOperation.name(of:)) ?? "NA"
                known.lastCxid = Int64(statistics.lastXid)
                known.lastZxid = statistics.lastZxid
                known.averageLatencyMillis = statistics.latencySumMillis / statistics.latencyCount
            } else {
                known.lastOperation = LastOperation.session
            }
            known.establishedWallMillis = statistics.establishedWallMillis
            known.timeoutMillis = Int(session.timeoutMillis)
            known.lastResponseMillis = session.lastHeardMillis
            known.lastLatencyMillis = statistics.lastLatencyMillis
            known.minLatencyMillis = statistics.minLatencyMillis
            known.maxLatencyMillis = statistics.maxLatencyMillis
            report.session = known
            return report
        }
    }

    /// The wall-clock time at which a session expires if it stays silent.
    private func expiryWallMillis(_ session: Session) -> Int64 {
        let clock = SystemClock()
        return clock.wallMillis() + core.sessions.expiryMillis(of: session) - core.nowMillis
    }

    func sessionReports() -> [SessionReport] {
        core.sessions.sessions.values.map {
            SessionReport(
                id: $0.id, expiryWallMillis: expiryWallMillis($0), timeoutMillis: Int($0.timeoutMillis))
        }
    }

    func ephemeralReports() -> [SessionPaths] {
        tree.sessionsWithEphemerals.map { id in
            SessionPaths(
                sessionID: id, paths: tree.ephemeralPaths(of: id).map { String(decoding: $0, as: UTF8.self) })
        }
    }

    func connectionExpiryReports() -> [ConnectionExpiryReport] {
        core.registry.all().compactMap { connection in
            guard let session = connection.session else { return nil }
            return ConnectionExpiryReport(
                remoteAddress: connection.link.remoteHost, remotePort: connection.link.remotePort,
                sessionID: session.id, expiryWallMillis: expiryWallMillis(session))
        }
    }

    func watchSummary() -> WatchSummary {
        let summary = tree.watches.summary()
        return WatchSummary(connections: summary.watchers, paths: summary.paths, watches: summary.watches)
    }

    private func sessionId(of watcher: WatcherID) -> Int64 { core.registry.connection(watcher)?.session?.id ?? 0 }

    func watchesBySession() -> [SessionPaths] {
        tree.watches.pathsByWatcher().map { entry in
            SessionPaths(
                sessionID: sessionId(of: entry.watcher), paths: entry.paths.map { String(decoding: $0, as: UTF8.self) })
        }
    }

    func watchesByPath() -> [PathSessions] {
        tree.watches.watchersByPath().map { entry in
            PathSessions(
                path: String(decoding: entry.path, as: UTF8.self), sessionIDs: entry.watchers.map(sessionId(of:)))
        }
    }

    func directorySizes() -> DirectorySizes { DirectorySizes(of: server.configuration) }

    func digestReports() -> [DigestReport] {
        core.digestLog.map { DigestReport(zxid: $0.zxid, digest: Int64(bitPattern: $0.digest)) }
    }

    func resetServerStatistics() {
        core.resetStatistics()
        server.member?.replica.resetStatistics()
    }

    func resetConnectionStatistics() {
        for connection in core.registry.all() { connection.resetStatistics() }
    }
}
