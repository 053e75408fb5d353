import DequeModule
import NIOConcurrencyHelpers

/// A bounded queue between the event loop and the task that iterates over it. All state is under the lock.
final class EventBuffer<Element: Sendable>: @unchecked Sendable {
    private let lock = NIOLock()
    private var elements = Deque<Element>()
    private var waiters: [UnsafeContinuation<Void, Never>] = []
    /// What comes after the last element.
    private var end: Result<Void, ZooKeeperError>?
    private let limit: Int
    /// What stands for elements that found the buffer full, and for those before them.
    private let gap: @Sendable (Element) -> Element

    /// - Parameter gap: given the element that did not fit, what is left in the buffer instead of all.
    init(limit: Int, gap: @escaping @Sendable (Element) -> Element) {
        self.limit = limit
        self.gap = gap
    }

    func push(_ element: Element) {
        let woken = lock.withLock { () -> [UnsafeContinuation<Void, Never>] in
            guard end == nil else { return [] }
            if elements.count >= limit {
                elements.removeAll()
                elements.append(gap(element))
            } else {
                elements.append(element)
            }
            return takeWaiters()
        }
        for waiter in woken { waiter.resume() }
    }

    /// Nothing comes after what is there already: the iteration ends, or throws.
    func finish(_ error: ZooKeeperError? = nil) {
        let woken = lock.withLock { () -> [UnsafeContinuation<Void, Never>] in
            if end == nil { end = error.map { .failure($0) } ?? .success(()) }
            return takeWaiters()
        }
        for waiter in woken { waiter.resume() }
    }

    private func takeWaiters() -> [UnsafeContinuation<Void, Never>] {
        defer { waiters.removeAll() }
        return waiters
    }

    var hasNext: Bool { lock.withLock { !elements.isEmpty || end != nil } }

    /// The next element; nil at the end, or when the task is cancelled.
    func next() async throws(ZooKeeperError) -> Element? {
        while true {
            let (element, end) = lock.withLock { (elements.popFirst(), self.end) }
            if let element { return element }
            if let end {
                try end.get()
                return nil
            }
            if Task.isCancelled { return nil }
            await wait()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isDue = lock.withLock { () -> Bool in
                    if !elements.isEmpty || end != nil || Task.isCancelled { return true }
                    waiters.append(continuation)
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            // All look again; the cancelled one leaves.
            for waiter in lock.withLock({ takeWaiters() }) { waiter.resume() }
        }
    }
}
