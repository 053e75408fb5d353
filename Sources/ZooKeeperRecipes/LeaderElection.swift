import ZooKeeperClient

/// One of many candidates leads, until it resigns or its session ends; then the next one in the order of candidacy.
///
/// The layout is that of Curator's `LeaderLatch`. With `ContenderNaming.curator` it is that of its `LeaderSelector`,
/// with `.kazoo` that of kazoo's `Election`.
public struct LeaderElection: LeaseSource {
    private let line: WaitingLine

    public var path: String { line.path }

    /// - Parameters:
    ///   - path: a znode for this election alone, made when it is missing, as a container.
    ///   - identifier: what others are told of the candidate: an address, say.
    ///   - naming: nil for Curator's `LeaderLatch`.
    public init(
        _ client: ZooKeeper, at path: String, identifier: [UInt8] = [], naming: ContenderNaming? = nil,
        acl: [ACL] = ACL.open
    ) {
        line = WaitingLine(
            client: client, path: path, naming: naming ?? .latch, data: identifier, acl: acl
        ) { _ in true }
    }

    /// Becomes a candidate and waits to lead. The lease's release resigns.
    public func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
        try await line.acquire(within: limit)
    }

    /// Leads while the body runs; resigns in whatever way that ends. See `Lock.withLock`.
    public func withLeadership<Value>(
        within limit: Duration? = nil, _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, body)
    }

    /// Leads while the body runs, and cancels it when the leadership is at risk; the error is `leaseLost` then.
    public func withLeadership<Value: Sendable>(
        within limit: Duration? = nil, cancellingOn risk: LeaseRisk,
        _ body: @escaping @Sendable (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, cancellingOn: risk, body)
    }

    /// All candidates, the leader first.
    public func candidates() async throws(RecipeError) -> [Contender] { try await line.contenders() }

    /// Who leads; nil when there is no candidate.
    public func leader() async throws(RecipeError) -> Contender? { try await line.contenders().first }

    /// Who leads now, and each one who leads later; nil while there is no candidate. A short term may be left out.
    ///
    /// Ends with the task that iterates; throws when the session ends.
    public var leaders: AsyncThrowingStream<Contender?, any Error> {
        let line = line
        return following(line.path) { _ throws(RecipeError) in
            let names = try await line.names()
            guard let first = names.first else {
                // Nobody is there to be watched but the line itself.
                try await line.client.ensure(line.path, mode: .container, acl: line.acl)
                let (now, watch) = try await line.client.repeatingWithWatch(.getChildren(line.path), at: line.path)
                return line.inOrder(now).isEmpty ? Observation(value: nil, watch: watch) : nil
            }
            let path = Paths.child(first, of: line.path)
            guard let (node, watch) = try await line.client.contentAndWatchIfThere(path) else { return nil }
            return Observation(value: Contender(path: path, node: node), watch: watch)
        }
    }
}
