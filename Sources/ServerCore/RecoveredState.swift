import DataTree
import Jute
import TxnLog
import ZooKeeperProtocol

/// What recovery rebuilds: the tree and the sessions. Fills a tree anew; the caller owns its writer side.
public final class RecoveredState: RecoveryVisitor {
    public let tree: DataTree
    /// Timeouts by session id.
    public private(set) var sessions: [Int64: Int32] = [:]
    private var result = ApplyResult()

    public init(_ tree: DataTree) {
        self.tree = tree
        tree.empty()
    }

    /// In an order of their own: a dictionary's differs from run to run.
    public var sortedSessions: [(id: Int64, timeoutMillis: Int32)] {
        sessions.sorted { $0.key < $1.key }.map { (id: $0.key, timeoutMillis: $0.value) }
    }

    // MARK: snapshot

    public func beginSnapshot(zxid: Int64) throws {
        tree.empty()
        sessions = [:]
    }

    public func session(id: Int64, timeoutMillis: Int32) throws { sessions[id] = timeoutMillis }

    public func aclMap(_ reader: inout JuteReader) throws { try tree.loadACLMap(from: &reader) }

    public func node(_ reader: inout JuteReader) throws { try tree.loadNode(from: &reader) }

    public func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) throws {
        tree.finishLoad()
        tree.lastProcessedZxid = zxid
    }

    // MARK: log

    public func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws {
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
