import DataTree
import Jute
import TxnLog
import ZooKeeperProtocol

/// Fills the core's tree and session table anew from what recovery reads. The caller holds the tree's writer side.
final class TreeReload: RecoveryVisitor {
    private let core: Core
    private var sessions: [Int64: Int32] = [:]
    private var result = ApplyResult()

    init(_ core: Core) {
        self.core = core
        core.tree.empty()
    }

    func beginSnapshot(zxid: Int64) throws {
        core.tree.empty()
        sessions = [:]
    }

    func session(id: Int64, timeoutMillis: Int32) throws { sessions[id] = timeoutMillis }

    func aclMap(_ reader: inout JuteReader) throws { try core.tree.loadACLMap(from: &reader) }

    func node(_ reader: inout JuteReader) throws { try core.tree.loadNode(from: &reader) }

    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) throws {
        core.tree.finishLoad()
        core.tree.lastProcessedZxid = zxid
    }

    func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws {
        var reader = JuteReader(body)
        switch OpCode(rawValue: header.type) {
        case .createSession:
            var timeout = reader
            sessions[header.clientId] = try timeout.readInt32()
        case .closeSession: sessions[header.clientId] = nil
        default: break
        }
        core.tree.applyReplay(header: header, record: &reader, result: &result)
    }

    /// The sessions that history knows take the place of those there were.
    func finish() { core.replaceSessions(sessions) }
}
