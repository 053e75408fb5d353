import Jute
import RequestQueue
import TxnLog
import Zab
import ZooKeeperProtocol

/// A snapshot that comes from the leader: written to the disk as it is, and loaded into the tree, record by record.
///
/// Nothing of it counts before `finish`: until then the disk holds the old history, and an interrupted server starts
/// from that (ZOOKEEPER-2872).
final class SnapshotInstallation {
    let zxid: Int64
    private let core: Core
    private let sink: any SnapshotSink
    private let parser: SnapshotBodyParser
    private let state: RecoveredState
    /// The body is over; the signature is due.
    private var hasBody = false
    private(set) var isComplete = false

    init(core: Core, sink: any SnapshotSink, zxid: Int64) {
        self.core = core
        self.sink = sink
        self.zxid = zxid
        core.lock.lockExclusive()
        state = RecoveredState(core.tree)
        parser = SnapshotBodyParser(zxid: zxid, visitor: state)
        core.lock.unlockExclusive()
    }

    /// Takes what it can use of the bytes; 0 asks for more.
    func take(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        if hasBody { return try takeSignature(bytes) }
        core.lock.lockExclusive()
        defer { core.lock.unlockExclusive() }
        let used = try parser.feed(bytes)
        if used > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: bytes[..<used])) }
        hasBody = parser.isFinished
        return used
    }

    private func takeSignature(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        let expected = Array(snapshotSignature.utf8)
        guard bytes.count >= 4 + expected.count else { return 0 }
        var reader = JuteReader(bytes)
        guard let found = try reader.readBuffer(), found.elementsEqual(expected) else {
            throw SnapshotSignatureError()
        }
        isComplete = true
        return 4 + expected.count
    }

    /// The snapshot becomes this server's only history.
    func finish() throws {
        core.lock.lockExclusive()
        defer { core.lock.unlockExclusive() }
        core.replaceSessions(state.sessions)
        try sink.finish(digest: nil)
    }

    func abandon() { sink.abandon() }
}

/// What follows the snapshot's body is not the end mark.
struct SnapshotSignatureError: Error, CustomStringConvertible {
    var description: String { "the snapshot does not end with its signature" }
}
