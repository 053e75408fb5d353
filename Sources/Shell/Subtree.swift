import DequeModule
import ZooKeeperClient

/// Walks over subtrees, with many reads outstanding at once. Znodes that go away meanwhile are passed over.
enum Subtree {
    /// Reads outstanding for each level of the tree.
    static let window = 64

    static func child(_ name: String, of path: String) -> String { path == "/" ? "/" + name : path + "/" + name }

    /// zkCli's order: the root; then the children of a znode, all of them; then what is below each.
    ///
    /// - Parameters:
    ///   - children: submits the read of a znode's children.
    ///   - visit: told each path.
    static func visit(
        _ client: ZooKeeper, _ root: String, children: (String) -> PendingReply<[String]>,
        _ visit: (String) async throws -> Void
    ) async throws {
        struct Level {
            var paths: [String]
            var submitted = 0
            var pending = Deque<(path: String, reply: PendingReply<[String]>)>()
        }
        var levels = [Level(paths: [root])]
        while !levels.isEmpty {
            let top = levels.count - 1
            while levels[top].pending.count < window, levels[top].submitted < levels[top].paths.count {
                let path = levels[top].paths[levels[top].submitted]
                levels[top].pending.append((path, children(path)))
                levels[top].submitted += 1
            }
            guard let (path, reply) = levels[top].pending.popFirst() else {
                levels.removeLast()
                continue
            }
            guard let names = try await names(reply, isRoot: levels.count == 1)?.sortedByBytes() else { continue }
            let paths = names.map { child($0, of: path) }
            for path in paths { try await visit(path) }
            if !paths.isEmpty { levels.append(Level(paths: paths)) }
        }
    }

    /// Nil when the znode is gone.
    private static func names(_ reply: PendingReply<[String]>, isRoot: Bool) async throws -> [String]? {
        do {
            return try await reply.value
        } catch {
            if error.reason == .server(.noNode), !isRoot { return nil }
            throw error
        }
    }

    /// All paths, parents before their children.
    static func paths(_ client: ZooKeeper, _ root: String) async throws -> [String] {
        var paths = [root]
        var pending = Deque<PendingReply<[String]>>()
        var submitted = 0
        var read = 0
        while read < paths.count {
            while submitted < paths.count, pending.count < window * 4 {
                pending.append(client.submit(.getChildren(paths[submitted])))
                submitted += 1
            }
            let path = paths[read]
            if let names = try await names(pending.removeFirst(), isRoot: read == 0) {
                paths += names.map { child($0, of: path) }
            }
            read += 1
        }
        return paths
    }
}
