import CPlatform
import DataTree
import Dispatch
import Logging
import RequestQueue
import ServerCore
import Transport
import TxnLog

/// The parts of a server, made and joined.
extension RunningServer {
    /// Throws when the client port cannot be had, before anything is written. It is bound at the end of the start only,
    /// so that no client waits for the recovery.
    static func requireClientPort(_ configuration: ServerConfiguration) throws(ServerStartError) {
        do throws(TransportError) {
            try Reactor.requirePort(
                address: configuration.clientPortAddress, port: UInt16(clamping: configuration.clientPort ?? 0))
        } catch {
            throw startError(error)
        }
    }

    static func startError(_ error: TransportError) -> ServerStartError {
        if case .addressInUse = error { .portTaken("\(error)") } else { .cannotStart("\(error)") }
    }

    static func openDirectory(
        _ configuration: ServerConfiguration, _ disk: any Disk
    ) throws(ServerStartError) -> DataDirectory {
        do throws(DataDirectoryError) {
            return try DataDirectory(
                disk: disk, dataDir: configuration.dataDirectory,
                dataLogDir: configuration.dataLogDirectory.isEmpty ? nil : configuration.dataLogDirectory,
                createsMissing: configuration.dataDirectoryAutocreate)
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    static func recover(
        _ configuration: ServerConfiguration, _ disk: any Disk, _ directory: DataDirectory, _ logger: Logger,
        committedZxid: Int64, index: LogIndex?, statistics: inout RequestStatistics
    ) throws(ServerStartError) -> (RecoveredState, RecoveryResult) {
        let start = corral_monotonic_nanos()
        var loaded = start
        let state = RecoveredState(
            DataTree(
                digestEnabled: configuration.digestEnabled, extendedTypesEnabled: configuration.extendedTypesEnabled))
        let recovery = Recovery(
            trustsEmptySnapshot: configuration.trustEmptySnapshot, committedZxid: committedZxid, index: index
        ) { notice in
            if case .loadedSnapshot = notice { loaded = corral_monotonic_nanos() }
            logger.log(level: Self.deservesAttention(notice) ? .warning : .info, "\(notice)")
        }
        let result: RecoveryResult
        do throws(RecoveryError) {
            result = try recovery.run(
                disk: disk, logDirectory: directory.logDirectory, snapshotDirectory: directory.snapshotDirectory,
                visitor: state)
        } catch {
            if case .disk(let disk) = error { throw .cannotStart("\(disk)") }
            throw .dataCorrupt("\(error)")
        }
        statistics.startupSnapshotLoadTime.record(nanos: loaded - start)
        statistics.startupTxnsLoadTime.record(nanos: corral_monotonic_nanos() - loaded)
        statistics.startupTxnsLoaded.record(UInt64(result.transactionsReplayed))
        let locked = state.tree.unresolvedACLCount
        if locked > 0 {
            logger.warning(
                """
                \(locked) znodes name an access list that is neither in the snapshot nor in the log: nobody is let in \
                until a superuser sets it again
                """)
        }
        if result.isNewDatabase, !configuration.databaseAutocreate {
            throw .cannotStart(
                "no database in \(directory.snapshotDirectory), and making one is switched off (db.autocreate=false)")
        }
        return (state, result)
    }

    /// A member's epochs; nil for a server that stands alone.
    static func loadEpochs(
        _ configuration: ServerConfiguration, _ disk: any Disk, _ directory: DataDirectory, _ logger: Logger
    ) throws(ServerStartError) -> EpochStore? {
        guard configuration.ensemble != nil else { return nil }
        do throws(EpochError) {
            return try EpochStore(disk: disk, directory: directory.snapshotDirectory) { logger.info("\($0)") }
        } catch {
            throw .dataCorrupt("\(error)")
        }
    }

    static func makeLogDisk(
        _ configuration: ServerConfiguration, _ thread: LogThread, _ writer: LogWriter, _ epochs: EpochStore,
        _ index: LogIndex?, _ disk: any Disk, _ directory: DataDirectory, _ durable: BatchQueue<LogItem>,
        _ end: ServerEnd, _ logger: Logger, lastZxid: Int64
    ) throws(ServerStartError) -> LogDisk {
        do throws(DiskError) { try epochs.reconcile(lastZxid: lastZxid) } catch {
            throw .cannotStart("the epochs cannot be stored: \(error)")
        }
        let files = ReplicaFiles(
            disk: disk, logDirectory: directory.logDirectory, snapshotDirectory: directory.snapshotDirectory,
            epochs: epochs, writer: writer, index: index,
            sections: SnapshotReceiver.Sections(
                digest: configuration.digestEnabled, zxid: configuration.serializeLastProcessedZxid)
        ) { notice in logger.info("\(notice)") }
        return LogDisk(thread: thread, files: files, durable: durable, end: end)
    }

    /// Notices that tell of damage, though recovery went on.
    private static func deservesAttention(_ notice: RecoveryNotice) -> Bool {
        switch notice {
        case .loadedSnapshot, .replayed, .removedUnfinishedFile, .removedEmptyLog: false
        default: true
        }
    }

    static func coreConfiguration(_ configuration: ServerConfiguration) -> CoreConfiguration {
        var core = CoreConfiguration()
        core.tickTimeMillis = Int32(clamping: configuration.tickTimeMillis)
        core.minSessionTimeoutMillis = Int32(clamping: configuration.minSessionTimeoutMillis)
        core.maxSessionTimeoutMillis = Int32(clamping: configuration.maxSessionTimeoutMillis)
        core.globalOutstandingLimit = configuration.globalOutstandingLimit
        core.maximumFrameBytes = configuration.juteMaxBufferBytes
        core.maxClientConnections = max(0, configuration.maxClientConnectionsPerAddress)
        core.maxConnections = max(0, configuration.maxConnections)
        core.sessionlessTimeoutMillis = Int64(configuration.sessionlessConnectionTimeoutMillis)
        core.snapCount = configuration.snapCount
        core.snapSizeLimitBytes = Int64(configuration.snapSizeLimitKilobytes) * 1024
        core.extendedTypesEnabled = configuration.extendedTypesEnabled
        core.skipACL = configuration.skipACL
        core.superDigest = configuration.superDigest
        core.digestAuthenticationEnabled = configuration.digestAuthenticationEnabled
        core.digestAlgorithm = DigestAlgorithm(rawValue: configuration.digestAlgorithm.rawValue) ?? .sha1
        core.serverId = configuration.ensemble?.myID ?? 1
        core.isReplicated = configuration.ensemble != nil
        core.treeDigestEnabled = configuration.digestEnabled
        core.enforceQuota = configuration.enforceQuota
        core.closeSessionTxnEnabled = configuration.closeSessionTxnEnabled
        core.containerCheckIntervalMillis = Int64(configuration.containerCheckIntervalMillis)
        core.broadcastOutstanding = configuration.broadcastOutstanding
        core.broadcastBytes = configuration.broadcastBytes
        core.containerMaximumPerMinute = configuration.containerMaxPerMinute
        core.containerMaximumNeverUsedMillis = Int64(configuration.containerMaxNeverUsedIntervalMillis)
        return core
    }

    static func makeReactors(
        _ configuration: ServerConfiguration
    ) throws(ServerStartError) -> ([ReactorBridge], [Reactor]) {
        var options = ReactorOptions()
        options.tickMillis = max(10, min(configuration.tickTimeMillis / 2, configuration.ensemble == nil ? 500 : 100))
        options.maxKeptBytes = configuration.juteMaxBufferBytes + 64 * 1024
        // A multi may carry several requests' worth, and a transaction more than its request.
        options.maxPeerKeptBytes = max(options.maxPeerKeptBytes, 4 * configuration.juteMaxBufferBytes)
        options.outputLimitBytes = configuration.maximumConnectionOutputBytes
        options.keepAlive = configuration.clientTcpKeepAlive
        let bridges = (0..<configuration.reactors).map { _ in ReactorBridge() }
        do throws(TransportError) {
            var reactors: [Reactor] = []
            for bridge in bridges { reactors.append(try Reactor(handler: bridge, options: options)) }
            return (bridges, reactors)
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    /// Gives each reactor its front, and the fronts their ways to and from the core.
    static func join(
        _ bridges: [ReactorBridge], _ reactors: [Reactor], _ core: Core, _ durable: BatchQueue<LogItem>
    ) -> [Front] {
        var fronts = [Front(core: core)]
        bridges[0].core = core
        bridges[0].durable = durable
        bridges[0].otherReactors = Array(reactors.dropFirst())
        if reactors.count > 1 {
            let requests = BatchQueue<RequestBatch>(capacity: reactors.count * 1024, wakeUp: reactors[0].wakeUp)
            bridges[0].requests = requests
            reactors[0].shareAccepted(among: Array(reactors.dropFirst()))
            for index in 1..<reactors.count {
                let inbox = BatchQueue<ReplyBatch>(capacity: 1024, wakeUp: reactors[index].wakeUp)
                fronts.append(Front(index: index, core: core, requestQueue: requests, inbox: inbox))
            }
        }
        for index in fronts.indices {
            bridges[index].front = fronts[index]
            bridges[index].reactor = reactors[index]
        }
        return fronts
    }

    static func makePurgeTimer(
        _ configuration: ServerConfiguration, _ disk: any Disk, _ directory: DataDirectory, _ logger: Logger
    ) -> (any DispatchSourceTimer)? {
        guard configuration.autopurgeIntervalHours > 0 else { return nil }
        let timer = DispatchSource.makeTimerSource(queue: .global(qos: .background))
        let interval = DispatchTimeInterval.seconds(configuration.autopurgeIntervalHours * 3600)
        timer.schedule(deadline: .now(), repeating: interval)
        timer.setEventHandler {
            do throws(DiskError) {
                let purged = try Purge(retainCount: configuration.autopurgeSnapRetainCount).run(
                    disk: disk, logDirectory: directory.logDirectory, snapshotDirectory: directory.snapshotDirectory)
                logger.info("old snapshots and logs purged", metadata: ["files": "\(purged.count)"])
            } catch {
                logger.error("purging old snapshots failed", metadata: ["error": "\(error)"])
            }
        }
        timer.activate()
        return timer
    }
}
