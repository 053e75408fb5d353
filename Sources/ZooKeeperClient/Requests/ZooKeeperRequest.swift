import Jute
import ZooKeeperProtocol

/// A request and the form of its reply, to be submitted by `ZooKeeper.submit`.
public struct ZooKeeperRequest<Value: Sendable>: Sendable {
    let operation: OpCode
    /// As the client sees it.
    public let path: String?
    let body: RequestBody
    let decode: ReplySlot<Value>.Decode
    /// The value that "no such znode" means, if it means one.
    var absent: Value?
    /// The watch that the request can set.
    var watchKind: WatchKind?
    /// Whether the path is the tree's own, whatever the client's root.
    var isOutsideChroot = false

    init(
        _ operation: OpCode, _ path: String?, _ body: RequestBody, watchKind: WatchKind? = nil, absent: Value? = nil,
        decode: @escaping ReplySlot<Value>.Decode
    ) {
        self.operation = operation
        self.path = path
        self.body = body
        self.decode = decode
        self.absent = absent
        self.watchKind = watchKind
    }

    /// The xid of requests that are not counted; nil for the others.
    var reservedXid: Int32? { operation == .auth ? ReservedXid.auth : nil }
}

extension ZooKeeperRequest where Value == NodeData {
    /// A znode's content and statistics.
    public static func getData(_ path: String) -> Self {
        Self(.getData, path, .read, watchKind: .data) { reader, _ in
            NodeData(data: try reader.readBytes(), stat: try Stat(from: &reader))
        }
    }

    /// Who the ensemble's servers are: a `server.N` line for each, and the `version` of the list. It is the ensemble's,
    /// whatever the chroot.
    public static var getConfig: Self {
        var request = getData(ZooKeeper.configurationPath)
        request.isOutsideChroot = true
        return request
    }

    /// Changes who the ensemble's servers are; answers the new configuration. See `ZooKeeper.reconfigure`.
    public static func reconfigure(
        joining: String? = nil, leaving: String? = nil, members: String? = nil, fromVersion: Int64 = -1
    ) -> Self {
        let body = RequestBody.reconfigure(
            joining: joining, leaving: leaving, members: members, fromVersion: fromVersion)
        return Self(.reconfig, nil, body) { reader, _ in
            NodeData(data: try reader.readBytes(), stat: try Stat(from: &reader))
        }
    }
}

extension ZooKeeperRequest where Value == Stat? {
    /// A znode's statistics; nil when there is no such znode.
    public static func exists(_ path: String) -> Self {
        Self(.exists, path, .read, watchKind: .exists, absent: .some(nil)) { reader, _ in try Stat(from: &reader) }
    }
}

extension ZooKeeperRequest where Value == [String] {
    /// The names of a znode's children.
    public static func getChildren(_ path: String) -> Self {
        Self(.getChildren, path, .read, watchKind: .children) { reader, _ in try reader.readStrings() }
    }

    /// The paths of this session's ephemeral znodes below a path.
    public static func getEphemerals(below path: String = "/") -> Self {
        Self(.getEphemerals, path, .path) { reader, context in
            // The server compares bytes, so that those of `/apple` are among those of a chroot `/app`.
            try reader.readStrings().filter(context.sees).map(context.clientPath)
        }
    }
}

extension ZooKeeperRequest where Value == NodeChildren {
    /// The names of a znode's children, and its statistics.
    public static func getChildrenAndStat(_ path: String) -> Self {
        Self(.getChildren2, path, .read, watchKind: .children) { reader, _ in
            NodeChildren(names: try reader.readStrings(), stat: try Stat(from: &reader))
        }
    }
}

extension ZooKeeperRequest where Value == Int {
    /// How many znodes are below a znode, at any depth.
    public static func getAllChildrenNumber(_ path: String) -> Self {
        Self(.getAllChildrenNumber, path, .path) { reader, _ in Int(try reader.readInt32()) }
    }
}

extension ZooKeeperRequest where Value == NodeACL {
    public static func getACL(_ path: String) -> Self {
        Self(.getACL, path, .path) { reader, _ in
            NodeACL(acl: try ACL.decodeList(from: &reader) ?? [], stat: try Stat(from: &reader))
        }
    }
}

