import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How error codes count.
enum ErrorClass {
    static let throttled = ErrorCode.throttledOp.rawValue

    /// The class a code belongs to in results.
    static func name(_ code: Int32) -> String {
        switch ErrorCode(rawValue: code) {
        case .throttledOp: "throttled"
        case .connectionLoss: "connection loss"
        case .sessionExpired, .sessionMoved, .unknownSession: "session lost"
        case .operationTimeout, .requestTimeout: "timeout"
        case .noNode, .nodeExists, .badVersion, .notEmpty: "state"
        case .noAuth, .authFailed, .invalidACL: "access"
        default: "other"
        }
    }
}

/// Checks what a reply carries: lengths, the content stamp, versions and child counts that the connection's own writes
/// determine.
struct ReplyVerifier {
    let valueBytes: Int
    let isShared: Bool
    let acceptsCanned: Bool
    let keys: KeySpace
    /// No reply of this workload is longer.
    let maximumFrameBytes: Int

    static let headerBytes = 16
    /// Whether settling has to list children.
    let listsChildren: Bool
    private static let versionOffset = 32
    private static let dataLengthOffset = 52

    init(configuration: RunConfiguration, keys: KeySpace) {
        valueBytes = configuration.valueBytes
        isShared = configuration.keys == .shared
        acceptsCanned = configuration.acceptsCannedContent
        self.keys = keys
        let children = configuration.liveNodeLimit * (4 + 1 + KeySpace.nodeDigits) + 4
        // Who attaches again lists its children to find out which creates and deletes happened.
        listsChildren = [OperationKind.create, .delete].contains { configuration.mix.share(of: $0) > 0 }
        let lists = configuration.mix.share(of: .children) > 0 || (configuration.following != nil && listsChildren)
        let listing = lists ? children : 0
        maximumFrameBytes = Self.headerBytes + max(1024 + keys.nodePathLength, 4 + valueBytes + 68, listing)
    }

    @inline(__always)
    private func integer(_ bytes: UnsafeRawPointer, _ offset: Int) -> Int {
        Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
    }

    func isWholeValue(_ length: Int) -> Bool { length == Self.headerBytes + 4 + valueBytes + Stat.wireSize }

    /// The version in a successful reply to `setData`.
    func writtenVersion(_ reply: UnsafeRawPointer) -> Int {
        integer(reply + Self.headerBytes, Self.versionOffset)
    }

    /// The version and the stamp in a successful reply to `getData` whose length is right; nil for a foreign value.
    func readValue(_ reply: UnsafeRawPointer) -> (version: Int, stamp: ContentStamp)? {
        let body = reply + Self.headerBytes
        guard let stamp = ContentStamp.read(from: body + 4, length: valueBytes) else { return nil }
        return (integer(body, 4 + valueBytes + Self.versionOffset), stamp)
    }

    /// The rule that a successful reply breaks; nil when it is right.
    @inline(__always)
    func check(
        _ slot: UnsafeMutablePointer<PendingRequest>, _ reply: UnsafeRawPointer, _ length: Int,
        connection: UnsafeMutablePointer<ConnectionState>
    ) -> ViolationKind? {
        let body = reply + Self.headerBytes
        let bodyBytes = length - Self.headerBytes
        switch Int(slot.pointee.kind) {
        case OperationKind.read.rawValue:
            guard bodyBytes == 4 + valueBytes + Stat.wireSize, integer(body, 0) == valueBytes,
                integer(body, 4 + valueBytes + Self.dataLengthOffset) == valueBytes
            else { return .payloadLength }
            guard let stamp = ContentStamp.read(from: body + 4, length: valueBytes) else { return .contentStamp }
            if stamp.key == slot.pointee.key {
                // A session's own znode shows the session's own last write, neither older nor newer.
                if isShared || (stamp.client == slot.pointee.key && stamp.sequence == slot.pointee.expected) {
                    return nil
                }
            }
            return acceptsCanned && stamp.key == ContentStamp.canned ? nil : .contentStamp
        case OperationKind.set.rawValue:
            guard bodyBytes == Stat.wireSize, integer(body, Self.dataLengthOffset) == valueBytes else {
                return .payloadLength
            }
            if isShared || acceptsCanned { return nil }
            // Each write raises the version by one: a lost or doubled write shows.
            let version = Int32(truncatingIfNeeded: integer(body, Self.versionOffset))
            return version == Int32(truncatingIfNeeded: slot.pointee.expected) ? nil : .contentStamp
        case OperationKind.exists.rawValue:
            return bodyBytes == Stat.wireSize && integer(body, Self.dataLengthOffset) == valueBytes
                ? nil : .payloadLength
        case OperationKind.create.rawValue:
            return checkCreated(slot, body, bodyBytes, connection: connection)
        case OperationKind.delete.rawValue:
            return bodyBytes == 0 ? nil : .payloadLength
        default:
            return checkChildren(slot, body, bodyBytes)
        }
    }

    private func checkCreated(
        _ slot: UnsafeMutablePointer<PendingRequest>, _ body: UnsafeRawPointer, _ bodyBytes: Int,
        connection: UnsafeMutablePointer<ConnectionState>
    ) -> ViolationKind? {
        let pathBytes = keys.nodePathLength
        guard bodyBytes == 4 + pathBytes, integer(body, 0) == pathBytes else { return .payloadLength }
        if acceptsCanned { return nil }
        return withUnsafeTemporaryAllocation(byteCount: pathBytes, alignment: 8) { wanted in
            keys.writeNodePath(
                connection.pointee.id, node: Int(slot.pointee.key), to: wanted.baseAddress!)
            return memcmp(wanted.baseAddress!, body + 4, pathBytes) == 0 ? nil : .contentStamp
        }
    }

    private func checkChildren(
        _ slot: UnsafeMutablePointer<PendingRequest>, _ body: UnsafeRawPointer, _ bodyBytes: Int
    ) -> ViolationKind? {
        guard bodyBytes >= 4 else { return .payloadLength }
        if acceptsCanned { return nil }
        let count = integer(body, 0)
        guard bodyBytes == 4 + count * (4 + 1 + KeySpace.nodeDigits) else { return .payloadLength }
        return UInt64(count) == slot.pointee.expected ? nil : .contentStamp
    }

    /// The broken reply in words.
    func describe(
        _ slot: UnsafeMutablePointer<PendingRequest>, _ reply: UnsafeRawPointer, _ length: Int,
        connection: UnsafeMutablePointer<ConnectionState>
    ) -> String {
        let kind = OperationKind(rawValue: Int(slot.pointee.kind))!
        var text = "connection \(connection.pointee.id), \(kind.name) of key \(slot.pointee.key): \(length) bytes"
        let body = reply + Self.headerBytes
        if kind == .read, length >= Self.headerBytes + 4 + valueBytes {
            if let stamp = ContentStamp.read(from: body + 4, length: valueBytes) {
                text += ", stamp client \(stamp.client) sequence \(stamp.sequence) key \(stamp.key)"
                text += ", wanted sequence \(slot.pointee.expected)"
            } else {
                text += ", broken stamp"
            }
        } else if kind == .set, length >= Self.headerBytes + Stat.wireSize {
            text += ", version \(integer(body, Self.versionOffset)), wanted \(slot.pointee.expected)"
        }
        return text
    }
}
