import ZooKeeperClient

/// A lock that one writer holds alone, or any number of readers together; in order of arrival.
///
/// The paper's recipe: a writer waits for the contender before it, of any kind; a reader for the last writer before it,
/// so several readers wake at once, as they should. Not reentrant, and a reader cannot become a writer.
public struct ReadWriteLock: Sendable {
    /// One of the two sides.
    public struct Side: LeaseSource {
        let line: WaitingLine

        public var path: String { line.path }

        /// Waits for the lock. Cancellation, an error or the limit take the contender's znode away.
        public func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
            try await line.acquire(within: limit)
        }

        /// A lease if there is no need to wait, else nil.
        public func tryAcquire() async throws(RecipeError) -> Lease? { try await line.tryAcquire() }

        /// Runs something while holding the lock; see `Lock.withLock`.
        public func withLock<Value>(
            within limit: Duration? = nil, _ body: (Lease) async throws -> Value
        ) async throws -> Value {
            try await withLease(within: limit, body)
        }

        /// Runs something while holding the lock, and cancels it when the lease is at risk; the error is `leaseLost`
        /// then.
        public func withLock<Value: Sendable>(
            within limit: Duration? = nil, cancellingOn risk: LeaseRisk,
            _ body: @escaping @Sendable (Lease) async throws -> Value
        ) async throws -> Value {
            try await withLease(within: limit, cancellingOn: risk, body)
        }
    }

    /// Shared with other readers.
    public let read: Side
    /// Exclusive.
    public let write: Side

    /// - Parameters:
    ///   - path: a znode for this lock alone, made when it is missing, as a container.
    ///   - identifier: what the contender's znode says of it.
    ///   - naming: Curator's `InterProcessReadWriteLock`, or kazoo's `ReadLock` and `WriteLock`.
    public init(
        _ client: ZooKeeper, at path: String, identifier: [UInt8] = [], naming: ContenderNaming = .curator,
        acl: [ACL] = ACL.open
    ) {
        read = Side(
            line: WaitingLine(client: client, path: path, naming: naming.reader, data: identifier, acl: acl) {
                !ContenderNaming.isReader($0)
            })
        write = Side(
            line: WaitingLine(client: client, path: path, naming: naming.writer, data: identifier, acl: acl) { _ in
                true
            })
    }

    /// Those who hold and wait, in order.
    public func contenders() async throws(RecipeError) -> [Contender] { try await write.line.contenders() }
}
