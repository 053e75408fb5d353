import DataTree
import RequestQueue
import ServerCore
import TxnLog

/// A server without an ensemble.
final class StandaloneProcess: ServerProcess {
    private let server: SimulatedServer
    private let core: Core
    private let clients: ClientPort

    init(_ server: SimulatedServer) throws {
        self.server = server
        let configuration = server.settings.core
        let seed = server.dice.next()
        let state = RecoveredState(
            DataTree(
                digestEnabled: configuration.treeDigestEnabled,
                extendedTypesEnabled: configuration.extendedTypesEnabled, seed: seed))
        let recovered = RecoveryTap(state)
        let disk = server.disk
        try disk.disk.createDirectory(SimulatedDisk.directory)
        let result = try Recovery().run(
            disk: disk.disk, logDirectory: SimulatedDisk.directory, snapshotDirectory: SimulatedDisk.directory,
            visitor: recovered)
        server.log = recovered.log
        if result.isNewDatabase {
            let task = try SnapshotTask(
                disk: disk.disk, directory: SimulatedDisk.directory, tree: state.tree, zxid: 0, sessions: [],
                isNamedAtEnd: false)
            while !(try task.step(nodes: 64)) {}
        }
        disk.openLog(lastZxid: result.lastZxid)
        core = Core(
            configuration: configuration, tree: state.tree, lock: ReaderLock(slots: 1),
            registry: ConnectionRegistry(), clock: server.clock, log: LogTap(server), random: server.dice.split(),
            recoveredSessions: state.sortedSessions)
        clients = ClientPort(front: Front(core: core), server: server)
    }

    var tree: DataTree { core.tree }

    var inspection: Inspection {
        Inspection(
            role: .leading, isEstablished: true, epoch: Int64(server.life), appliedZxid: core.tree.lastProcessedZxid,
            digest: core.tree.digest)
    }

    func start() {}

    func turn(_ action: () -> Void) {
        clients.front.beginTurn(nanos: server.clock.monotonicNanos())
        action()
        clients.front.endTurn()
        core.flushRemoteFronts()
    }

    func tick() {
        core.tick()
        clients.front.tick()
    }

    func batchesDurable(_ batches: [TxnBatch]) {
        for batch in batches { core.durable(batch) }
    }

    func snapshotFinished() { core.snapshotFinished() }
    func listens(_ service: Service) -> Bool { service == .clients }
    func accept(_ end: StreamEnd, _ service: Service, from host: Int) { clients.accept(end) }

    func received(_ bytes: UnsafeRawBufferPointer, on end: StreamEnd) -> Int {
        clients.received(bytes, on: end) ?? bytes.count
    }

    func ended(_ end: StreamEnd) { clients.ended(end) }
    func drained(_ end: StreamEnd) { end.receiveAgain() }
    func electionMessage(_ bytes: [UInt8], from server: Int) {}
    func electionLinkUp(_ server: Int) {}
    func electionLinkDown(_ server: Int) {}
    func dismantle() { clients.dismantle() }
}

/// Stands between the core and its log: what is logged is noted for the checkers, and a dead process logs nothing.
final class LogTap: TxnSink {
    private unowned(unsafe) let server: SimulatedServer
    private let life: Int

    init(_ server: SimulatedServer) {
        self.server = server
        life = server.life
    }

    var isAlive: Bool { server.isRunning && server.life == life }

    func submit(_ batch: TxnBatch) {
        guard isAlive else { return }
        server.log.append(batch)
        if let service = server.settings.service {
            server.stall(service.ofWrites(batch.count, isLeader: server.inspection.role == .leading))
        }
        server.disk.submit(batch)
    }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        guard isAlive else { return }
        server.disk.startSnapshot(zxid: zxid, sessions: sessions.sorted { $0.id < $1.id })
    }
}
