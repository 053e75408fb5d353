import Jute
import ZooKeeperProtocol

/// Znodes that end together: a session's ephemerals, the containers, the znodes with a time to live.
struct KinList {
    var head: NodeIndex = 0
    var count = 0
}

extension DataTree {
    func ephemeralType(_ owner: Int64) -> EphemeralType {
        EphemeralType(owner: owner, extendedTypesEnabled: extendedTypesEnabled)
    }

    /// The owner as clients see it: marks of containers and times to live are hidden.
    func clientOwner(_ owner: Int64) -> Int64 {
        switch ephemeralType(owner) {
        case .persistent, .container, .ttl: 0
        case .ephemeral: owner
        }
    }

    func linkKin(_ node: NodeIndex) {
        let owner = arena[node].pointee.ephemeralOwner
        if owner == 0 { return }
        switch ephemeralType(owner) {
        case .persistent: break
        case .container: prepend(node, to: &containers)
        case .ttl: prepend(node, to: &timed)
        case .ephemeral:
            prepend(node, to: &ephemerals[owner, default: KinList()])
            ephemeralCount += 1
        }
    }

    func unlinkKin(_ node: NodeIndex) {
        let owner = arena[node].pointee.ephemeralOwner
        if owner == 0 { return }
        switch ephemeralType(owner) {
        case .persistent: break
        case .container: remove(node, from: &containers)
        case .ttl: remove(node, from: &timed)
        case .ephemeral:
            // The session's entry stays, even empty, until the session closes: `dump` shows it so.
            remove(node, from: &ephemerals[owner, default: KinList()])
            ephemeralCount -= 1
        }
    }

    private func prepend(_ node: NodeIndex, to list: inout KinList) {
        let record = arena[node]
        record.pointee.nextOfKin = list.head
        record.pointee.previousOfKin = 0
        if list.head != 0 { arena[list.head].pointee.previousOfKin = node }
        list.head = node
        list.count += 1
    }

    private func remove(_ node: NodeIndex, from list: inout KinList) {
        let record = arena[node]
        let next = record.pointee.nextOfKin
        let previous = record.pointee.previousOfKin
        if next != 0 { arena[next].pointee.previousOfKin = previous }
        if previous != 0 {
            arena[previous].pointee.nextOfKin = next
        } else {
            precondition(list.head == node, "a znode missing from its list")
            list.head = next
        }
        list.count -= 1
    }

    private func forEach(_ list: KinList, _ body: (NodeIndex) -> Void) {
        var current = list.head
        while current != 0 {
            body(current)
            current = arena[current].pointee.nextOfKin
        }
    }

    // MARK: Sessions

    /// Sessions that own or have owned an ephemeral and are not closed, in no particular order.
    public var sessionsWithEphemerals: [Int64] { Array(ephemerals.keys) }

    public func ephemeralCount(of sessionId: Int64) -> Int { ephemerals[sessionId]?.count ?? 0 }

    /// Calls back with each ephemeral's path, newest first. The views end with the call.
    public func forEachEphemeral(of sessionId: Int64, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard let list = ephemerals[sessionId] else { return }
        forEach(list) { body(arena[$0].path) }
    }

    public func ephemeralPaths(of sessionId: Int64) -> [[UInt8]] {
        var paths: [[UInt8]] = []
        paths.reserveCapacity(ephemeralCount(of: sessionId))
        forEachEphemeral(of: sessionId) { paths.append([UInt8]($0)) }
        return paths
    }

    /// The vector of a getEphemerals reply.
    ///
    /// - Parameter prefix: plain bytes, not a path: `/a` selects `/ab` too. Blank or `/` selects all.
    public func appendEphemerals(
        of sessionId: Int64, prefix: UnsafeRawBufferPointer, to buffer: inout WireBuffer
    ) {
        let all = Self.selectsAll(prefix)
        let countOffset = buffer.count
        buffer.append(int32: 0)
        guard let list = ephemerals[sessionId] else { return }
        var count: Int32 = 0
        var current = list.head
        while current != 0 {
            let record = arena[current]
            if all || record.path.starts(withBytes: prefix) {
                buffer.append(buffer: record.path)
                count += 1
            }
            current = record.pointee.nextOfKin
        }
        buffer.patch(int32: count, at: countOffset)
    }

    /// Whether a prefix, blanks at its ends dropped, is empty or `/`.
    private static func selectsAll(_ prefix: UnsafeRawBufferPointer) -> Bool {
        let blank = { (byte: UInt8) in byte <= UInt8(ascii: " ") }
        guard let first = prefix.firstIndex(where: { !blank($0) }) else { return true }
        guard prefix[first] == UInt8(ascii: "/") else { return false }
        return prefix[(first + 1)...].allSatisfy(blank)
    }

    // MARK: Reaping

    /// Childless containers that once had a child, and childless znodes whose time to live is over.
    ///
    /// - Parameters:
    ///   - nowMillis: since the Unix epoch.
    ///   - maximum: how many paths at most.
    ///   - neverUsedIntervalMillis: a container that never had a child counts after this long; 0 spares it.
    public func reapCandidates(nowMillis: Int64, maximum: Int, neverUsedIntervalMillis: Int64) -> [[UInt8]] {
        var paths: [[UInt8]] = []
        forEach(containers) { index in
            let node = arena[index]
            guard paths.count < maximum, node.pointee.childCount == 0 else { return }
            let used = node.pointee.cversion > 0
            let unusedTooLong =
                neverUsedIntervalMillis != 0 && elapsedMillis(node, nowMillis) > neverUsedIntervalMillis
            if used || unusedTooLong { paths.append([UInt8](node.path)) }
        }
        forEach(timed) { index in
            let node = arena[index]
            guard paths.count < maximum, node.pointee.childCount == 0 else { return }
            guard case .ttl(let millis) = ephemeralType(node.pointee.ephemeralOwner), millis != 0 else { return }
            if elapsedMillis(node, nowMillis) > millis { paths.append([UInt8](node.path)) }
        }
        return paths
    }

    private func elapsedMillis(_ node: UnsafeMutablePointer<Znode>, _ nowMillis: Int64) -> Int64 {
        nowMillis &- UnsafeRawPointer(node.stat).wireInt64(at: StatOffset.mtime)
    }
}
