import Foundation
import ZooKeeperClient

/// So many participants begin something together, and end it together.
///
/// The paper's recipe, with the leaving rule of Apache's recipes page: each makes a child, and the one that completes
/// the number makes `ready`, for which the others wait. On leaving, the lowest child waits for the highest, the others
/// delete themselves and wait for the lowest, which goes last and takes `ready` with it. The barrier can be used again
/// at once.
///
/// One who enters sends one write and two reads, the last one a write more. One who leaves sends one write and three
/// reads; the lowest, a pair of reads for each time that the highest has gone.
public struct DoubleBarrier: Sendable {
    static let readyName = "ready"

    private let client: ZooKeeper
    private let acl: [ACL]
    private let readyPath: String

    public let path: String
    public let participants: Int

    /// - Parameter path: a znode for this barrier alone, made when it is missing, as a container.
    public init(_ client: ZooKeeper, at path: String, participants: Int, acl: [ACL] = ACL.open) {
        precondition(participants > 0, "a barrier has a participant at least")
        self.client = client
        self.path = path
        self.participants = participants
        self.acl = acl
        readyPath = Paths.child(Self.readyName, of: path)
    }

    /// Someone who is inside.
    public struct Participation: Sendable {
        let barrier: DoubleBarrier
        public let lease: Lease

        /// Waits until all have left, or their sessions have ended.
        public func leave(within limit: Duration? = nil) async throws(RecipeError) {
            try await barrier.leave(lease, within: limit)
        }
    }

    /// Waits until all participants are there. Cancellation, an error or the limit take this one away again.
    public func enter(within limit: Duration? = nil) async throws(RecipeError) -> Participation {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            try await enter()
        }
    }

    /// Runs something between entering together and leaving together.
    ///
    /// When the body throws, this participant leaves without waiting for the others.
    public func with<Value>(
        within limit: Duration? = nil, _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        let participation = try await enter(within: limit)
        do {
            let value = try await body(participation.lease)
            try await participation.leave(within: limit)
            return value
        } catch {
            await participation.lease.release()
            throw error
        }
    }

    // MARK: Entering

    private func enter() async throws(RecipeError) -> Participation {
        while true {
            // Before anything else, so that its creation cannot be missed.
            let (stat, ready) = try await client.repeatingWithWatch(.exists(readyPath), at: readyPath)
            if stat != nil {
                try await waitForOthersToLeave()
                continue
            }
            let own = try await client.createProtected(
                ProtectedName(marker: ""), in: path, data: [], mode: .ephemeralSequential, acl: acl,
                parentMode: .container)
            do {
                let members = members(try await client.childrenIfThere(path))
                // Deleted by somebody: begin again.
                guard let place = members.firstIndex(of: Paths.name(of: own.path)) else { continue }
                // Several may see that all are there. Of those who are, the last one saw all others before it, so it
                // is enough when it makes `ready`, and when it dies first, the one who takes its place does.
                if place >= participants - 1 {
                    try await makeReady()
                } else {
                    try await ready.fired(at: readyPath)
                }
                return Participation(barrier: self, lease: Lease(own, of: client))
            } catch {
                await client.removeForCertain(own.path, czxid: own.stat.czxid)
                throw error
            }
        }
    }

    /// The barrier's last use is not over, or all of its participants died in it.
    private func waitForOthersToLeave() async throws(RecipeError) {
        while true {
            let names: [String]
            let watch: Watch
            do {
                (names, watch) = try await client.repeatingWithWatch(.getChildren(path), at: path)
            } catch {
                if error.isServer(.noNode) { return }
                throw error
            }
            guard names.contains(Self.readyName) else { return }
            if names == [Self.readyName] { return try await remove(readyPath) }
            try await watch.fired(at: path)
        }
    }

    private func makeReady() async throws(RecipeError) {
        do {
            _ = try await client.repeating(.create(readyPath, acl: acl), at: readyPath)
        } catch {
            if !error.isServer(.nodeExists) { throw error }
        }
    }

    /// Those of some children who take part, in the order in which they came.
    private func members(_ names: [String]) -> [String] {
        let numbered = names.compactMap { name in SequenceNumber(name).map { (name: name, number: $0) } }
        return numbered.sorted { $0.number.precedes($1.number) }.map(\.name)
    }

    private func remove(_ path: String) async throws(RecipeError) {
        do {
            try await client.repeating(.delete(path), at: path)
        } catch {
            if !error.isServer(.noNode) { throw error }
        }
    }

    // MARK: Leaving

    fileprivate func leave(_ lease: Lease, within limit: Duration?) async throws(RecipeError) {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            try await leave(lease)
        }
    }

    private func leave(_ lease: Lease) async throws(RecipeError) {
        let own = Paths.name(of: lease.path)
        // Whoever comes later is in the next round: while we are here, `ready` keeps it out.
        var round: Set<String>?
        while true {
            let names = try await client.childrenIfThere(path)
            let among = round ?? Set(names)
            round = among
            let members = members(names.filter(among.contains))
            guard let lowest = members.first, let highest = members.last else {
                // The last one died before it could take `ready` with it.
                if names == [Self.readyName] { try await remove(readyPath) }
                return await lease.release()
            }
            if members == [own] {
                if try await leaveLast(lease) { return }
                continue
            }
            if lowest != own { await lease.release() }
            let other = Paths.child(lowest == own ? highest : lowest, of: path)
            guard let (_, watch) = try await client.contentAndWatchIfThere(other) else { continue }
            try await watch.fired(at: other)
        }
    }

    /// Goes together with `ready`, so that whoever sees that all have left can enter again at once. False when one of
    /// the two was gone already.
    private func leaveLast(_ lease: Lease) async throws(RecipeError) -> Bool {
        do {
            _ = try await client.repeating(.multi([.delete(lease.path), .delete(readyPath)]), at: path)
            lease.markReleased()
            return true
        } catch {
            guard error.isServer(.noNode) else { throw error }
            await lease.release()
            return false
        }
    }
}
