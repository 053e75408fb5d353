import Synchronization

/// A lock-free, bounded queue of batch objects: many producers, one consumer.
///
/// A batch is spliced in with one atomic operation, whatever its size; the consumer takes all that waits with one
/// atomic exchange and sees it in the order of the pushes, hence in order for each producer. No lock, and no allocation
/// after the initializer: a producer that is interrupted at any point holds nobody up.
///
/// Thread-safe: `tryPush`, `isEmpty` and `count` from any thread; `popAll` from the one consumer.
public final class BatchQueue<Batch: AnyObject & Sendable>: @unchecked Sendable {
    @usableFromInline let stack: LinkedStack
    @usableFromInline let wakeUp: WakeUp?

    /// - Parameters:
    ///   - capacity: the most batches that wait, 1 to 65,535. Batches the consumer has taken no longer count.
    ///   - wakeUp: how to wake the consumer when it may be asleep; nil for a consumer that polls.
    public init(capacity: Int, wakeUp: WakeUp?) {
        stack = LinkedStack(capacity: capacity)
        self.wakeUp = wakeUp
    }

    deinit {
        for item in stack.takeAll() { Unmanaged<Batch>.fromOpaque(item).release() }
    }

    public var capacity: Int { stack.capacity }

    /// Appends the batch and wakes the consumer if it may be asleep.
    ///
    /// - Returns: false when the queue is full; the batch stays the caller's, who applies back-pressure.
    @inlinable
    public func tryPush(_ batch: Batch) -> Bool {
        let reference = Unmanaged.passRetained(batch)
        guard stack.push(reference.toOpaque()) else {
            reference.release()
            return false
        }
        wakeUp?.wake()
        return true
    }

    /// Takes everything that waits and hands it over, oldest first. Consumer only, and not from within `body`.
    ///
    /// - Returns: how many batches were handed over.
    @inlinable
    @discardableResult
    public func popAll(_ body: (Batch) -> Void) -> Int {
        let items = stack.takeAll()
        for item in items { body(Unmanaged<Batch>.fromOpaque(item).takeRetainedValue()) }
        return items.count
    }

    /// Whether nothing waits. Sequentially consistent, so it serves as the look between `WakeUp.prepareToSleep()` and
    /// blocking.
    @inlinable
    public var isEmpty: Bool { stack.count == 0 }

    /// How many batches wait. Exact at the moment of the call, so an estimate by the time it is used.
    @inlinable
    public var count: Int { stack.count }
}
