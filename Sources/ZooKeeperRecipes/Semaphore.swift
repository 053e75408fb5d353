import ZooKeeperClient

/// A number of permits, each held by one at a time; in order of arrival.
///
/// The layout is that of Curator's `InterProcessSemaphoreV2`: who waits stands in the line `<path>/locks`, and only the
/// first of those watches `<path>/leases`. All users must say the same number of permits.
public struct Semaphore: LeaseSource {
    private let client: ZooKeeper
    private let lock: Lock
    private let leases: String
    private let data: [UInt8]
    private let acl: [ACL]

    public let path: String
    public let permits: Int

    /// - Parameters:
    ///   - path: a znode for this semaphore alone, made when it is missing, as a container.
    ///   - identifier: what a permit's znode says of its holder.
    public init(
        _ client: ZooKeeper, at path: String, permits: Int, identifier: [UInt8] = [], acl: [ACL] = ACL.open
    ) {
        precondition(permits > 0, "a semaphore has a permit at least")
        self.client = client
        self.path = path
        self.permits = permits
        lock = Lock(client, at: Paths.child("locks", of: path), identifier: identifier, acl: acl)
        leases = Paths.child("leases", of: path)
        data = identifier
        self.acl = acl
    }

    /// Waits for a permit. Cancellation, an error or the limit leave nothing behind.
    public func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            let turn = try await lock.acquire(within: nil)
            do throws(RecipeError) {
                let lease = try await acquireInTurn()
                await turn.release()
                return lease
            } catch {
                await turn.release()
                throw error
            }
        }
    }

    private func acquireInTurn() async throws(RecipeError) -> Lease {
        while true {
            let own = try await client.createProtected(
                ProtectedName(.semaphoreLease), in: leases, data: data, mode: .ephemeralSequential, acl: acl,
                parentMode: .container)
            do {
                if try await isAmongHolders(own) { return Lease(own, of: client) }
            } catch {
                await client.removeForCertain(own.path, czxid: own.stat.czxid)
                throw error
            }
        }
    }

    /// Waits until there are not too many permits given out, ours included; false when ours has been deleted.
    private func isAmongHolders(_ own: CreatedNode) async throws(RecipeError) -> Bool {
        let name = Paths.name(of: own.path)
        // Most often there is a permit: only a wait is worth a watch.
        var names = try await client.childrenIfThere(leases)
        while true {
            guard names.contains(name) else { return false }
            if names.count <= permits { return true }
            let watch: Watch
            (names, watch) = try await client.repeatingWithWatch(.getChildren(leases), at: leases)
            guard names.contains(name) else { return false }
            if names.count <= permits { return true }
            try await watch.fired(at: leases)
            names = try await client.childrenIfThere(leases)
        }
    }

    /// Who holds permits, one of them perhaps only about to.
    public func holders() async throws(RecipeError) -> [Contender] {
        try await WaitingLine(client: client, path: leases, naming: .semaphoreLease, data: [], acl: acl) { _ in true }
            .contenders()
    }

    /// Runs something while holding a permit. See `Lock.withLock`.
    public func withPermit<Value>(
        within limit: Duration? = nil, _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, body)
    }

    /// Runs something while holding a permit, and cancels it when the permit is at risk; the error is `leaseLost`
    /// then.
    public func withPermit<Value: Sendable>(
        within limit: Duration? = nil, cancellingOn risk: LeaseRisk,
        _ body: @escaping @Sendable (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit, cancellingOn: risk, body)
    }
}
