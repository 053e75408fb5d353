/// What the body of a `withLock` must not go on through.
public enum LeaseRisk: Hashable, Sendable {
    /// The body is cancelled as soon as nobody knows whether the lease is still held.
    case doubt
    /// The body goes on in doubt, and is cancelled once the lease is lost.
    case loss

    func includes(_ state: LeaseState) -> Bool {
        switch state {
        case .held, .released: false
        case .inDoubt: self == .doubt
        case .lost: true
        }
    }
}

/// A recipe that gives out leases, one at a time or several.
public protocol LeaseSource: Sendable {
    /// The recipe's znode.
    var path: String { get }

    /// Waits for a lease.
    ///
    /// Cancellation, a time limit or an error take the contender's znode away again.
    ///
    /// - Parameter limit: how long to wait; nil: for ever.
    func acquire(within limit: Duration?) async throws(RecipeError) -> Lease
}

extension LeaseSource {
    /// Waits for a lease, for ever.
    public func acquire() async throws(RecipeError) -> Lease { try await acquire(within: nil) }

    /// Runs something while holding a lease, and gives it back in whatever way that ends.
    func withLease<Value>(within limit: Duration?, _ body: (Lease) async throws -> Value) async throws -> Value {
        let lease = try await acquire(within: limit)
        do {
            let value = try await body(lease)
            let isLost = lease.state == .lost
            await lease.release()
            if isLost { throw RecipeError(.leaseLost, path: path) }
            return value
        } catch {
            await lease.release()
            throw error
        }
    }

    /// The same, and the body's task is cancelled at a risk; the error is `leaseLost` then.
    func withLease<Value: Sendable>(
        within limit: Duration?, cancellingOn risk: LeaseRisk,
        _ body: @escaping @Sendable (Lease) async throws -> Value
    ) async throws -> Value {
        try await withLease(within: limit) { lease in
            let (result, isAtRisk) = await run(body, with: lease, cancellingOn: risk)
            if isAtRisk { throw RecipeError(.leaseLost, path: path) }
            return try result.get()
        }
    }
}

private enum Ending<Value: Sendable>: Sendable {
    case body(Result<Value, any Error>)
    case risk
    case noRisk
}

private func run<Value: Sendable>(
    _ body: @escaping @Sendable (Lease) async throws -> Value, with lease: Lease, cancellingOn risk: LeaseRisk
) async -> (result: Result<Value, any Error>, isAtRisk: Bool) {
    await withTaskGroup(of: Ending<Value>.self) { group in
        group.addTask {
            do {
                return .body(.success(try await body(lease)))
            } catch {
                return .body(.failure(error))
            }
        }
        group.addTask {
            for await state in lease.states where risk.includes(state) { return .risk }
            return .noRisk
        }
        var isAtRisk = false
        while let ending = await group.next() {
            switch ending {
            case .body(let result):
                group.cancelAll()
                return (result, isAtRisk)
            case .risk:
                isAtRisk = true
                group.cancelAll()
            case .noRisk: break
            }
        }
        preconditionFailure("the body ends")
    }
}
