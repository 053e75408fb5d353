import Jute
import ZooKeeperProtocol

/// One watcher to be told of one change.
public struct FiredEvent: Sendable {
    public var watcher: WatcherID
    public var type: EventType
    /// Where the path is in `FiredEvents.paths`.
    public var pathOffset: Int
    public var pathLength: Int
    /// Who may learn of it: the watcher needs the read permission. nil tells anyone.
    public var acl: ACLSet?
    /// The change's transaction; -1 when the event answers `setWatches`.
    public var zxid: Int64
}

/// The events of a batch of transactions, in the order to deliver. The paths of all lie in one buffer.
public struct FiredEvents: ~Copyable, Sendable {
    public static let noZxid: Int64 = -1

    public private(set) var events: [FiredEvent] = []
    public private(set) var paths = WireBuffer()

    public init() {}

    public var isEmpty: Bool { events.isEmpty }

    /// Valid until the next change.
    public func path(of event: FiredEvent) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: paths.bytes[event.pathOffset..<(event.pathOffset + event.pathLength)])
    }

    /// Forgets the events, keeps the memory.
    public mutating func removeAll() {
        events.removeAll(keepingCapacity: true)
        paths.removeAll()
    }

    /// Stores a path that the following events share, and returns where.
    mutating func addPath(_ path: UnsafeRawBufferPointer) -> Int {
        let offset = paths.count
        paths.append(raw: path)
        return offset
    }

    mutating func add(_ event: FiredEvent) { events.append(event) }

    mutating func add(_ type: EventType, path: UnsafeRawBufferPointer, watcher: WatcherID) {
        let offset = addPath(path)
        add(
            FiredEvent(
                watcher: watcher, type: type, pathOffset: offset, pathLength: path.count, acl: nil,
                zxid: Self.noZxid))
    }
}
