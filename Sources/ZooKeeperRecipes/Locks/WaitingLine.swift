import ZooKeeperClient

/// The contenders below a znode, in the order of their sequence numbers: the paper's lock without herd effect, and
/// whatever is built like it.
struct WaitingLine: Sendable {
    enum Turn {
        case ours
        /// Our znode is not in the line any more: somebody has deleted it.
        case vanished
    }

    let client: ZooKeeper
    let path: String
    let naming: ContenderNaming
    let data: [UInt8]
    let acl: [ACL]
    /// Whether a contender waits for those of this kind before it; given the name without the number.
    let waitsFor: @Sendable (Substring) -> Bool

    /// Takes a place at the end of the line and waits until it is our turn.
    func acquire(within limit: Duration?) async throws(RecipeError) -> Lease {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in try await acquire() }
    }

    private func acquire() async throws(RecipeError) -> Lease {
        while true {
            let own = try await join()
            do {
                if try await wait(for: own) == .ours { return Lease(own, of: client) }
            } catch {
                await client.removeForCertain(own.path, czxid: own.stat.czxid)
                throw error
            }
        }
    }

    /// A lease if it is our turn at once, else nil.
    func tryAcquire() async throws(RecipeError) -> Lease? {
        while true {
            let own = try await join()
            do {
                let (names, number) = try await look(own)
                guard let number else { continue }
                if predecessor(of: number, in: names) == nil { return Lease(own, of: client) }
            } catch {
                await client.removeForCertain(own.path, czxid: own.stat.czxid)
                throw error
            }
            await client.removeForCertain(own.path, czxid: own.stat.czxid)
            return nil
        }
    }

    private func join() async throws(RecipeError) -> CreatedNode {
        try await client.createProtected(
            ProtectedName(naming), in: path, data: data, mode: .ephemeralSequential, acl: acl, parentMode: .container)
    }

    /// The line, and our number in it; nil when we are not in it.
    private func look(_ own: CreatedNode) async throws(RecipeError) -> (names: [String], own: SequenceNumber?) {
        let name = Paths.name(of: own.path)
        let names = try await client.childrenIfThere(path)
        guard names.contains(name) else { return (names, nil) }
        guard let number = SequenceNumber(name) else {
            throw RecipeError(.unexpectedContent("no sequence number in '\(name)'"), path: path)
        }
        return (names, number)
    }

    private func wait(for own: CreatedNode) async throws(RecipeError) -> Turn {
        while true {
            let (names, number) = try await look(own)
            guard let number else { return .vanished }
            guard let name = predecessor(of: number, in: names) else { return .ours }
            let path = Paths.child(name, of: path)
            // `getData`, because a watch set by `exists` on a znode that has just gone would stay for ever.
            guard let (_, watch) = try await client.contentAndWatchIfThere(path) else { continue }
            // It goes because its turn is over, or because it has given up: so the line is looked at again.
            try await watch.fired(at: path)
        }
    }

    /// The last of those before us that we wait for: we alone watch it on our own account, so nobody is woken in vain.
    func predecessor(of own: SequenceNumber, in names: [String]) -> String? {
        var last: (name: String, number: SequenceNumber)?
        for name in names {
            guard let number = SequenceNumber(name), number.precedes(own), waitsFor(number.prefix) else { continue }
            if let found = last, number.precedes(found.number) { continue }
            last = (name, number)
        }
        return last?.name
    }

    /// The contenders' names in the order of their turns.
    func names() async throws(RecipeError) -> [String] {
        inOrder(try await client.childrenIfThere(path))
    }

    /// Those of some children that are contenders.
    func inOrder(_ names: [String]) -> [String] {
        let numbered = names.compactMap { name in SequenceNumber(name).map { (name: name, number: $0) } }
        return numbered.sorted { $0.number.precedes($1.number) }.map(\.name)
    }

    /// The contenders in the order of their turns.
    func contenders() async throws(RecipeError) -> [Contender] {
        var contenders: [Contender] = []
        let names = try await names()
        let replies = names.map { client.submit(.getData(Paths.child($0, of: path))) }
        for (name, reply) in zip(names, replies) {
            let path = Paths.child(name, of: path)
            do {
                contenders.append(Contender(path: path, node: try await reply.value))
            } catch {
                if error.reason == .server(.noNode) { continue }
                try await client.recover(from: error, path: path)
                guard let node = try await client.contentIfThere(path) else { continue }
                contenders.append(Contender(path: path, node: node))
            }
        }
        return contenders
    }
}

/// One of those who hold or wait.
public struct Contender: Hashable, Sendable {
    /// Its znode.
    public var path: String
    /// What it says of itself.
    public var data: [UInt8]
    /// The session that it lives and dies with.
    public var session: Int64
    /// What its lease's fencing token is or will be.
    public var fencingToken: Int64

    init(path: String, node: NodeData) {
        self.path = path
        data = node.data
        session = node.stat.ephemeralOwner
        fencingToken = node.stat.czxid
    }
}
