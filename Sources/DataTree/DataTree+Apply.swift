import Jute
import ZooKeeperProtocol

/// Applying transactions in their log form. Owner thread only.
extension DataTree {
    /// Applies one transaction. Prepared transactions are trusted; a replayed one may meet a tree that is ahead of
    /// it (fuzzy snapshots), which answers `nodeExists` or `noNode` and leaves the tree whole.
    ///
    /// - Parameters:
    ///   - record: at the transaction's record; afterwards behind it, at the digest if there is one.
    ///   - fired: events are appended in the order to deliver.
    ///   - result: replaced. `marshallingError` means bytes that are no transaction; nothing was changed then,
    ///     except by the operations of a multi before the bad one.
    public func apply(
        header: TxnHeader, record: inout JuteReader, fired: inout FiredEvents, result: inout ApplyResult
    ) {
        result.reset(type: header.type)
        do throws(JuteError) {
            switch OpCode(rawValue: header.type) {
            case .multi:
                try applyMulti(header, &record, &fired, &result)
            case .closeSession:
                closeSession(header, &record, &fired)
            case .createSession:
                result.sessionTimeoutMillis = try record.readInt32()
            default:
                result.take(try applyOne(header, header.type, &record, base: record.position, &fired))
            }
        } catch {
            result.error = .marshallingError
        }
        // Only now, so that a snapshot never claims half a multi.
        if header.zxid > lastProcessedZxid { lastProcessedZxid = header.zxid }
    }

    /// Applies one transaction of the log while recovering: the same effects, no watches.
    public func applyReplay(header: TxnHeader, record: inout JuteReader, result: inout ApplyResult) {
        var fired = FiredEvents()
        apply(header: header, record: &record, fired: &fired, result: &result)
    }

    private func applyOne(
        _ header: TxnHeader, _ type: Int32, _ record: inout JuteReader, base: UnsafeRawPointer,
        _ fired: inout FiredEvents
    ) throws(JuteError) -> MultiResult {
        var outcome = MultiResult()
        outcome.type = type
        switch OpCode(rawValue: type) {
        case .create, .create2, .createContainer, .createTTL:
            let txn = try CreateRecord(type: type, clientId: header.clientId, from: &record)
            outcome.setPath(txn.path, base: base)
            try create(txn, header, &outcome, &fired)
            if type != OpCode.create.rawValue, let node = outcome.node { outcome.stat = arena[node].clientStat }
        case .delete, .deleteContainer:
            let path = try record.readStringBytes()
            outcome.setPath(path, base: base)
            outcome.error = delete(path, zxid: header.zxid, &fired)
        case .setData, .reconfig:
            let path = try record.readStringBytes()
            let data = try record.readBuffer()
            let version = try record.readInt32()
            outcome.setPath(path, base: base)
            setData(path, data, version: version, header, &outcome, &fired)
        case .setACL:
            let path = try record.readStringBytes()
            let wire = try ACLSet.readWire(from: &record)
            let version = try record.readInt32()
            outcome.setPath(path, base: base)
            try setACL(path, wire, version: version, &outcome)
        case .check:
            outcome.setPath(try record.readStringBytes(), base: base)
            _ = try record.readInt32()
        case .error:
            let code = try record.readInt32()
            outcome.error = ErrorCode(rawValue: code) ?? .systemError
        default:
            throw .badLength
        }
        return outcome
    }

    /// A multi is all or nothing: with one error operation in it, all are errors and none is applied.
    private func applyMulti(
        _ header: TxnHeader, _ record: inout JuteReader, _ fired: inout FiredEvents, _ result: inout ApplyResult
    ) throws(JuteError) {
        let base = record.position
        let count = try record.readVectorCount(minimumElementSize: 8) ?? 0
        var scan = record
        var failed = false
        for _ in 0..<count {
            if try scan.readInt32() == OpCode.error.rawValue { failed = true }
            _ = try scan.readBuffer()
        }
        var pastFailure = false
        for _ in 0..<count {
            let type = try record.readInt32()
            let bytes = try record.readStringBytes()
            var outcome = MultiResult()
            if failed, type != OpCode.error.rawValue {
                outcome.type = OpCode.error.rawValue
                outcome.error = pastFailure ? .runtimeInconsistency : .ok
            } else {
                pastFailure = pastFailure || type == OpCode.error.rawValue
                var operation = JuteReader(bytes)
                outcome = try applyOne(header, type, &operation, base: base, &fired)
            }
            if result.error == .ok { result.error = outcome.error }
            result.multi.append(outcome)
        }
    }

    /// Two forms: with the list of paths to delete (3.6 and later), or without, when the session's own list counts.
    private func closeSession(_ header: TxnHeader, _ record: inout JuteReader, _ fired: inout FiredEvents) {
        var scan = record
        do throws(JuteError) {
            let count = try scan.readVectorCount(minimumElementSize: 4) ?? 0
            let paths = scan
            for _ in 0..<count { _ = try scan.readBuffer() }
            record = paths
            for _ in 0..<count { _ = delete(try record.readStringBytes(), zxid: header.zxid, &fired) }
        } catch {
            // No list: the record of an older server.
        }
        while let list = ephemerals[header.clientId], list.head != 0 {
            // The path dies with the znode, but the events need it.
            var path = WireBuffer(capacity: Int(arena[list.head].pointee.pathLength))
            path.append(raw: arena[list.head].path)
            _ = delete(path.bytes, zxid: header.zxid, &fired)
        }
        ephemerals[header.clientId] = nil
    }
}

extension MultiResult {
    mutating func setPath(_ path: UnsafeRawBufferPointer, base: UnsafeRawPointer) {
        guard let start = path.baseAddress else { return }
        pathOffset = start - base
        pathLength = path.count
    }
}

/// The four forms of a create transaction as one.
struct CreateRecord {
    var path: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer?
    var acl: UnsafeRawBufferPointer?
    var owner: Int64 = 0
    /// -1: one more than the parent has.
    var parentCversion: Int32 = -1

    init(type: Int32, clientId: Int64, from record: inout JuteReader) throws(JuteError) {
        path = try record.readStringBytes()
        data = try record.readBuffer()
        acl = try ACLSet.readWire(from: &record)
        switch OpCode(rawValue: type) {
        case .createContainer:
            parentCversion = try record.readInt32()
            owner = EphemeralType.containerOwner
        case .createTTL:
            parentCversion = try record.readInt32()
            let millis = try record.readInt64()
            guard millis > 0, millis <= EphemeralType.maximumTTLMillis else { throw .badLength }
            owner = EphemeralType.owner(ttlMillis: millis)
        default:
            owner = try record.readBool() ? clientId : 0
            // Logs of 3.4.0 and before end here.
            if record.remaining >= 4 { parentCversion = try record.readInt32() }
        }
    }
}
