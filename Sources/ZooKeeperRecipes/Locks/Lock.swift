import ZooKeeperClient

/// A lock that one session holds at a time, without herd effect: each contender waits for the one before it, so a
/// release wakes one.
///
/// The paper's recipe: an ephemeral sequential child; the lowest holds the lock; the others watch the next lower one.
/// Not reentrant: a second `acquire` waits for the first one's release.
public struct Lock: LeaseSource {
    let line: WaitingLine

    public var path: String { line.path }

    /// - Parameters:
    ///   - path: a znode for this lock alone, made when it is missing, as a container: the servers remove it some time
    ///     after the last contender.
    ///   - identifier: what the contender's znode says of it, for whoever looks.
    public init(
        _ client: ZooKeeper, at path: String, identifier: [UInt8] = [], naming: ContenderNaming = .curator,
        acl: [ACL] = ACL.open
    ) {
        line = WaitingLine(client: client, path: path, naming: naming, data: identifier, acl: acl) { _ in true }
    }

    /// Waits for the lock. Cancellation, an error or the limit take the contender's znode away.
    ///
    /// - Parameter limit: how long to wait (`timedOut`); nil: for ever.
    public func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
        try await line.acquire(within: limit)
    }

    /// The lock if nobody holds it or waits for it, else nil.
    public func tryAcquire() async throws(RecipeError) -> Lease? { try await line.tryAcquire() }

    /// Those who hold and wait, in order: the first one holds the lock.
    public func contenders() async throws(RecipeError) -> [Contender] { try await line.contenders() }

    /// Runs something while holding the lock.
    ///
    /// The body asks `Lease.state` or follows `Lease.states`, and stops acting while the lease is not `held`. When the
    /// session has ended by the body's end, the error is `leaseLost`: the body was perhaps not alone.
    public func withLock<Value>(
        within limit: Duration? = nil, _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, body)
    }

    /// Runs something while holding the lock, and cancels it when the lease is at risk; the error is `leaseLost` then.
    public func withLock<Value: Sendable>(
        within limit: Duration? = nil, cancellingOn risk: LeaseRisk,
        _ body: @escaping @Sendable (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, cancellingOn: risk, body)
    }
}
