/// A map from a 64-bit hash to a 32-bit index whose key lives elsewhere: the caller's closure compares.
///
/// Extendible hashing: a directory, addressed by the hash's top bits, of segments of 1,024 slots probed linearly.
/// A full segment is split in two, so growth never pauses for more than one segment (about 10 µs), however large
/// the table; only the directory, 8 bytes per segment, is ever doubled. Removal shifts back: no tombstones.
///
/// A slot is the hash's upper 32 bits and the index; index 0 marks an empty slot. Lookups may run on many threads
/// while nothing mutates; the owner excludes them while it does. The memory lives until `destroy()`.
struct HashIndex {
    private struct State {
        var directory: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
        var depth: Int
        var count: Int
        var segments: Int
    }

    private static let slotBits = 10
    private static let slotCount = 1 << slotBits
    private static let mask = slotCount - 1
    private static let headerWords = 8
    /// Entries a segment may hold before it is split.
    private static let segmentLimit = slotCount * 3 / 4
    /// Deeper than this would reuse hash bits that choose the slot.
    private static let maximumDepth = 32 - slotBits

    private let state: UnsafeMutablePointer<State>

    init() {
        state = .allocate(capacity: 1)
        let directory = UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>.allocate(capacity: 2)
        directory[0] = Self.makeSegment(depth: 1)
        directory[1] = Self.makeSegment(depth: 1)
        state.initialize(to: State(directory: directory, depth: 1, count: 0, segments: 2))
    }

    var count: Int { state.pointee.count }

    /// Bytes held by the table.
    var reservedBytes: Int {
        state.pointee.segments * (Self.slotCount + Self.headerWords) * 8 + (8 << state.pointee.depth)
    }

    func destroy() {
        forEachSegment { $0.deallocate() }
        state.pointee.directory.deallocate()
        state.deallocate()
    }

    /// A segment is its header (local depth, entries) on one cache line, then the slots.
    private static func makeSegment(depth: Int) -> UnsafeMutablePointer<UInt64> {
        let words = headerWords + slotCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: words * 8, alignment: 64)
        let segment = memory.initializeMemory(as: UInt64.self, repeating: 0, count: words)
        segment[0] = UInt64(depth)
        return segment
    }

    private func forEachSegment(_ body: (UnsafeMutablePointer<UInt64>) -> Void) {
        var position = 0
        while position < 1 << state.pointee.depth {
            let segment = state.pointee.directory[position]
            let span = 1 << (state.pointee.depth - Int(segment[0]))
            body(segment)
            position += span
        }
    }

    @inline(__always)
    private static func tag(_ hash: UInt64) -> UInt64 { hash & 0xffff_ffff_0000_0000 }

    @inline(__always)
    private static func home(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot &>> 32) & mask }

    @inline(__always)
    private func segment(_ hash: UInt64) -> UnsafeMutablePointer<UInt64> {
        state.pointee.directory[Int(truncatingIfNeeded: hash &>> UInt64(64 &- state.pointee.depth))]
    }

    /// The index whose key the closure accepts, among those with this hash.
    @inline(__always)
    func find(_ hash: UInt64, where matches: (UInt32) -> Bool) -> UInt32? {
        let slots = segment(hash) + Self.headerWords
        let tag = Self.tag(hash)
        var position = Self.home(hash)
        while true {
            let slot = slots[position]
            let index = UInt32(truncatingIfNeeded: slot)
            if index == 0 { return nil }
            if Self.tag(slot) == tag, matches(index) { return index }
            position = (position &+ 1) & Self.mask
        }
    }

    /// Adds an index. The caller knows that its key is absent.
    func insert(_ hash: UInt64, _ index: UInt32) {
        precondition(index != 0)
        var target = segment(hash)
        while Int(target[1]) >= Self.segmentLimit {
            split(target, hash)
            target = segment(hash)
        }
        Self.place(Self.tag(hash) | UInt64(index), in: target)
        state.pointee.count += 1
    }

    private static func place(_ slot: UInt64, in segment: UnsafeMutablePointer<UInt64>) {
        let slots = segment + headerWords
        var position = home(slot)
        while slots[position] != 0 { position = (position &+ 1) & mask }
        slots[position] = slot
        segment[1] += 1
    }

    /// Removes an index that is present.
    func remove(_ hash: UInt64, _ index: UInt32) {
        let target = segment(hash)
        let slots = target + Self.headerWords
        let wanted = Self.tag(hash) | UInt64(index)
        var hole = Self.home(hash)
        while slots[hole] != wanted {
            precondition(slots[hole] != 0, "hash index: removing what is not there")
            hole = (hole &+ 1) & Self.mask
        }
        // Pull back every following entry whose probe sequence passes the hole.
        var position = hole
        while true {
            position = (position &+ 1) & Self.mask
            let slot = slots[position]
            if slot == 0 { break }
            let distance = (position &- Self.home(slot)) & Self.mask
            if distance >= (position &- hole) & Self.mask {
                slots[hole] = slot
                hole = position
            }
        }
        slots[hole] = 0
        target[1] -= 1
        state.pointee.count -= 1
    }

    func removeAll() {
        forEachSegment { segment in
            (segment + Self.headerWords).update(repeating: 0, count: Self.slotCount)
            segment[1] = 0
        }
        state.pointee.count = 0
    }

    /// Splits a full segment by the next bit of the hash.
    private func split(_ old: UnsafeMutablePointer<UInt64>, _ hash: UInt64) {
        let localDepth = Int(old[0])
        precondition(localDepth < Self.maximumDepth, "hash index: too many entries")
        if localDepth == state.pointee.depth { doubleDirectory() }
        let new = Self.makeSegment(depth: localDepth + 1)
        state.pointee.segments += 1
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.slotCount) { entries in
            let slots = old + Self.headerWords
            var count = 0
            for position in 0..<Self.slotCount where slots[position] != 0 {
                entries[count] = slots[position]
                count += 1
            }
            slots.update(repeating: 0, count: Self.slotCount)
            old[0] = UInt64(localDepth + 1)
            old[1] = 0
            let bit = UInt64(1) << UInt64(63 - localDepth)
            for entry in entries[0..<count] { Self.place(entry, in: entry & bit == 0 ? old : new) }
        }
        let depth = state.pointee.depth
        let span = 1 << (depth - localDepth)
        let start = Int(truncatingIfNeeded: hash >> UInt64(64 - localDepth)) * span
        for position in (start + span / 2)..<(start + span) { state.pointee.directory[position] = new }
    }

    private func doubleDirectory() {
        let depth = state.pointee.depth
        let old = state.pointee.directory
        let new = UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>.allocate(capacity: 2 << depth)
        for position in 0..<(1 << depth) {
            new[2 * position] = old[position]
            new[2 * position + 1] = old[position]
        }
        old.deallocate()
        state.pointee.directory = new
        state.pointee.depth = depth + 1
    }
}
