import ZooKeeperProtocol

/// What a watch saw.
public struct ZnodeEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case created
        case deleted
        case dataChanged
        /// A child was created or deleted.
        case childrenChanged
        /// A persistent watch may have missed something: the connection was lost and the watch has been set again, or
        /// the iteration was so slow that events were dropped. Whoever keeps a copy of the znodes reads them again.
        case gap
    }

    public var kind: Kind
    /// As the client sees it; for `gap` the path of the watch.
    public var path: String
    /// The transaction that caused it; -1 where the server does not say (before 3.9).
    public var zxid: Int64

    public init(kind: Kind, path: String, zxid: Int64) {
        self.kind = kind
        self.path = path
        self.zxid = zxid
    }
}

/// What a watch listens to.
enum WatchKind: Int, CaseIterable, Sendable {
    /// One-shot, set by `getData`, and by `exists` on a znode that is there.
    case data
    /// One-shot, set by `exists` on a znode that is not there.
    case exists
    /// One-shot, set by `getChildren`.
    case children
    case persistent
    case persistentRecursive

    var isOneShot: Bool { rawValue <= WatchKind.children.rawValue }
}

/// Where the events of one watch go.
///
/// `kind` and `isAbandoned` belong to the event loop once the request is submitted.
final class WatchSink: @unchecked Sendable {
    /// The server's path.
    let path: String
    let clientPath: String
    var kind: WatchKind
    /// Nobody listens any more; the request that sets the watch may still be under way.
    var isAbandoned = false
    let buffer: EventBuffer<ZnodeEvent>

    init(path: String, clientPath: String, kind: WatchKind, limit: Int) {
        self.path = path
        self.clientPath = clientPath
        self.kind = kind
        buffer = EventBuffer(limit: limit) { event in
            ZnodeEvent(kind: .gap, path: clientPath, zxid: event.zxid)
        }
    }
}

/// The watch that a request sets when it succeeds.
struct WatchRegistration {
    let sink: WatchSink
    /// Keeps count of the watches under way.
    let outbox: Outbox
}
