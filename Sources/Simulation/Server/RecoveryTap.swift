import Jute
import TxnLog
import ZooKeeperProtocol

/// Notes what is read back from a log, and passes it on.
final class RecoveryTap: RecoveryVisitor {
    private let visitor: any RecoveryVisitor
    private(set) var log = ServerLog()

    init(_ visitor: any RecoveryVisitor) { self.visitor = visitor }

    func beginSnapshot(zxid: Int64) throws {
        log.restart(at: zxid)
        try visitor.beginSnapshot(zxid: zxid)
    }

    func session(id: Int64, timeoutMillis: Int32) throws {
        try visitor.session(id: id, timeoutMillis: timeoutMillis)
    }

    func aclMap(_ reader: inout JuteReader) throws { try visitor.aclMap(&reader) }
    func node(_ reader: inout JuteReader) throws { try visitor.node(&reader) }
    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) throws {
        try visitor.endSnapshot(zxid: zxid, trailer)
    }

    func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws {
        log.append(header, body)
        try visitor.transaction(header, body)
    }
}
