import ZooKeeperClient

/// A znode that many read and follow: the paper's configuration in one znode.
///
/// Those who follow see the newest content; one that was soon replaced may be left out, which does no harm.
public struct SharedValue: Sendable {
    private let client: ZooKeeper
    private let acl: [ACL]

    public let path: String

    public init(_ client: ZooKeeper, at path: String, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.acl = acl
    }

    /// The content as the connected server has it, perhaps a little old; nil when there is none yet.
    ///
    /// - Parameter isNewest: whether the server first catches up with all that was written before.
    public func value(newest isNewest: Bool = false) async throws(RecipeError) -> NodeData? {
        if isNewest { try await client.catchUp(at: path) }
        return try await client.contentIfThere(path)
    }

    /// Replaces the content, and makes the znode when it is missing. Of several who do so at once, the last one wins.
    public func set(_ data: [UInt8]) async throws(RecipeError) {
        while true {
            do {
                _ = try await client.repeating(.setData(path, data), at: path)
                return
            } catch {
                guard error.isServer(.noNode) else { throw error }
                // With this content, so that nobody sees another.
                if try await client.ensure(path, data: data, mode: .persistent, acl: acl) { return }
            }
        }
    }

    /// Replaces the content if it still has a version; false when it has not.
    public func set(_ data: [UInt8], version: Int32) async throws(RecipeError) -> Bool {
        do {
            try await client.setData(path, data, version: version)
            return true
        } catch {
            if error.reason == .server(.badVersion) { return false }
            // Whether it was this call or another's that made the next version cannot be told.
            throw RecipeError(error, path: path)
        }
    }

    /// The content now and whenever it changes; nil while there is no such znode.
    ///
    /// Ends with the task that iterates; throws when the session ends.
    public var values: AsyncThrowingStream<NodeData?, any Error> {
        let (client, path) = (client, path)
        return following(path) { _ throws(RecipeError) in
            if let (node, watch) = try await client.contentAndWatchIfThere(path) {
                return Observation(value: node, watch: watch)
            }
            let (stat, watch) = try await client.repeatingWithWatch(.exists(path), at: path)
            return stat == nil ? Observation(value: nil, watch: watch) : nil
        }
    }
}
