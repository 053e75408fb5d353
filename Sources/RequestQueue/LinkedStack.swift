import Synchronization

/// The lock-free core of `BatchQueue`: a bounded stack of raw pointers that the consumer takes whole.
///
/// Nodes come from a fixed array and are named by index + 1, zero meaning none. They are on one of two stacks:
/// - `pushed` holds index (low 32 bits) and length (high 32 bits). Producers push with one compare-exchange, the
///   consumer takes the whole chain with one exchange. Because nothing else ever pops, a head that has left and come
///   back in between (ABA) is still the right successor.
/// - `spare` holds index (low 16 bits) and a tag (high 48 bits) that grows with each change. Producers pop from it, so
///   the tag is what tells a head that left and came back from one that stayed.
@usableFromInline
struct LinkedStack: ~Copyable, @unchecked Sendable {
    private struct Node: ~Copyable {
        let next = Atomic<UInt32>(0)
        /// Written by the producer that took the node, read by the consumer that took the chain.
        var item: UnsafeMutableRawPointer?
    }

    private let nodes: UnsafeMutablePointer<Node>
    private let pushed: UnsafeMutablePointer<Atomic<UInt64>>
    private let spare: UnsafeMutablePointer<Atomic<UInt64>>
    /// The consumer's own: a taken chain, oldest first.
    private let taken: UnsafeMutablePointer<UnsafeMutableRawPointer>
    let capacity: Int

    init(capacity: Int) {
        precondition(capacity >= 1 && capacity <= 65_535, "a queue holds 1 to 65,535 batches, not \(capacity)")
        self.capacity = capacity
        nodes = .allocate(capacity: capacity)
        for index in 0..<capacity {
            (nodes + index).initialize(to: Node(item: nil))
            nodes[index].next.store(UInt32(index + 1 < capacity ? index + 2 : 0), ordering: .relaxed)
        }
        taken = .allocate(capacity: capacity)
        pushed = CacheLine.allocate(0)
        spare = CacheLine.allocate(1)
    }

    deinit {
        nodes.deinitialize(count: capacity)
        nodes.deallocate()
        taken.deallocate()
        CacheLine.free(pushed)
        CacheLine.free(spare)
    }

    /// Items pushed and not yet taken.
    @usableFromInline
    var count: Int { Int(pushed.pointee.load(ordering: .sequentiallyConsistent) >> 32) }

    /// False when full.
    @usableFromInline
    func push(_ item: UnsafeMutableRawPointer) -> Bool {
        let name = takeSpare()
        guard name != 0 else { return false }
        let node = nodes + Int(name - 1)
        node.pointee.item = item
        var head = pushed.pointee.load(ordering: .relaxed)
        while true {
            node.pointee.next.store(UInt32(truncatingIfNeeded: head), ordering: .relaxed)
            let desired = ((head >> 32) + 1) << 32 | UInt64(name)
            // Sequentially consistent for WakeUp's sake: the push must precede the look at the sleeper's announcement.
            let (done, seen) = pushed.pointee.weakCompareExchange(
                expected: head, desired: desired, successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if done { return true }
            head = seen
        }
    }

    /// Takes everything. The items, oldest first, are valid until the next call; consumer only.
    @usableFromInline
    func takeAll() -> UnsafeMutableBufferPointer<UnsafeMutableRawPointer> {
        // The look before the exchange keeps the cache line shared while there is nothing to take.
        guard pushed.pointee.load(ordering: .sequentiallyConsistent) != 0 else { return .init(start: taken, count: 0) }
        let head = pushed.pointee.exchange(0, ordering: .sequentiallyConsistent)
        let count = Int(head >> 32)
        let first = UInt32(truncatingIfNeeded: head)
        var name = first
        var last = first
        var position = count
        while name != 0 {
            position -= 1
            let node = nodes + Int(name - 1)
            taken[position] = node.pointee.item!
            last = name
            name = node.pointee.next.load(ordering: .relaxed)
        }
        precondition(position == 0, "the queue's chain and its count disagree")
        giveSpares(first: first, last: last)
        return .init(start: taken, count: count)
    }

    private func takeSpare() -> UInt32 {
        var head = spare.pointee.load(ordering: .acquiring)
        while true {
            let name = UInt32(head & 0xffff)
            if name == 0 { return 0 }
            // Stale if another producer took the node meanwhile; then the tag has changed and the exchange fails.
            let next = nodes[Int(name - 1)].next.load(ordering: .relaxed)
            let desired = ((head >> 16) &+ 1) << 16 | UInt64(next & 0xffff)
            let (done, seen) = spare.pointee.weakCompareExchange(
                expected: head, desired: desired, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
            if done { return name }
            head = seen
        }
    }

    /// Splices a chain of nodes back with one exchange.
    private func giveSpares(first: UInt32, last: UInt32) {
        var head = spare.pointee.load(ordering: .relaxed)
        while true {
            nodes[Int(last - 1)].next.store(UInt32(head & 0xffff), ordering: .relaxed)
            let desired = ((head >> 16) &+ 1) << 16 | UInt64(first)
            let (done, seen) = spare.pointee.weakCompareExchange(
                expected: head, desired: desired, successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if done { return }
            head = seen
        }
    }
}
