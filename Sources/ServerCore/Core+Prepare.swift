import DataTree
import Jute
import TxnLog
import ZooKeeperProtocol

/// Prepare: a request checked against the future state becomes a transaction, serialized into the batch in hand.
extension Core {
    /// What a write request asks for, once its record has been read whole.
    private enum Operation {
        case create(CreateRequest)
        case delete(VersionedPathRequest)
        case deleteContainer(UnsafeRawBufferPointer)
        case setData(SetDataRequest)
        case setACL(SetACLRequest)
        case multi([MultiOperation]?)
        case createSession(timeoutMillis: Int32)
        case closeSession
        case refused(ErrorCode)
    }

    /// Takes one write request. Its answer follows once the transaction is durable and applied.
    ///
    /// - Parameter origin: the learner it came through, with the session it names; nil for this server's own clients.
    func prepare(
        _ opcode: OpCode, xid: Int32, connection: ClientConnection?, session: Session?, credentials: Credentials,
        record: UnsafeRawBufferPointer, receivedNanos: UInt64, origin: RequestOrigin? = nil
    ) {
        var request = PreparedRequest(
            connection: connection, session: session, opcode: opcode, xid: xid, zxid: 0, error: .ok,
            receivedNanos: receivedNanos)
        if opcode == .sync, let replica {
            enqueueSync(&request, record, origin, replica)
            return
        }
        var reader = JuteReader(record)
        let operation: Operation
        do {
            operation = try decode(opcode, &reader)
        } catch {
            guard origin == nil else {
                // Its learner waits for a transaction, so it gets one that says no.
                prepareTransaction(.refused(.marshallingError), &request, credentials, origin)
                return
            }
            // As in Apache, a record that cannot be read makes no transaction; its answer keeps its place in line.
            request.error = .marshallingError
            enqueueRefusal(request)
            return
        }
        if role == .learner {
            forward(request, record, credentials)
        } else {
            prepareTransaction(operation, &request, credentials, origin)
        }
    }

    private func prepareTransaction(
        _ operation: Operation, _ request: inout PreparedRequest, _ credentials: Credentials, _ origin: RequestOrigin?
    ) {
        let opcode = request.opcode
        let session = request.session
        lastZxid += 1
        request.zxid = lastZxid
        var header = TxnHeader(
            clientId: origin?.sessionId ?? session?.id ?? 0, cxid: request.xid, zxid: lastZxid,
            time: clock.wallMillis(), type: opcode.rawValue)
        batch.beginTxn()
        let start = batch.bytes.count
        header.encode(to: &batch.bytes)
        do throws(ErrorCode) {
            if let session, session.isClosing, opcode != .closeSession { throw .sessionExpired }
            if replica != nil { try checkOwner(session, opcode, origin, request.connection) }
            try prepare(operation, opcode, header, credentials, &batch.bytes)
        } catch {
            header.type = OpCode.error.rawValue
            request.error = error
            batch.bytes.truncate(to: start)
            header.encode(to: &batch.bytes)
            batch.bytes.append(int32: error.rawValue)
        }
        if configuration.treeDigestEnabled {
            batch.bytes.append(int32: ZnodeDigest.version)
            batch.bytes.append(int64: Int64(bitPattern: futureDigest))
        }
        batch.endTxn(zxid: lastZxid)
        enqueue(request)
    }

    func enqueue(_ request: PreparedRequest) {
        batchRequests.append(request)
        if request.connection != nil { inProcess += 1 }
    }

    /// The owner of a session is the server its client came to last; requests that still come through another are
    /// refused, so that they cannot take effect behind the client's back.
    private func checkOwner(
        _ session: Session?, _ opcode: OpCode, _ origin: RequestOrigin?, _ connection: ClientConnection?
    ) throws(ErrorCode) {
        guard opcode != .createSession, opcode != .closeSession, origin != nil || connection != nil else { return }
        guard let session else { throw .sessionExpired }
        let owner = origin?.link ?? 0
        if let known = session.ownerLink, known != owner { throw .sessionMoved }
        session.ownerLink = owner
    }

    private func decode(_ opcode: OpCode, _ reader: inout JuteReader) throws(JuteError) -> Operation {
        switch opcode {
        case .create, .create2, .createContainer: .create(try CreateRequest(from: &reader, hasTTL: false))
        case .createTTL: .create(try CreateRequest(from: &reader, hasTTL: true))
        case .delete: .delete(try VersionedPathRequest(from: &reader))
        case .deleteContainer: .deleteContainer(try reader.readStringBytes())
        case .setData: .setData(try SetDataRequest(from: &reader))
        case .setACL: .setACL(try SetACLRequest(from: &reader))
        case .multi: .multi(try decodeMulti(&reader))
        case .createSession: .createSession(timeoutMillis: try reader.readInt32())
        case .closeSession: .closeSession
        case .reconfig: .refused(try decodeReconfig(&reader))
        default: .refused(.unimplemented)
        }
    }

