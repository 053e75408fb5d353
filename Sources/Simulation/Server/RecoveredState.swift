import DataTree
import Jute
import TxnLog
import ZooKeeperProtocol

/// What recovery rebuilds: the tree, the sessions, and what the checkers know of the log.
final class RecoveredState: RecoveryVisitor {
    private(set) var tree: DataTree
    private(set) var sessions: [Int64: Int32] = [:]
    private(set) var log = ServerLog()
    private let makeTree: () -> DataTree
    private var result = ApplyResult()

    init(makeTree: @escaping () -> DataTree) {
        self.makeTree = makeTree
        tree = makeTree()
    }

    /// In an order of their own: a dictionary's differs from run to run.
    var sortedSessions: [(id: Int64, timeoutMillis: Int32)] {
        sessions.sorted { $0.key < $1.key }.map { (id: $0.key, timeoutMillis: $0.value) }
    }

    func beginSnapshot(zxid: Int64) throws {
        tree = makeTree()
        sessions = [:]
        log.restart(at: zxid)
    }

    func session(id: Int64, timeoutMillis: Int32) throws { sessions[id] = timeoutMillis }
    func aclMap(_ reader: inout JuteReader) throws { try tree.loadACLMap(from: &reader) }
    func node(_ reader: inout JuteReader) throws { try tree.loadNode(from: &reader) }

    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) throws {
        tree.finishLoad()
        tree.lastProcessedZxid = zxid
    }

    func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws {
        log.append(header, body)
        var reader = JuteReader(body)
        switch OpCode(rawValue: header.type) {
        case .createSession:
            var timeout = reader
            sessions[header.clientId] = try timeout.readInt32()
        case .closeSession: sessions[header.clientId] = nil
        default: break
        }
        tree.applyReplay(header: header, record: &reader, result: &result)
    }
}
