import DataTree
import Jute
import ZooKeeperProtocol

/// The transactions that touch many znodes at once.
extension Core {
    /// A multi: all operations under one zxid, or none. A failure is recorded in the transaction itself, operation by
    /// operation, as Apache records it: before the failing one as they were, it with its error, the rest inconsistent.
    func prepareMulti(
        _ operations: [MultiOperation], _ header: TxnHeader, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        let digestBefore = futureDigest
        pending.beginUndo()
        defer { pending.endUndo() }
        out.append(int32: Int32(operations.count))
        var hasFailed = false
        for operation in operations {
            let start = out.count
            out.append(int32: operation.opcode.rawValue)
            out.append(int32: 0)
            var failure: ErrorCode? = hasFailed ? .runtimeInconsistency : nil
            if !hasFailed {
                do throws(ErrorCode) {
                    try prepare(operation, header, credentials, &out)
                } catch {
                    failure = error
                    hasFailed = true
                    pending.rollBack()
                    futureDigest = digestBefore
                    // What Apache trips over fails the request, not the operation.
                    if error == .marshallingError { throw error }
                }
            }
            if let failure {
                out.truncate(to: start)
                out.append(int32: OpCode.error.rawValue)
                out.append(int32: 4)
                out.append(int32: failure.rawValue)
            } else {
                out.patch(int32: Int32(out.count - start - 8), at: start + 4)
            }
        }
    }

    private func prepare(
        _ operation: MultiOperation, _ header: TxnHeader, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        switch operation {
        case .create(let opcode, let request): try prepareCreate(request, opcode, header, credentials, &out)
        case .delete(let request): try prepareDelete(request, header, credentials, &out)
        case .setData(let request): try prepareSetData(request, header, credentials, &out)
        case .check(let request): try prepareCheck(request, credentials, &out)
        }
    }

    /// The end of a session: its ephemerals, present and pending, go with it.
    func prepareCloseSession(_ header: TxnHeader, _ out: inout WireBuffer) {
        let sessionId = header.clientId
        sessions[sessionId]?.isClosing = true
        var paths = Set(tree.ephemeralPaths(of: sessionId))
        pending.forEach { path, node in
            // What stands there by then may be another's: a lock handed over, say.
            if node.exists, node.stat.ephemeralOwner == sessionId {
                paths.insert(Array(path))
            } else {
                paths.remove(Array(path))
            }
        }
        if configuration.closeSessionTxnEnabled { out.append(int32: Int32(paths.count)) }
        for path in paths.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            path.withUnsafeBytes { path in
                if configuration.closeSessionTxnEnabled { out.append(buffer: path) }
                guard let node = futureNodeIfAny(path), let parentPath = PathRules.parent(of: path),
                    var parent = futureNodeIfAny(parentPath)
                else { return }
                stageRemoval(of: node, at: path, &parent, parentPath, header.zxid)
            }
        }
    }
}