extension ZooKeeperRequest where Value == Stat {
    /// - Parameter version: the version that the znode must have; nil for any.
    public static func setData(_ path: String, _ data: [UInt8], version: Int32? = nil) -> Self {
        Self(.setData, path, .setData(data, version: version ?? -1)) { reader, _ in try Stat(from: &reader) }
    }

    /// - Parameter version: the version that the znode's ACL must have (`Stat.aversion`); nil for any.
    public static func setACL(_ path: String, _ acl: [ACL], version: Int32? = nil) -> Self {
        Self(.setACL, path, .setACL(acl, version: version ?? -1)) { reader, _ in try Stat(from: &reader) }
    }
}

extension ZooKeeperRequest where Value == String {
    /// Creates a znode; answers its path.
    public static func create(
        _ path: String, data: [UInt8] = [], mode: CreateMode = .persistent, acl: [ACL] = ACL.open
    ) -> Self {
        // Containers and times to live have requests of their own; all answers begin with the path.
        let operation = mode.creatingOperation == .create2 ? OpCode.create : mode.creatingOperation
        return Self(operation, path, .create(data: data, acl: acl, mode: mode)) { reader, context in
            context.clientPath(try reader.readString() ?? "")
        }
    }
}

extension ZooKeeperRequest where Value == CreatedNode {
    /// Creates a znode; answers its path and statistics.
    public static func createAndStat(
        _ path: String, data: [UInt8] = [], mode: CreateMode = .persistent, acl: [ACL] = ACL.open
    ) -> Self {
        Self(mode.creatingOperation, path, .create(data: data, acl: acl, mode: mode)) { reader, context in
            let path = context.clientPath(try reader.readString() ?? "")
            return CreatedNode(path: path, stat: try Stat(from: &reader))
        }
    }
}

extension ZooKeeperRequest where Value == Void {
    /// - Parameter version: the version that the znode must have; nil for any.
    public static func delete(_ path: String, version: Int32? = nil) -> Self {
        Self(.delete, path, .number(version ?? -1)) { _, _ in }
    }

    /// Makes the server catch up with everything that was committed before.
    public static func sync(_ path: String = "/") -> Self {
        Self(.sync, path, .path) { _, _ in }
    }

    /// Takes this session's watches of a kind off a path.
    public static func removeWatches(_ path: String, _ type: WatcherType = .any) -> Self {
        Self(.removeWatches, path, .number(type.rawValue)) { _, _ in }
    }

    /// Succeeds when this session has a watch of a kind on a path, else fails with `noWatcher`.
    public static func checkWatches(_ path: String, _ type: WatcherType = .any) -> Self {
        Self(.checkWatches, path, .number(type.rawValue)) { _, _ in }
    }

    static func addWatch(_ path: String, _ mode: AddWatchMode) -> Self {
        let kind = mode == .persistent ? WatchKind.persistent : .persistentRecursive
        return Self(.addWatch, path, .number(mode.rawValue), watchKind: kind) { _, _ in }
    }

    /// Presents a credential, now and on every later connection of the session.
    public static func authenticate(_ credential: Credential) -> Self {
        Self(.auth, nil, .auth(credential)) { _, _ in }
    }

    static var closeSession: Self { Self(.closeSession, nil, .none) { _, _ in } }
}

extension ZooKeeperRequest where Value == [OperationResult] {
    /// All of these or none.
    public static func multi(_ operations: [Operation]) -> Self {
        Self(.multi, nil, .multi(operations), decode: MultiReply.results)
    }
}

extension ZooKeeperRequest where Value == [ReadResult] {
    /// Several reads in one request, each answered on its own.
    public static func multiRead(_ operations: [ReadOperation]) -> Self {
        Self(.multiRead, nil, .multiRead(operations), decode: MultiReply.reads)
    }
}

extension ZooKeeperRequest where Value == [ClientInfo] {
    /// Who the server takes this connection for.
    public static var whoAmI: Self {
        Self(.whoAmI, nil, .none) { reader, _ in
            var list: [ClientInfo] = []
            for _ in 0..<(try reader.readVectorCount(minimumElementSize: 8) ?? 0) {
                list.append(try ClientInfo(from: &reader))
            }
            return list
        }
    }
}