    /// Reads a reconfiguration, which a server that stands alone refuses.
    private func decodeReconfig(_ reader: inout JuteReader) throws(JuteError) -> ErrorCode {
        for _ in 0..<3 { _ = try reader.readBuffer() }
        _ = try reader.readInt64()
        return .reconfigDisabled
    }

    /// - Returns: nil for a multi that is answered with an error under a zxid of its own.
    private func decodeMulti(_ reader: inout JuteReader) throws(JuteError) -> [MultiOperation]? {
        do {
            let operations = try MultiOperation.decodeAll(from: &reader)
            return operations.contains { NullPath.is($0.path) } ? nil : operations
        } catch .unexpectedNull {
            throw .unexpectedNull
        } catch {
            return nil
        }
    }

    private func prepare(
        _ operation: Operation, _ opcode: OpCode, _ header: TxnHeader, _ credentials: Credentials,
        _ out: inout WireBuffer
    ) throws(ErrorCode) {
        switch operation {
        case .create(let request): try prepareCreate(request, opcode, header, credentials, &out)
        case .delete(let request): try prepareDelete(request, header, credentials, &out)
        case .deleteContainer(let path): try prepareDeleteContainer(path, header, &out)
        case .setData(let request): try prepareSetData(request, header, credentials, &out)
        case .setACL(let request): try prepareSetACL(request, header, credentials, &out)
        case .multi(let operations):
            guard let operations else { throw .marshallingError }
            try prepareMulti(operations, header, credentials, &out)
        case .createSession(let timeoutMillis): out.append(int32: timeoutMillis)
        case .closeSession: prepareCloseSession(header, &out)
        case .refused(let error): throw error
        }
    }

    // MARK: operations

    func prepareCreate(
        _ request: CreateRequest, _ opcode: OpCode, _ header: TxnHeader, _ credentials: Credentials,
        _ out: inout WireBuffer
    ) throws(ErrorCode) {
        let owner = try ephemeralOwner(request, opcode, header)
        if NullPath.is(request.path) { throw .marshallingError }
        guard let parentPath = PathRules.parent(of: request.path) else { throw .badArguments }
        let acl: ACLSet
        switch request.acl {
        case .open: acl = .open
        case .list(let list): acl = tree.intern(try fixUp(list, credentials))
        }
        var parent = try futureNode(parentPath)
        try check(parent.acl, Permission.create, credentials)
        let cversion = parent.stat.cversion
        var sequential = WireBuffer()
        var path = request.path
        if CreateMode(flags: request.flags)!.isSequential {
            sequential.append(raw: request.path)
            appendSequence(cversion, to: &sequential)
            path = sequential.bytes
        }
        guard PathRules.isValid(path) else { throw .badArguments }
        if futureNodeIfAny(path) != nil { throw .nodeExists }
        if case .ephemeral = EphemeralType(
            owner: parent.stat.ephemeralOwner, extendedTypesEnabled: configuration.extendedTypesEnabled)
        {
            throw .noChildrenForEphemerals
        }
        if parent.isContainerMeantEphemeral, parent.stat.czxid == header.zxid { throw .noChildrenForEphemerals }
        try checkQuota(path, bytesAdded: request.data?.count ?? 0, nodesAdded: 1)
        out.append(buffer: path)
        out.append(buffer: request.data)
        out.append(raw: acl.wire)
        switch opcode {
        case .createContainer: out.append(int32: cversion &+ 1)
        case .createTTL:
            out.append(int32: cversion &+ 1)
            out.append(int64: request.ttlMillis)
        default:
            out.append(bool: CreateMode(flags: request.flags)!.isEphemeral)
            out.append(int32: cversion &+ 1)
        }
        parent.childCount += 1
        parent.stat.cversion = cversion &+ 1
        parent.stat.pzxid = header.zxid
        stage(&parent, at: parentPath, header.zxid)
        var stat = StatPersisted()
        stat.czxid = header.zxid
        stat.mzxid = header.zxid
        stat.pzxid = header.zxid
        stat.ctime = header.time
        stat.mtime = header.time
        stat.ephemeralOwner = owner
        var node = PendingNode(
            exists: true, stat: stat, childCount: 0, dataLength: Int32(request.data?.count ?? 0), acl: acl,
            prefixChecksum: nil, digest: 0, zxid: header.zxid)
        node.isContainerMeantEphemeral = opcode == .createContainer && CreateMode(flags: request.flags)!.isEphemeral
        node.prefixChecksum = prefixChecksum(path, request.data)
        stage(&node, at: path, header.zxid)
        // `path` may point into this buffer, so it must live until here.
        sequential.removeAll()
    }

