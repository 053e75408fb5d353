import Foundation
import ZooKeeperClient

/// The paper's first lock: one ephemeral znode. Whoever creates it holds the lock; the others watch it, and when it
/// goes, all try at once (the herd effect) and in no order.
///
/// Three requests and no list of children: good for few contenders. `Lock` is for the others.
public struct SimpleLock: LeaseSource {
    private let client: ZooKeeper
    private let acl: [ACL]

    /// The lock's znode itself; the one above it is made when it is missing.
    public let path: String

    public init(_ client: ZooKeeper, at path: String, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.acl = acl
    }

    /// Waits for the lock. Cancellation, an error or the limit leave nothing behind.
    public func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            while true {
                if let lease = try await attempt() { return lease }
                guard let (_, watch) = try await client.contentAndWatchIfThere(path) else { continue }
                try await watch.fired(at: path)
            }
        }
    }

    /// The lock if nobody holds it, else nil.
    public func tryAcquire() async throws(RecipeError) -> Lease? { try await attempt() }

    /// The content tells our znode from others when the answer to its creation was lost.
    private func attempt() async throws(RecipeError) -> Lease? {
        let mark = Array("_c_\(UUID().uuidString.lowercased())".utf8)
        var mayExist = false
        do throws(RecipeError) {
            while true {
                if mayExist {
                    try await client.settle(at: path)
                    if let node = try await client.contentIfThere(path), node.data == mark {
                        return Lease(CreatedNode(path: path, stat: node.stat), of: client, isPathUnique: false)
                    }
                }
                do {
                    let node = try await client.createAndStat(path, data: mark, mode: .ephemeral, acl: acl)
                    return Lease(node, of: client, isPathUnique: false)
                } catch {
                    if error.outcome == .unknown { mayExist = true }
                    switch error.reason {
                    case .server(.nodeExists): return nil
                    case .server(.noNode):
                        guard let parent = Paths.parent(of: path), parent != "/" else {
                            throw RecipeError(error, path: path)
                        }
                        try await client.ensure(parent, mode: .container, acl: acl)
                    default: try await client.recover(from: error, path: path)
                    }
                }
            }
        } catch {
            if mayExist { await client.removeForCertain(path) { $0.data == mark } }
            throw error
        }
    }

    /// Runs something while holding the lock; see `Lock.withLock`.
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
