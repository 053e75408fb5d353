import DataTree
import Jute
import ZooKeeperProtocol

/// Requests that are answered from the tree as it stands.
extension Front {
    /// Answers one request that makes no transaction.
    func serve(_ frame: UnsafeRawBufferPointer, _ connection: ClientConnection, into out: inout WireBuffer) {
        let opcode = Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int32.self))
        // A ping is answered under its own xid, whatever it was sent under.
        let isPing = opcode == OpCode.ping.rawValue
        let xid = isPing ? ReservedXid.ping : Int32(bigEndian: frame.loadUnaligned(as: Int32.self))
        let zxid = tree.lastProcessedZxid
        var start = Reply.begin(xid: xid, zxid: zxid, error: .ok, in: &out)
        var reader = JuteReader(UnsafeRawBufferPointer(rebasing: frame[8...]))
        var failure: ErrorCode?
        do throws(ReadFailure) {
            if opcode == OpCode.getData.rawValue {
                try serveGetData(&reader, connection, &out)
            } else {
                try serveOther(opcode, &reader, connection, &out, &start)
            }
        } catch {
            failure = error.code
        }
        if let failure { Reply.fail(start, failure, in: &out) }
        Reply.end(start, in: &out)
        readsServed += 1
        // Another front's connection: that front counts when it sends.
        guard connection.front === self else { return }
        statistics.packetsSent += 1
        connection.statistics.recordReply(opcode: opcode, xid: xid, zxid: zxid, latencyMillis: 0)
    }

    /// Why a read is answered with an error.
    enum ReadFailure: Error {
        case user(ErrorCode)
        case malformed

        var code: ErrorCode {
            switch self {
            case .user(let code): code
            case .malformed: .marshallingError
            }
        }
    }

    /// The hottest request: one length check, one lookup, one copy.
    @inline(__always)
    private func serveGetData(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        let (path, watch) = try pathAndWatch(&reader)
        guard let node = tree.find(path) else { throw .user(.noNode) }
        try check(node, Permission.read, connection)
        tree.appendDataAndStat(of: node, to: &out)
        if watch { tree.watches.add(path: path, kind: .data, watcher: connection.watcher) }
    }

    @inline(__always)
    private func pathAndWatch(
        _ reader: inout JuteReader
    ) throws(ReadFailure) -> (UnsafeRawBufferPointer, Bool) {
        do {
            guard let path = try reader.readBuffer() else { throw ReadFailure.malformed }
            return (path, try reader.readBool())
        } catch {
            throw .malformed
        }
    }

    /// A path; a null one is malformed.
    func path(_ reader: inout JuteReader) throws(ReadFailure) -> UnsafeRawBufferPointer {
        guard let path = try nullablePath(&reader) else { throw .malformed }
        return path
    }

    func nullablePath(_ reader: inout JuteReader) throws(ReadFailure) -> UnsafeRawBufferPointer? {
        do { return try reader.readBuffer() } catch { throw .malformed }
    }

    func int32(_ reader: inout JuteReader) throws(ReadFailure) -> Int32 {
        do { return try reader.readInt32() } catch { throw .malformed }
    }

    @inline(__always)
    func check(
        _ node: NodeIndex, _ permission: Int32, _ connection: ClientConnection
    ) throws(ReadFailure) {
        if tree.worldPermissions(of: node) & permission != 0 { return }
        guard
            AccessCheck.permits(
                tree.acl(of: node), permission, connection.credentials, skip: configuration.skipACL,
                providers: providers)
        else { throw .user(.noAuth) }
    }

    func existing(_ path: UnsafeRawBufferPointer) throws(ReadFailure) -> NodeIndex {
        guard let node = tree.find(path) else { throw .user(.noNode) }
        return node
    }

    private func serveOther(
        _ opcode: Int32, _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer,
        _ start: inout Int
    ) throws(ReadFailure) {
        switch OpCode(rawValue: opcode) {
        case .exists: try serveExists(&reader, connection, &out)
        case .getChildren: try serveChildren(&reader, connection, &out, withStat: false)
        case .getChildren2: try serveChildren(&reader, connection, &out, withStat: true)
        case .ping: break
        case .sync: out.append(buffer: try nullablePath(&reader))
        case .getACL: try serveGetACL(&reader, connection, &out)
        case .getAllChildrenNumber:
            let path = try path(&reader)
            let node = try existing(path)
            try check(node, Permission.read, connection)
            // Under its other name, "", Apache counts the root itself as well.
            out.append(int32: Int32(clamping: tree.descendantCount(of: node) + (path.isEmpty ? 1 : 0)))
        case .getEphemerals: try serveEphemerals(&reader, connection, &out)
        case .multiRead: try serveMultiRead(&reader, connection, &out)
        case .whoAmI: serveWhoAmI(connection, &out)
        case .checkWatches, .removeWatches: try serveWatchQuery(opcode, &reader, connection)
        case .addWatch: try serveAddWatch(&reader, connection, &out)
        case .setWatches: try serveSetWatches(&reader, connection, &out, &start, withPersistent: false)
        case .setWatches2: try serveSetWatches(&reader, connection, &out, &start, withPersistent: true)
        default:
            if opcode == Front.oversizedRequest { throw .user(.badArguments) }
            // Apache answers and closes; the frame is whole, so there is no need to.
            throw .user(.unimplemented)
        }
    }

    private func serveExists(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        let (path, watch) = try pathAndWatch(&reader)
        if path.contains(0) { throw .user(.badArguments) }
        let node = tree.find(path)
        if let node { try check(node, Permission.read, connection) }
        if watch { tree.watches.add(path: path, kind: .data, watcher: connection.watcher) }
        guard let node else { throw .user(.noNode) }
        tree.appendStat(of: node, to: &out)
    }

    private func serveChildren(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer, withStat: Bool
    ) throws(ReadFailure) {
        let (path, watch) = try pathAndWatch(&reader)
        let node = try existing(path)
        try check(node, Permission.read, connection)
        if withStat { tree.appendChildrenAndStat(of: node, to: &out) } else { tree.appendChildren(of: node, to: &out) }
        if watch { tree.watches.add(path: path, kind: .child, watcher: connection.watcher) }
    }

    private func serveGetACL(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        let node = try existing(try path(&reader))
        try check(node, Permission.read | Permission.admin, connection)
        let acl = tree.acl(of: node)
        let mayAdminister = AccessCheck.permits(
            acl, Permission.admin, connection.credentials, skip: configuration.skipACL, providers: providers)
        if mayAdminister {
            out.append(raw: acl.wire)
        } else {
            // Who may only read does not learn password hashes (CVE-2019-0201).
            ACL.encode(acl.entries.map(Self.redacted), to: &out)
        }
        tree.appendStat(of: node, to: &out)
    }

    private static func redacted(_ entry: ACL) -> ACL {
        guard entry.identity.scheme == "digest", let colon = entry.identity.id.firstIndex(of: ":") else { return entry }
        var entry = entry
        entry.identity.id = entry.identity.id[..<colon] + ":x"
        return entry
    }

    private func serveEphemerals(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        var prefix = try nullablePath(&reader) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        let isBlank = prefix.allSatisfy { $0 <= 0x20 }
        if isBlank || PathRules.equals(prefix, "/") { prefix = UnsafeRawBufferPointer(rebasing: prefix[0..<0]) }
        tree.appendEphemerals(of: connection.session?.id ?? 0, prefix: prefix, to: &out)
    }

    /// Each read of the request answered on its own; an error takes the place of its result.
    private func serveMultiRead(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        let bodyStart = out.count
        while true {
            let type = try int32(&reader)
            let isDone: Bool
            do { isDone = try reader.readBool() } catch { throw .malformed }
            _ = try int32(&reader)
            if isDone { break }
            let (path, _) = try pathAndWatch(&reader)
            if out.count - bodyStart > CoreLimits.replyBytesMax {
                complain?(
                    "request refused: its reply would exceed \(CoreLimits.replyBytesMax) bytes",
                    connection.link.remoteHost, connection.link.remotePort, "multiRead of large znodes")
                throw .malformed
            }
            guard type == OpCode.getData.rawValue || type == OpCode.getChildren.rawValue else { throw .malformed }
            let start = out.count
            out.append(int32: type)
            out.append(bool: false)
            out.append(int32: 0)
            do throws(ReadFailure) {
                let node = try existing(path)
                try check(node, Permission.read, connection)
                if type == OpCode.getData.rawValue {
                    tree.appendDataAndStat(of: node, to: &out)
                } else {
                    tree.appendChildren(of: node, to: &out)
                }
            } catch {
                out.truncate(to: start)
                out.append(int32: OpCode.error.rawValue)
                out.append(bool: false)
                out.append(int32: error.code.rawValue)
                out.append(int32: error.code.rawValue)
            }
        }
        out.append(int32: -1)
        out.append(bool: true)
        out.append(int32: -1)
    }

    private func serveWhoAmI(_ connection: ClientConnection, _ out: inout WireBuffer) {
        let identities = connection.credentials.identities
        out.append(int32: Int32(identities.count))
        for identity in identities {
            out.append(string: identity.scheme)
            out.append(string: providers.userName(of: identity))
        }
    }
}
