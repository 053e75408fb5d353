import Synchronization

/// Memory for one atomic word alone on its cache line, so that threads which touch different words do not disturb
/// each other. Such a word also has a stable address, which a futex needs.
@usableFromInline
enum CacheLine {
    /// Two lines: processors fetch them in adjacent pairs.
    static let size = 128

    /// The word lives until `free` is called with it.
    static func allocate<Value: AtomicRepresentable>(_ value: Value) -> UnsafeMutablePointer<Atomic<Value>> {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: size)
        let word = memory.bindMemory(to: Atomic<Value>.self, capacity: 1)
        word.initialize(to: Atomic(value))
        return word
    }

    static func free<Value: AtomicRepresentable>(_ word: UnsafeMutablePointer<Atomic<Value>>) {
        word.deinitialize(count: 1)
        UnsafeMutableRawPointer(word).deallocate()
    }
}
