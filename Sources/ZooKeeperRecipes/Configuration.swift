import Foundation
import ZooKeeperClient

/// A configuration of many znodes that nobody sees half written: the paper's `ready` znode.
///
/// The one who writes takes `<path>/ready` away, changes the parts, and makes `ready` again. Who reads sees `ready`,
/// watches it, reads the parts, and begins again when the watch says that it went meanwhile. A writer that dies on the
/// way leaves no `ready`: nobody sees what it has left, until another has written all.
///
/// Other writers and a lost connection are guarded against too: every request of the writer is a `multi` that holds
/// only as long as the znode of the whole is of the version that the writer has made.
public struct Configuration: Sendable {
    static let readyName = "ready"
    /// Parts in one request; far below the servers' frame limit.
    private static let partsPerRequest = 100
    private static let bytesPerRequest = 256 << 10

    private let client: ZooKeeper
    private let acl: [ACL]
    private let readyPath: String

    public let path: String

    /// - Parameter path: a znode for this configuration alone; its content belongs to the recipe.
    public init(_ client: ZooKeeper, at path: String, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.acl = acl
        readyPath = Paths.child(Self.readyName, of: path)
    }

    /// All parts as one writer wrote them.
    public struct Snapshot: Hashable, Sendable {
        /// Larger for later ones: the `czxid` of `ready`.
        public var version: Int64
        public var parts: [String: [UInt8]]
    }

    // MARK: Writing

    /// Replaces the whole configuration: parts that are not given are deleted. The parts are sent all at once.
    ///
    /// Throws `superseded` when another writer began meanwhile: then only that one's will be seen.
    public func publish(_ parts: [String: [UInt8]]) async throws(RecipeError) {
        if let name = parts.keys.first(where: { $0.isEmpty || $0.contains("/") || $0 == Self.readyName }) {
            throw RecipeError(.invalidArgument("'\(name)' cannot be a part's name"), path: path)
        }
        let mark = Array("_c_\(UUID().uuidString.lowercased())".utf8)
        let version = try await begin(mark)
        while try await !write(parts, version: version) {}
        try await finish(mark, version: version)
    }

    /// Takes `ready` away; the version of the whole that is ours from now on.
    private func begin(_ mark: [UInt8]) async throws(RecipeError) -> Int32 {
        while true {
            guard let node = try await client.contentIfThere(path) else {
                try await client.ensure(path, mode: .persistent, acl: acl)
                continue
            }
            if node.data == mark { return node.stat.version }
            let isReady = try await client.repeating(.exists(readyPath), at: readyPath) != nil
            var operations: [ZooKeeperClient.Operation] = [.setData(path, mark, version: node.stat.version)]
            if isReady { operations.append(.delete(readyPath)) }
            do {
                try await client.multi(operations)
                return node.stat.version + 1
            } catch {
                switch error.reason {
                case .server(.badVersion), .server(.noNode): break
                default: try await client.recover(from: error, path: path)
                }
                // What was read was old, or the answer was lost: `mark` tells.
                try await client.settle(at: path)
            }
        }
    }

    /// Sends all parts; false when some have to be sent again because a connection was lost.
    private func write(_ parts: [String: [UInt8]], version: Int32) async throws(RecipeError) -> Bool {
        let present = Set(try await client.childrenIfThere(path))
        let replies = requests(parts, present: present, version: version).map { client.submit(.multi($0)) }
        var failure: ZooKeeperError?
        for reply in replies {
            do {
                _ = try await reply.value
            } catch {
                if error.reason == .server(.badVersion) { throw RecipeError(.superseded, path: path) }
                failure = failure ?? error
            }
        }
        guard let failure else { return true }
        switch failure.reason {
        case .server(.nodeExists), .server(.noNode): break
        default: try await client.recover(from: failure, path: path)
        }
        try await client.settle(at: path)
        return false
    }

    private func requests(
        _ parts: [String: [UInt8]], present: Set<String>, version: Int32
    ) -> [[ZooKeeperClient.Operation]] {
        var requests: [[ZooKeeperClient.Operation]] = []
        var bytes = 0
        func append(_ operation: ZooKeeperClient.Operation, bytes size: Int) {
            let isFull = (requests.last?.count ?? Int.max) > Self.partsPerRequest || bytes + size > Self.bytesPerRequest
            if isFull {
                requests.append([.check(path, version: version)])
                bytes = 0
            }
            bytes += size
            requests[requests.count - 1].append(operation)
        }
        for (name, data) in parts {
            let part = Paths.child(name, of: path)
            let isThere = present.contains(name)
            append(isThere ? .setData(part, data) : .create(part, data: data, acl: acl), bytes: data.count)
        }
        for name in present where parts[name] == nil && name != Self.readyName {
            append(.delete(Paths.child(name, of: path)), bytes: 0)
        }
        return requests
    }

    private func finish(_ mark: [UInt8], version: Int32) async throws(RecipeError) {
        let ready: [ZooKeeperClient.Operation] = [
            .check(path, version: version), .create(readyPath, data: mark, acl: acl),
        ]
        while true {
            do {
                try await client.multi(ready)
                return
            } catch {
                switch error.reason {
                case .server(.badVersion): throw RecipeError(.superseded, path: path)
                case .server(.nodeExists):
                    // Ours, by a request whose answer was lost; or one made by hand, against the rules.
                    if let node = try await client.contentIfThere(readyPath), node.data != mark {
                        throw RecipeError(.superseded, path: path)
                    }
                    return
                default:
                    let isUnknown = error.outcome == .unknown
                    try await client.recover(from: error, path: readyPath)
                    guard isUnknown else { continue }
                    try await client.settle(at: path)
                    // Once it was there, the writing is done, even when another has begun behind it.
                    if try await client.contentIfThere(readyPath)?.data == mark { return }
                }
            }
        }
    }

    // MARK: Reading

    /// The configuration; waits while there is none, or while it is being written.
    public func read(within limit: Duration? = nil) async throws(RecipeError) -> Snapshot {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in try await look().value }
    }

    /// The configuration now and whenever there is a new one. One that was soon replaced may be left out.
    ///
    /// Ends with the task that iterates; throws when the session ends.
    public var snapshots: AsyncThrowingStream<Snapshot, any Error> {
        following(path) { _ throws(RecipeError) in try await look() }
    }

    private func look() async throws(RecipeError) -> Observation<Snapshot> {
        while true {
            let (stat, ready) = try await client.repeatingWithWatch(.exists(readyPath), at: readyPath)
            guard let stat else {
                try await ready.fired(at: readyPath)
                continue
            }
            // The event that `ready` is going comes before the answer to anything that was read later.
            guard let parts = try await readParts(), !ready.hasEvent else { continue }
            return Observation(value: Snapshot(version: stat.czxid, parts: parts), watch: ready)
        }
    }

    /// All parts, read at once; nil when one was missing or a connection was lost.
    private func readParts() async throws(RecipeError) -> [String: [UInt8]]? {
        let names = try await client.childrenIfThere(path).filter { $0 != Self.readyName }
        let replies = names.map { client.submit(.getData(Paths.child($0, of: path))) }
        var parts: [String: [UInt8]] = [:]
        for (name, reply) in zip(names, replies) {
            do {
                parts[name] = try await reply.value.data
            } catch {
                if error.reason == .server(.noNode) { return nil }
                try await client.recover(from: error, path: Paths.child(name, of: path))
                return nil
            }
        }
        return parts
    }
}
