import Jute
import ServerCore
import TxnLog
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A replica's disk: the simulated log thread, the production code for everything else, and a note of it all for the
/// checkers. A dead process changes nothing any more.
final class ReplicaDiskTap: ReplicaDisk {
    private unowned let server: SimulatedServer
    private let files: ReplicaFiles
    private let log: LogTap

    init(_ server: SimulatedServer, _ files: ReplicaFiles) {
        self.server = server
        self.files = files
        log = LogTap(server)
    }

    private func demandLife() throws(DiskError) {
        guard log.isAlive else { throw DiskError(.write, SimulatedDisk.directory, code: EIO) }
    }

    func submit(_ batch: TxnBatch) { log.submit(batch) }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        log.startSnapshot(zxid: zxid, sessions: sessions)
    }

    func quiesce() throws(DiskError) {
        try demandLife()
        try server.disk.drain()
    }

    func store(_ epochs: EpochRecord) throws(DiskError) {
        try demandLife()
        server.disk.blockForSync()
        try files.store(epochs)
    }

    func truncateLog(to zxid: Int64) throws(DiskError) -> Int64? {
        try demandLife()
        server.disk.blockForSync()
        let restore = server.disk.mutation == .zk4837 ? try snapshots(after: zxid) : []
        let last = try files.truncateLog(to: zxid)
        // The mistake of ZOOKEEPER-4837: the log is cut, and snapshots that hold more than it are left.
        for (path, bytes) in restore { server.disk.memory.setContents(bytes, of: path) }
        if let last { server.log.truncate(to: last) }
        return last
    }

    private func snapshots(after zxid: Int64) throws(DiskError) -> [(path: String, bytes: [UInt8])] {
        let disk = server.disk.memory
        var found: [(path: String, bytes: [UInt8])] = []
        for file in try DataFile.snapshots(disk, SimulatedDisk.directory) where file.zxid > zxid {
            if let bytes = disk.contents(of: file.path) { found.append((file.path, bytes)) }
        }
        return found
    }

    func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult {
        guard log.isAlive else { throw .disk(DiskError(.read, SimulatedDisk.directory, code: EIO)) }
        let tap = RecoveryTap(visitor)
        let result = try files.recover(into: tap)
        server.log = tap.log
        return result
    }

    func prefersSnapshot(after zxid: Int64) throws(DiskError) -> Bool { try files.prefersSnapshot(after: zxid) }
    func openHistory(after zxid: Int64) throws(DiskError) -> (any TxnHistory)? { try files.openHistory(after: zxid) }
    func floor(of zxid: Int64) throws(DiskError) -> Int64? { try files.floor(of: zxid) }
    func openSnapshot() throws(DiskError) -> (any SnapshotStream)? { try files.openSnapshot() }

    func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink {
        try demandLife()
        return SinkTap(try files.receiveSnapshot(zxid: zxid), zxid, server)
    }

    private final class SinkTap: SnapshotSink {
        private let sink: any SnapshotSink
        private let zxid: Int64
        private unowned let server: SimulatedServer
        private let life: Int

        init(_ sink: any SnapshotSink, _ zxid: Int64, _ server: SimulatedServer) {
            self.sink = sink
            self.zxid = zxid
            self.server = server
            life = server.life
        }

        private func demandLife() throws(DiskError) {
            guard server.isRunning, server.life == life else {
                throw DiskError(.write, SimulatedDisk.directory, code: EIO)
            }
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
            try demandLife()
            try sink.write(bytes)
        }

        func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) {
            try demandLife()
            server.disk.blockForSync()
            try sink.finish(digest: digest)
            server.log.restart(at: zxid)
        }

        func abandon() { if server.isRunning, server.life == life { sink.abandon() } }
    }
}
