import CPlatform
import DataTree
import Dispatch
import Foundation
import Logging
import RequestQueue
import ServerCore
import Synchronization
import Transport
import TxnLog
import ZooKeeperProtocol

/// One server in this process, alone or a member of an ensemble: recovered, listening, and able to stop.
///
/// Threads: reactor 0 (the caller's of `run`), which is also the core; the log; further reactors when configured;
/// one for each snapshot while it is written.
public final class RunningServer: @unchecked Sendable {
    public let configuration: ServerConfiguration
    /// The port that clients connect to.
    public let clientPort: Int
    let logger: Logger
    let core: Core
    let fronts: [Front]
    let logThread: LogThread
    let snapshots: SnapshotTaker
    let directory: DataDirectory
    let startedWallMillis: Int64
    /// What the start took.
    let startStatistics: RequestStatistics
    private let reactors: [Reactor]
    private let bridges: [ReactorBridge]
    private let admin: ServerAdmin
    /// Nil when the server stands alone.
    let member: EnsembleMembership?
    private let disk: any Disk
    private let end: ServerEnd
    private let orders = CoreOrders()
    private let purgeTimer: (any DispatchSourceTimer)?
    private let isStopping = Atomic(false)
    private let otherReactors = DispatchGroup()

    /// Opens the data directory, recovers what it holds, and listens.
    ///
    /// - Parameters:
    ///   - onFailure: what is done when the disk fails later.
    ///   - disk: where the data directory is.
    public init(
        _ configuration: ServerConfiguration, logger: Logger, onFailure: FailurePolicy, disk: any Disk = FileDisk()
    ) throws(ServerStartError) {
        self.configuration = configuration
        self.logger = logger
        let end = ServerEnd(policy: onFailure, logger: logger)
        self.end = end
        startedWallMillis = corral_wall_millis()
        try Self.requireClientPort(configuration)
        self.disk = disk
        let directory = try Self.openDirectory(configuration, disk)
        self.directory = directory
        let recoveryStart = corral_monotonic_nanos()
        let epochs = try Self.loadEpochs(configuration, disk, directory, logger)
        let index = epochs == nil ? nil : LogIndex()
        var startStatistics = RequestStatistics()
        let (state, recovered) = try Self.recover(
            configuration, disk, directory, logger, committedZxid: epochs?.record.committedZxid ?? 0, index: index,
            statistics: &startStatistics)
        let tree = state.tree
        startStatistics.databaseInitTime.record(nanos: corral_monotonic_nanos() - recoveryStart)
        self.startStatistics = startStatistics
        let lock = ReaderLock(slots: configuration.reactors)
        let snapshots = SnapshotTaker(
            disk: disk, directory: directory.snapshotDirectory, tree: tree, lock: lock,
            lockSlot: configuration.reactors - 1, end: end, logger: logger,
            digestEnabled: configuration.digestEnabled, serializesZxid: configuration.serializeLastProcessedZxid)
        self.snapshots = snapshots
        let sessions = state.sortedSessions
        (bridges, reactors) = try Self.makeReactors(configuration)
        end.attach(reactors)
        let durable = BatchQueue<LogItem>(capacity: Self.queueCapacity, wakeUp: reactors[0].wakeUp)
        let writer = LogWriter(
            disk: disk, directory: directory.logDirectory,
            preallocationBytes: configuration.preAllocationKilobytes * 1024, forceSync: configuration.forceSync,
            lastZxid: tree.lastProcessedZxid,
            sizeLimitBytes: configuration.txnLogSizeLimitKilobytes > 0
                ? configuration.txnLogSizeLimitKilobytes * 1024 : nil, index: index)
        logThread = LogThread(
            writer: writer, outgoing: durable, snapshots: snapshots, end: end, logger: logger,
            fsyncWarningMillis: configuration.fsyncWarningThresholdMillis)
        var logDisk: LogDisk?
        if let epochs {
            logDisk = try Self.makeLogDisk(
                configuration, logThread, writer, epochs, index, disk, directory, durable, end, logger,
                lastZxid: tree.lastProcessedZxid)
        }
        core = Core(
            configuration: Self.coreConfiguration(configuration), tree: tree, lock: lock,
            registry: ConnectionRegistry(), clock: SystemClock(), log: logDisk ?? logThread,
            random: SystemRandomNumberGenerator(), recoveredSessions: sessions)
        fronts = Self.join(bridges, reactors, core, durable)
        bridges[0].injected = InjectedWork(configuration, front: fronts[0], core: core)
        if let ensemble = configuration.ensemble, let logDisk, let epochs {
            member = try EnsembleMembership(
                configuration, ensemble, core: core, disk: logDisk, epochs: epochs.record, reactor: reactors[0],
                end: end, logger: logger)
            bridges[0].member = member
        } else {
            member = nil
        }
        bridges[0].orders = orders
        do throws(DiskError) {
            // A log is worth nothing without a snapshot to start from. Who cannot have its ports leaves none behind.
            // That of an ensemble's member may end with what was never committed (ZOOKEEPER-1549).
            if recovered.isNewDatabase || (recovered.transactionsReplayed > 0 && epochs == nil) {
                try snapshots.writeNow(SnapshotOrder(zxid: tree.lastProcessedZxid, sessions: sessions))
            }
        } catch {
            member?.detach()
            throw .cannotStart("the first snapshot cannot be written: \(error)")
        }
        admin = ServerAdmin(whitelist: configuration.fourLetterWords)
        do throws(TransportError) {
            let backlog = configuration.clientPortListenBacklog
            clientPort = Int(
                try reactors[0].listen(
                    address: configuration.clientPortAddress, port: UInt16(clamping: configuration.clientPort ?? 0),
                    backlog: Int32(clamping: backlog > 0 ? backlog : 1024)))
        } catch {
            member?.detach()
            throw Self.startError(error)
        }
        purgeTimer = Self.makePurgeTimer(configuration, disk, directory, logger)
        for bridge in bridges { bridge.logger = logger }
        for front in fronts {
            front.admin = admin
            front.complain = { what, host, port, reason in
                logger.warning(
                    "\(what)", metadata: ["client": "\(host):\(port)", "reason": "\(reason)"])
            }
        }
        admin.attach(self)
    }