    private func ephemeralOwner(
        _ request: CreateRequest, _ opcode: OpCode, _ header: TxnHeader
    ) throws(ErrorCode) -> Int64 {
        guard let mode = CreateMode(flags: request.flags) else { throw .badArguments }
        if mode.hasTTL {
            guard configuration.extendedTypesEnabled else { throw .unimplemented }
            guard opcode == .createTTL, request.ttlMillis > 0,
                request.ttlMillis <= EphemeralType.maximumTTLMillis
            else { throw .badArguments }
            return EphemeralType.owner(ttlMillis: request.ttlMillis)
        }
        if opcode == .createTTL || request.ttlMillis >= 0 { throw .badArguments }
        if opcode == .createContainer { return EphemeralType.containerOwner }
        return mode.isEphemeral ? header.clientId : 0
    }

    /// The ten-digit suffix of a sequential znode, as Java's `%010d`.
    private func appendSequence(_ value: Int32, to buffer: inout WireBuffer) {
        var digits: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &digits) { digits in
            var rest = value.magnitude
            let width = value < 0 ? 11 : 10
            var index = width
            while index > 0 {
                index -= 1
                digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            // Java pads a negative number to ten characters, sign included.
            let start = value < 0 && value.magnitude < 1_000_000_000 ? 1 : 0
            if value < 0 { digits[start] = UInt8(ascii: "-") }
            buffer.append(raw: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start..<width]))
        }
    }

    func prepareDelete(
        _ request: VersionedPathRequest, _ header: TxnHeader, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        if NullPath.is(request.path) { throw .marshallingError }
        guard let parentPath = PathRules.parent(of: request.path), !PathRules.isReserved(request.path) else {
            throw .badArguments
        }
        var parent = try futureNode(parentPath)
        try check(parent.acl, Permission.delete, credentials)
        let node = try futureNode(request.path)
        try checkVersion(node.stat.version, request.version)
        if node.childCount > 0 { throw .notEmpty }
        out.append(buffer: request.path)
        stageRemoval(of: node, at: request.path, &parent, parentPath, header.zxid)
    }

    /// The reaper's delete: no ACL, but only of an empty container or TTL node.
    private func prepareDeleteContainer(
        _ path: UnsafeRawBufferPointer, _ header: TxnHeader, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        guard let parentPath = PathRules.parent(of: path), !PathRules.isReserved(path) else { throw .badArguments }
        let node = try futureNode(path)
        if node.childCount > 0 { throw .notEmpty }
        switch EphemeralType(
            owner: node.stat.ephemeralOwner, extendedTypesEnabled: configuration.extendedTypesEnabled)
        {
        case .container, .ttl: break
        default: throw .badVersion
        }
        var parent = try futureNode(parentPath)
        out.append(buffer: path)
        stageRemoval(of: node, at: path, &parent, parentPath, header.zxid)
    }

    func prepareSetData(
        _ request: SetDataRequest, _ header: TxnHeader, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        guard PathRules.isValid(request.path) else { throw .badArguments }
        var node = try futureNode(request.path)
        try check(node.acl, Permission.write, credentials)
        let length = Int32(request.data?.count ?? 0)
        try checkQuota(request.path, bytesAdded: Int(length - node.dataLength), nodesAdded: 0)
        try checkVersion(node.stat.version, request.version)
        let version = node.stat.version &+ 1
        out.append(buffer: request.path)
        out.append(buffer: request.data)
        out.append(int32: version)
        node.stat.version = version
        node.stat.mtime = header.time
        node.stat.mzxid = header.zxid
        node.dataLength = length
        node.prefixChecksum = prefixChecksum(request.path, request.data)
        stage(&node, at: request.path, header.zxid)
    }

    private func prepareSetACL(
        _ request: SetACLRequest, _ header: TxnHeader, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        guard PathRules.isValid(request.path) else { throw .badArguments }
        let acl = tree.intern(try fixUp(request.acl, credentials))
        var node = try futureNode(request.path)
        try check(node.acl, Permission.admin, credentials)
        try checkVersion(node.stat.aversion, request.version)
        let version = node.stat.aversion &+ 1
        out.append(buffer: request.path)
        out.append(raw: acl.wire)
        out.append(int32: version)
        node.stat.aversion = version
        node.acl = acl
        stage(&node, at: request.path, header.zxid)
    }

    func prepareCheck(
        _ request: VersionedPathRequest, _ credentials: Credentials, _ out: inout WireBuffer
    ) throws(ErrorCode) {
        guard PathRules.isValid(request.path) else { throw .badArguments }
        let node = try futureNode(request.path)
        try check(node.acl, Permission.read, credentials)
        try checkVersion(node.stat.version, request.version)
        out.append(buffer: request.path)
        out.append(int32: node.stat.version &+ 1)
    }

    private func checkVersion(_ current: Int32, _ expected: Int32) throws(ErrorCode) {
        if expected != -1, expected != current { throw .badVersion }
    }
}
