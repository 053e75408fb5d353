import Synchronization
import ZooKeeperClient

// Deletions that happen, whatever happens to connections and to the tasks that want them. The caller waits for them
// as for any request, until the session's end if need be; a cancelled caller only as long as there is a connection.

extension ZooKeeper {
    /// Deletes a znode that is known by the transaction that made it: what another has made at the same path since
    /// stays.
    ///
    /// - Parameter isUnique: nobody else makes a znode at this path, so it is deleted without a look at it.
    func removeForCertain(_ path: String, czxid: Int64, isUnique: Bool = true) async {
        await insisting { client, attempt throws(RecipeError) in
            do throws(RecipeError) {
                // The deletion whose answer was lost may have happened.
                if attempt > 0 { try await client.settleOnce(at: path) }
                if attempt > 0 || !isUnique {
                    guard try await client.once(.exists(path), at: path)?.czxid == czxid else { return }
                }
                try await client.once(.delete(path), at: path)
            } catch {
                if !error.isServer(.noNode) { throw error }
            }
        }
    }

    /// Deletes a znode, if it is there and looks as wanted.
    func removeForCertain(_ path: String, where isWanted: @escaping @Sendable (NodeData) -> Bool) async {
        await insisting { client, _ throws(RecipeError) in
            do throws(RecipeError) {
                try await client.settleOnce(at: path)
                guard isWanted(try await client.once(.getData(path), at: path)) else { return }
                try await client.once(.delete(path), at: path)
            } catch {
                if !error.isServer(.noNode) { throw error }
            }
        }
    }

    /// Deletes what a creation may have left behind whose answer is not known.
    func removeForCertain(_ name: ProtectedName, in parent: String) async {
        await insisting { client, _ throws(RecipeError) in
            do throws(RecipeError) {
                try await client.settleOnce(at: parent)
                for own in try await client.once(.getChildren(parent), at: parent) where name.isMine(own) {
                    let path = Paths.child(own, of: parent)
                    try await client.once(.delete(path), at: path)
                }
            } catch {
                if !error.isServer(.noNode) { throw error }
            }
        }
    }

    private func once<Value: Sendable>(
        _ request: ZooKeeperRequest<Value>, at path: String
    ) async throws(RecipeError) -> Value {
        do {
            return try await submit(request).value
        } catch {
            throw RecipeError(error, path: path)
        }
    }

    /// Does something in a task of its own, which nobody cancels, again and again while only connections fail.
    private func insisting(
        _ body: @escaping @Sendable (ZooKeeper, _ attempt: Int) async throws(RecipeError) -> Void
    ) async {
        let patience = Patience(isInterrupted: !state.isConnected)
        Task {
            defer { patience.finish() }
            for attempt in 0... {
                do throws(RecipeError) {
                    return try await body(self, attempt)
                } catch {
                    guard case .zooKeeper(let reason) = error.reason else { return }
                    patience.interrupt()
                    do throws(RecipeError) {
                        try await self.recover(from: reason, path: error.path)
                    } catch {
                        return
                    }
                }
            }
        }
        await patience.wait()
    }
}

/// How long a task waits for work that goes on without it: to the end; when it is cancelled, to the first interruption.
private final class Patience: Sendable {
    private struct State {
        var isFinished = false
        var isInterrupted: Bool
        var isCancelled = false
        var waiter: CheckedContinuation<Void, Never>?

        var isOver: Bool { isFinished || (isCancelled && isInterrupted) }
    }

    private let state: Mutex<State>

    init(isInterrupted: Bool) { state = Mutex(State(isInterrupted: isInterrupted)) }

    func finish() { change { $0.isFinished = true } }
    func interrupt() { change { $0.isInterrupted = true } }

    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in change { $0.waiter = continuation } }
        } onCancel: {
            change { $0.isCancelled = true }
        }
    }

    private func change(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            change(&state)
            guard state.isOver else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
