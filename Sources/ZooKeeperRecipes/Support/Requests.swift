import Foundation
import ZooKeeperClient

// Requests that outlive a lost connection: those that do no harm when they are repeated.

extension ZooKeeper {
    /// Waits before something is tried again at once where waiting for a connection is not enough.
    private static let pause = Duration.milliseconds(20)

    /// Returns when trying again makes sense; throws the error when it does not.
    func recover(from error: ZooKeeperError, path: String) async throws(RecipeError) {
        // A server without a quorum refuses writes until the client has found another.
        let refusedForNow = error.reason == .server(.notReadOnly) || error.reason == .server(.sessionMoved)
        guard error.isTransient || refusedForNow else { throw RecipeError(error, path: path) }
        if Task.isCancelled { throw RecipeError(.cancelled, path: path) }
        if error.reason == .connectionLoss || error.reason == .requestTimeout { return }
        do {
            try await Task.sleep(for: Self.pause)
        } catch {
            throw RecipeError(.cancelled, path: path)
        }
    }

    /// A read, or a write that may happen twice, repeated until it is answered.
    func repeating<Value: Sendable>(
        _ request: ZooKeeperRequest<Value>, at path: String
    ) async throws(RecipeError) -> Value {
        while true {
            do {
                return try await submit(request).value
            } catch {
                try await recover(from: error, path: path)
            }
        }
    }

    /// A read that sets a watch, repeated until it is answered.
    func repeatingWithWatch<Value: Sendable>(
        _ request: ZooKeeperRequest<Value>, at path: String
    ) async throws(RecipeError) -> (value: Value, watch: Watch) {
        while true {
            do {
                let (reply, watch) = submitWithWatch(request)
                return (try await reply.value, watch)
            } catch {
                try await recover(from: error, path: path)
            }
        }
    }

    /// Content and statistics; nil when there is no such znode.
    func contentIfThere(_ path: String) async throws(RecipeError) -> NodeData? {
        do {
            return try await repeating(.getData(path), at: path)
        } catch {
            if error.isServer(.noNode) { return nil }
            throw error
        }
    }

    /// The names of a znode's children, none when there is no such znode.
    func childrenIfThere(_ path: String) async throws(RecipeError) -> [String] {
        do {
            return try await repeating(.getChildren(path), at: path)
        } catch {
            if error.isServer(.noNode) { return [] }
            throw error
        }
    }

    /// Content, and a watch for its change or deletion; nil, and no watch left behind, when there is no such znode.
    func contentAndWatchIfThere(_ path: String) async throws(RecipeError) -> (value: NodeData, watch: Watch)? {
        do {
            return try await repeatingWithWatch(.getData(path), at: path)
        } catch {
            if error.isServer(.noNode) { return nil }
            throw error
        }
    }

    /// Makes the server catch up with what others have been told of: a read behind it sees that.
    func catchUp(at path: String) async throws(RecipeError) {
        try await repeating(.sync(path), at: path)
    }

    /// Waits until what this session has sent before, through whatever server, has happened or never will: a read
    /// behind it sees which.
    ///
    /// A request whose answer was lost with its connection may still be under way between the servers. Only what has a
    /// place among the transactions itself comes behind it for certain, and a refused write has one. A `sync` has not
    /// everywhere: Apache's leader answers it at once, even one that has been replaced.
    func settle(at path: String) async throws(RecipeError) {
        while true {
            do {
                return try await settleOnce(at: path)
            } catch {
                guard case .zooKeeper(let reason) = error.reason else { throw error }
                try await recover(from: reason, path: path)
            }
        }
    }

    /// `settle` without another attempt when the connection is lost meanwhile.
    func settleOnce(at path: String) async throws(RecipeError) {
        do {
            _ = try await submit(.setData("/_c_\(UUID().uuidString.lowercased())", [])).value
        } catch {
            // There is no such znode, or it would not be ours to change.
            if error.reason != .server(.noNode), error.reason != .server(.noAuth) {
                throw RecipeError(error, path: path)
            }
        }
    }

    /// Creates a znode and those above it, where they are missing; that they are there already is as good.
    ///
    /// - Parameter data: of the znode itself, if it is made.
    /// - Returns: whether it was made here for certain.
    @discardableResult
    func ensure(
        _ path: String, data: [UInt8] = [], mode: CreateMode, acl: [ACL]
    ) async throws(RecipeError) -> Bool {
        if path == "/" {
            // Nobody makes the root. When it is missing, the client's chroot is.
            if try await repeating(.exists(path), at: path) != nil { return false }
            throw RecipeError(ZooKeeperError(.server(.noNode), operation: .create, path: path), path: path)
        }
        while true {
            do {
                try await create(path, data: data, mode: mode, acl: acl)
                return true
            } catch {
                switch error.reason {
                case .server(.nodeExists): return false
                case .server(.noNode):
                    // At the top there is nothing more to create: the chroot is missing.
                    guard let parent = Paths.parent(of: path), parent != "/" else {
                        throw RecipeError(error, path: path)
                    }
                    try await ensure(parent, mode: mode, acl: acl)
                default: try await recover(from: error, path: path)
                }
            }
        }
    }
}

extension RecipeError {
    func isServer(_ code: ErrorCode) -> Bool {
        if case .zooKeeper(let error) = reason { return error.reason == .server(code) }
        return false
    }
}

extension Watch {
    /// Waits for the event of a one-shot watch.
    func fired(at path: String) async throws(RecipeError) {
        do {
            _ = try await next()
        } catch {
            throw RecipeError(error, path: path)
        }
        if Task.isCancelled { throw RecipeError(.cancelled, path: path) }
    }
}

enum Paths {
    static func child(_ name: String, of parent: String) -> String { parent == "/" ? "/\(name)" : "\(parent)/\(name)" }

    /// nil for the root.
    static func parent(of path: String) -> String? {
        guard path != "/", let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.index(after: $0)...]) } ?? path
    }
}
