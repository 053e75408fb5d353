import ZooKeeperClient

/// Some who do not know each other's address yet meet at a znode: one fills it in, the others wait for that.
///
/// As in the paper: a client makes the znode and passes its path to a master and to workers that it starts; the master
/// announces itself there; who waits for the znode's end cleans up when the client has gone.
public struct Rendezvous: Sendable {
    private let client: ZooKeeper

    public let path: String

    /// For those who were passed the path.
    public init(_ client: ZooKeeper, at path: String) {
        self.client = client
        self.path = path
    }

    /// Makes a place to meet, which goes with the lease or the session.
    ///
    /// - Parameter parent: made when it is missing, as a container.
    public static func open(
        _ client: ZooKeeper, below parent: String, acl: [ACL] = ACL.open
    ) async throws(RecipeError) -> (rendezvous: Rendezvous, lease: Lease) {
        let node = try await client.createProtected(
            ProtectedName(marker: "rendezvous-"), in: parent, data: [], mode: .ephemeralSequential,
            acl: acl, parentMode: .container)
        return (Rendezvous(client, at: node.path), Lease(node, of: client))
    }

    /// Tells the others where to go. Throws the server's `noNode` when the place is gone.
    public func announce(_ data: [UInt8]) async throws(RecipeError) {
        if data.isEmpty { throw RecipeError(.invalidArgument("an empty announcement says nothing"), path: path) }
        _ = try await client.repeating(.setData(path, data), at: path)
    }

    /// Waits for the announcement. Throws the server's `noNode` when the place is gone.
    public func announcement(within limit: Duration? = nil) async throws(RecipeError) -> [UInt8] {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            // The path came on another way than through the servers, and may be ahead of this one.
            try await client.catchUp(at: path)
            while true {
                let (node, watch) = try await client.repeatingWithWatch(.getData(path), at: path)
                if !node.data.isEmpty { return node.data }
                try await watch.fired(at: path)
            }
        }
    }

    /// Waits until the place is gone: time to clean up.
    public func waitUntilGone() async throws(RecipeError) {
        try await client.catchUp(at: path)
        while let (_, watch) = try await client.contentAndWatchIfThere(path) { try await watch.fired(at: path) }
    }
}