    /// Batches, snapshots and the stop: more than can ever be in flight.
    private static let queueCapacity = 256

    /// The zxid applied last, and the znodes there are. Before `run`, or on the core's thread.
    var lastZxid: Int64 { core.tree.lastProcessedZxid }
    var znodeCount: Int { core.tree.nodeCount }

    // MARK: running

    /// Serves until `stop`, `kill` or a failure of the disk, on the calling thread and those it starts. Returns when
    /// everything acknowledged is on the disk and every thread is at its end. May be called once.
    public func run() {
        logger.info(
            "serving clients",
            metadata: [
                "address": "\(configuration.clientPortAddress ?? "*"):\(clientPort)",
                "zxid": "0x\(String(lastZxid, radix: 16))", "znodes": "\(znodeCount)",
                "reactors": "\(configuration.reactors)",
            ])
        logThread.start()
        for (index, reactor) in reactors.enumerated().dropFirst() {
            otherReactors.enter()
            NamedThread.start("corral-reactor\(index)") { [self] in
                if configuration.pinReactors { _ = corral_pin_thread(Int32(index)) }
                reactor.run()
                otherReactors.leave()
            }
        }
        if configuration.pinReactors { _ = corral_pin_thread(0) }
        member?.replica.start()
        reactors[0].run()
        otherReactors.wait()
        orders.close()
        if !end.isOrdered { member?.replica.storeCommitPoint() }
        logThread.stop()
        snapshots.waitUntilIdle()
        purgeTimer?.cancel()
        dismantle()
        directory.release()
        logger.info(end.isOrdered ? "ended abruptly" : "ended cleanly")
    }

    /// Takes apart what holds itself, so that the end of this object is the end of its memory and descriptors.
    private func dismantle() {
        core.forgetConnections()
        member?.detach()
        end.attach([])
    }

    /// Stops: no new connections or requests; what is in the pipeline is made durable and answered; then all ends.
    /// May be called from any thread, more than once.
    public func stop() {
        guard isStopping.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        for bridge in bridges { bridge.beginDraining() }
    }

    /// Ends as if the process had: connections break without another byte, and nothing more is written, not even what
    /// was under way. `run` returns soon. May be called from any thread, more than once, and after `stop`.
    public func kill() { end.order() }

    // MARK: from other threads

    /// Runs `body` on the core's thread, between requests; nil once the server has ended. Before `run`, it waits.
    func onCore<Result: Sendable>(_ body: @escaping @Sendable (Core) -> Result) async -> Result? {
        await withCheckedContinuation { continuation in
            orders.add { core in continuation.resume(returning: core.map(body)) }
            reactors[0].wakeUp.wake()
        }
    }
}
