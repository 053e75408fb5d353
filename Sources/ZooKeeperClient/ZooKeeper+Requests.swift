import ZooKeeperProtocol

// Each request as a call that waits for its reply. The forms that do not wait: `submit`.

extension ZooKeeper {
    // MARK: Reads

    /// A znode's content and statistics.
    public func getData(_ path: String) async throws(ZooKeeperError) -> NodeData {
        try await submit(.getData(path)).value
    }

    /// A znode's statistics; nil when there is no such znode.
    public func exists(_ path: String) async throws(ZooKeeperError) -> Stat? {
        try await submit(.exists(path)).value
    }

    /// The names of a znode's children, in no particular order.
    public func getChildren(_ path: String) async throws(ZooKeeperError) -> [String] {
        try await submit(.getChildren(path)).value
    }

    /// The names of a znode's children, and its statistics.
    public func getChildrenAndStat(_ path: String) async throws(ZooKeeperError) -> NodeChildren {
        try await submit(.getChildrenAndStat(path)).value
    }

    /// How many znodes are below a znode, at any depth.
    public func getAllChildrenNumber(_ path: String) async throws(ZooKeeperError) -> Int {
        try await submit(.getAllChildrenNumber(path)).value
    }

    /// The paths of this session's ephemeral znodes below a path.
    public func getEphemerals(below path: String = "/") async throws(ZooKeeperError) -> [String] {
        try await submit(.getEphemerals(below: path)).value
    }

    public func getACL(_ path: String) async throws(ZooKeeperError) -> NodeACL {
        try await submit(.getACL(path)).value
    }

    /// Several reads in one request, each answered on its own.
    public func multiRead(_ operations: [ReadOperation]) async throws(ZooKeeperError) -> [ReadResult] {
        try await submit(.multiRead(operations)).value
    }

    /// Makes the server catch up with everything that was committed before; a read behind it sees all of that.
    public func sync(_ path: String = "/") async throws(ZooKeeperError) {
        try await submit(.sync(path)).value
    }

    /// Who the server takes this connection for.
    public func whoAmI() async throws(ZooKeeperError) -> [ClientInfo] {
        try await submit(.whoAmI).value
    }

    /// Who the ensemble's servers are: a `server.N` line for each, and the `version` of the list. It is the ensemble's,
    /// whatever the chroot.
    public func getConfig() async throws(ZooKeeperError) -> NodeData {
        try await submit(.getConfig).value
    }

    // MARK: Writes

    /// Creates a znode; its path, with the number that the server appended to a sequential name.
    @discardableResult
    public func create(
        _ path: String, data: [UInt8] = [], mode: CreateMode = .persistent, acl: [ACL] = ACL.open
    ) async throws(ZooKeeperError) -> String {
        try await submit(.create(path, data: data, mode: mode, acl: acl)).value
    }

    /// Creates a znode; its path and statistics.
    public func createAndStat(
        _ path: String, data: [UInt8] = [], mode: CreateMode = .persistent, acl: [ACL] = ACL.open
    ) async throws(ZooKeeperError) -> CreatedNode {
        try await submit(.createAndStat(path, data: data, mode: mode, acl: acl)).value
    }

    /// - Parameter version: the version that the znode must have; nil for any.
    @discardableResult
    public func setData(
        _ path: String, _ data: [UInt8], version: Int32? = nil
    ) async throws(ZooKeeperError) -> Stat {
        try await submit(.setData(path, data, version: version)).value
    }

    /// - Parameter version: the version that the ACL must have (`Stat.aversion`); nil for any.
    @discardableResult
    public func setACL(_ path: String, _ acl: [ACL], version: Int32? = nil) async throws(ZooKeeperError) -> Stat {
        try await submit(.setACL(path, acl, version: version)).value
    }

    /// - Parameter version: the version that the znode must have; nil for any.
    public func delete(_ path: String, version: Int32? = nil) async throws(ZooKeeperError) {
        try await submit(.delete(path, version: version)).value
    }

    /// All of these or none. The error of a refused multi names the part (`index`, `path`).
    @discardableResult
    public func multi(_ operations: [Operation]) async throws(ZooKeeperError) -> [OperationResult] {
        try await submit(.multi(operations)).value
    }

    /// Presents a credential, now and on every later connection of the session. One that is refused ends the client.
    public func authenticate(_ credential: Credential) async throws(ZooKeeperError) {
        try await submit(.authenticate(credential)).value
    }

    /// Changes who the ensemble's servers are: either servers that join (`server.5=host:…`) and ids that leave, or the
    /// whole list of members.
    ///
    /// - Parameter fromVersion: the configuration that this is a change of; -1 for any.
    /// - Returns: the new configuration, as `/zookeeper/config` has it.
    @discardableResult
    public func reconfigure(
        joining: String? = nil, leaving: String? = nil, members: String? = nil, fromVersion: Int64 = -1
    ) async throws(ZooKeeperError) -> NodeData {
        try await submit(
            .reconfigure(joining: joining, leaving: leaving, members: members, fromVersion: fromVersion)).value
    }
}
