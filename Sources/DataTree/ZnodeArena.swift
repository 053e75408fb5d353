#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// All znode records, in chunks of 4,096 that never move. Index 0 is never a znode.
///
/// Lookups may run on many threads while nothing mutates; the owner excludes them while it does.
/// The memory lives until `destroy()`.
struct ZnodeArena {
    private struct State {
        /// Records handed out at least once, index 0 included.
        var used: UInt32 = 1
        /// Head of the list of released records, linked by `nextSibling`.
        var free: NodeIndex = 0
        var live = 0
    }

    private static let chunkBits: UInt32 = 12
    private static let chunkSize = 1 << 12
    /// 268 million znodes. The table of chunks is zero pages until it is used.
    private static let maximumChunks = 1 << 16

    private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Znode>?>
    private let state: UnsafeMutablePointer<State>

    init() {
        precondition(MemoryLayout<Znode>.stride == 64)
        let table = calloc(Self.maximumChunks, MemoryLayout<UnsafeMutablePointer<Znode>?>.stride)!
        chunks = table.bindMemory(to: UnsafeMutablePointer<Znode>?.self, capacity: Self.maximumChunks)
        chunks[0] = Self.makeChunk()
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    private static func makeChunk() -> UnsafeMutablePointer<Znode> {
        let bytes = chunkSize * MemoryLayout<Znode>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        memset(memory, 0, bytes)
        return memory.bindMemory(to: Znode.self, capacity: chunkSize)
    }

    func destroy() {
        removeAll()
        for position in 0..<Self.maximumChunks {
            guard let chunk = chunks[position] else { break }
            UnsafeMutableRawPointer(chunk).deallocate()
        }
        free(chunks)
        state.deallocate()
    }

    /// Znodes now in the arena.
    var count: Int { state.pointee.live }

    /// Bytes held by the chunks.
    var reservedBytes: Int {
        ((Int(state.pointee.used) + Self.chunkSize - 1) >> Int(Self.chunkBits)) * Self.chunkSize
            * MemoryLayout<Znode>.stride
    }

    @inline(__always)
    subscript(index: NodeIndex) -> UnsafeMutablePointer<Znode> {
        chunks[Int(index &>> Self.chunkBits)].unsafelyUnwrapped + Int(index & UInt32(Self.chunkSize &- 1))
    }

    /// A zeroed record; the caller fills its block.
    func allocate() -> NodeIndex {
        state.pointee.live += 1
        let recycled = state.pointee.free
        if recycled != 0 {
            let node = self[recycled]
            state.pointee.free = node.pointee.nextSibling
            node.pointee.nextSibling = 0
            return recycled
        }
        let index = state.pointee.used
        let chunk = Int(index >> Self.chunkBits)
        precondition(chunk < Self.maximumChunks, "the arena is full: 268 million znodes")
        if chunks[chunk] == nil { chunks[chunk] = Self.makeChunk() }
        state.pointee.used += 1
        return index
    }

    func release(_ index: NodeIndex) {
        let node = self[index]
        free(node.pointee.block)
        memset(node, 0, MemoryLayout<Znode>.stride)
        node.pointee.nextSibling = state.pointee.free
        state.pointee.free = index
        state.pointee.live -= 1
    }

    /// Releases every znode, keeps the chunks.
    func removeAll() {
        for index in 1..<max(1, state.pointee.used) {
            let node = self[index]
            free(node.pointee.block)
            memset(node, 0, MemoryLayout<Znode>.stride)
        }
        state.pointee = State()
    }
}
