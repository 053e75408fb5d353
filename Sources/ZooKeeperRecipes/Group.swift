import ZooKeeperClient

/// Who is there: each member has an ephemeral child of the group's znode, which goes when the member does.
public struct Group: Sendable {
    public struct Member: Hashable, Sendable {
        public var name: String
        /// What the member tells the others: its address, say.
        public var data: [UInt8]
        public var session: Int64
    }

    private let client: ZooKeeper
    private let acl: [ACL]

    public let path: String

    /// - Parameter path: a znode for this group alone, made when it is missing.
    public init(_ client: ZooKeeper, at path: String, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.acl = acl
    }

    /// Becomes a member, until the lease is released or the session ends.
    ///
    /// - Parameter name: unique in the group (`taken` when it is not); nil for a name that the server numbers.
    public func join(name: String? = nil, data: [UInt8] = []) async throws(RecipeError) -> Lease {
        guard let name else {
            let node = try await client.createProtected(
                ProtectedName(marker: "member-"), in: path, data: data, mode: .ephemeralSequential,
                acl: acl, parentMode: .persistent)
            return Lease(node, of: client)
        }
        let own = Paths.child(name, of: path)
        var mayExist = false
        do throws(RecipeError) {
            while true {
                do {
                    let node = try await client.createAndStat(own, data: data, mode: .ephemeral, acl: acl)
                    return Lease(node, of: client, isPathUnique: false)
                } catch {
                    if error.outcome == .unknown { mayExist = true }
                    switch error.reason {
                    case .server(.noNode): try await client.ensure(path, mode: .persistent, acl: acl)
                    case .server(.nodeExists):
                        guard let stat = try await client.repeating(.exists(own), at: own) else { continue }
                        // One session joins under one name once, so it is ours when we may have made it.
                        guard mayExist, stat.ephemeralOwner == client.identity?.id else {
                            throw RecipeError(.taken(bySession: stat.ephemeralOwner), path: own)
                        }
                        return Lease(CreatedNode(path: own, stat: stat), of: client, isPathUnique: false)
                    default: try await client.recover(from: error, path: own)
                    }
                }
            }
        } catch {
            let session = client.identity?.id
            if mayExist, error.reason == .cancelled {
                await client.removeForCertain(own) { $0.stat.ephemeralOwner == session }
            }
            throw error
        }
    }

    /// Runs something as a member.
    public func withMembership<Value>(
        name: String? = nil, data: [UInt8] = [], _ body: (Lease) async throws -> Value
    ) async throws -> Value {
        let lease = try await join(name: name, data: data)
        do {
            let value = try await body(lease)
            await lease.release()
            return value
        } catch {
            await lease.release()
            throw error
        }
    }

    /// The members as the connected server knows them, by name.
    public func members() async throws(RecipeError) -> [Member] {
        try await members(try await client.childrenIfThere(path))
    }

    /// The members now, and whenever one has come or gone. Of several changes in short time, the last is told.
    ///
    /// Ends with the task that iterates; throws when the session ends.
    public var changes: AsyncThrowingStream<[Member], any Error> {
        following(path) { _ throws(RecipeError) in
            do throws(RecipeError) {
                let (names, watch) = try await client.repeatingWithWatch(.getChildren(path), at: path)
                return Observation(value: try await members(names), watch: watch)
            } catch {
                guard error.isServer(.noNode) else { throw error }
                try await client.ensure(path, mode: .persistent, acl: acl)
                return nil
            }
        }
    }

    private func members(_ names: [String]) async throws(RecipeError) -> [Member] {
        let names = names.sorted()
        let replies = names.map { client.submit(.getData(Paths.child($0, of: path))) }
        var members: [Member] = []
        for (name, reply) in zip(names, replies) {
            let path = Paths.child(name, of: path)
            var node: NodeData?
            do {
                node = try await reply.value
            } catch {
                if error.reason == .server(.noNode) { continue }
                try await client.recover(from: error, path: path)
                node = try await client.contentIfThere(path)
            }
            // One that has just gone is told with the next change.
            guard let node else { continue }
            members.append(Member(name: name, data: node.data, session: node.stat.ephemeralOwner))
        }
        return members
    }
}
