import DataTree
import Jute
import ZooKeeperProtocol

/// Requests about watches.
extension Front {
    func serveWatchQuery(
        _ opcode: Int32, _ reader: inout JuteReader, _ connection: ClientConnection
    ) throws(ReadFailure) {
        // A null path is one that nobody watches.
        let path = try nullablePath(&reader)
        guard let type = WatcherType(rawValue: try int32(&reader)) else { throw .malformed }
        guard let path else { throw .user(.noWatcher) }
        let found =
            opcode == OpCode.checkWatches.rawValue
            ? tree.watches.contains(path: path, type: type, watcher: connection.watcher)
            : tree.watches.remove(path: path, type: type, watcher: connection.watcher)
        if !found { throw .user(.noWatcher) }
    }

    func serveAddWatch(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer
    ) throws(ReadFailure) {
        let path = try nullablePath(&reader)
        guard let mode = AddWatchMode(rawValue: try int32(&reader)) else { throw .malformed }
        let kind: WatchTable.Kind = mode == .persistent ? .persistent : .persistentRecursive
        if let path { tree.watches.add(path: path, kind: kind, watcher: connection.watcher) }
        out.append(int32: 0)
    }

    /// Watches set anew after a reconnect. What happened since `relativeZxid` is notified at once, before the reply.
    func serveSetWatches(
        _ reader: inout JuteReader, _ connection: ClientConnection, _ out: inout WireBuffer, _ start: inout Int,
        withPersistent: Bool
    ) throws(ReadFailure) {
        var lists: [[UnsafeRawBufferPointer]] = []
        let relativeZxid: Int64
        do {
            relativeZxid = try reader.readInt64()
            for _ in 0..<(withPersistent ? 5 : 3) {
                var list: [UnsafeRawBufferPointer] = []
                for _ in 0..<(try reader.readVectorCount(minimumElementSize: 4) ?? 0) {
                    list.append(try reader.readStringBytes())
                }
                lists.append(list)
            }
        } catch {
            throw .malformed
        }
        if !withPersistent { lists += [[], []] }
        eventsOfSetWatches.removeAll()
        tree.setWatches(
            relativeZxid: relativeZxid, data: lists[0], exist: lists[1], child: lists[2], persistent: lists[3],
            persistentRecursive: lists[4], watcher: connection.watcher, fired: &eventsOfSetWatches)
        guard !eventsOfSetWatches.isEmpty else { return }
        // The reply's header stands already; it moves behind the notifications.
        let header: [UInt8] = Array(out.bytes[start..<start + Reply.headerBytes])
        out.truncate(to: start)
        for event in eventsOfSetWatches.events {
            let mayKnow =
                event.acl.map {
                    AccessCheck.permits(
                        $0, Permission.read, connection.credentials, skip: configuration.skipACL, providers: providers)
                } ?? true
            guard mayKnow else { continue }
            Notification.append(event.type, eventsOfSetWatches.path(of: event), zxid: event.zxid, to: &out)
            statistics.packetsSent += 1
        }
        start = out.count
        header.withUnsafeBytes { out.append(raw: $0) }
    }
}
