import RequestQueue
import ServerCore
import Synchronization

/// What other threads want done on a server's core, between its requests.
///
/// Thread-safe; `drain` on the core's thread. Every order is carried out once, or told that there is no core any more.
final class CoreOrders: @unchecked Sendable {
    typealias Order = @Sendable (Core?) -> Void

    private struct State {
        var waiting: [Order] = []
        var isClosed = false
    }

    private let state = LockedValue(State())
    /// So that a turn without orders takes no lock.
    private let count = Atomic<Int>(0)

    var isEmpty: Bool { count.load(ordering: .sequentiallyConsistent) == 0 }

    /// The caller wakes the core.
    func add(_ order: @escaping Order) {
        let isClosed = state.withLock { state in
            guard !state.isClosed else { return true }
            state.waiting.append(order)
            count.store(state.waiting.count, ordering: .sequentiallyConsistent)
            return false
        }
        if isClosed { order(nil) }
    }

    func drain(_ core: Core) {
        guard !isEmpty else { return }
        for order in take(closing: false) { order(core) }
    }

    /// There is no core any more.
    func close() {
        for order in take(closing: true) { order(nil) }
    }

    private func take(closing: Bool) -> [Order] {
        state.withLock { state in
            if closing { state.isClosed = true }
            let waiting = state.waiting
            state.waiting = []
            count.store(0, ordering: .sequentiallyConsistent)
            return waiting
        }
    }
}
