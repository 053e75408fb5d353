import Synchronization

/// What may be on a disk after a power failure, for every moment of a recorded run.
///
/// A write that is not durable may be lost, kept, or torn: any of its 512-byte sectors may be missing, and a missing
/// sector holds what was there before. Creations, renames and removals in one directory reach the disk in order (those
/// in different ones, which may be different disks, do not), but only a sync of the directory makes sure of them. The
/// change under way when the power fails is treated as not durable.
public struct CrashModel: Sendable {
    /// What happens to changes that are not durable.
    public enum Fate: Sendable {
        case lost
        case kept
        /// Each sector, each truncation and the last of the names by the throw of a die.
        case torn(seed: UInt64)
    }

    private let changes: [MemoryDisk.Change]
    /// The changes that have returned.
    public private(set) var position = 0

    /// Contents as far as they are durable.
    private var contents: [[UInt8]]
    private var names: [String: Int]
    private var directories: Set<String>
    /// Writes and truncations not yet durable, per file.
    private var pending: [Int: [MemoryDisk.Change]] = [:]
    private var pendingNames: [MemoryDisk.Change] = []

    /// - Parameters:
    ///   - start: the disk before the first of the changes, entirely durable.
    public init(from start: MemoryDisk, changes: [MemoryDisk.Change]) {
        self.changes = changes
        (contents, names, directories) = start.state.withLock { ($0.contents, $0.names, $0.directories) }
    }

    /// An independent copy of a disk as it is now, to crash later.
    public static func copy(of disk: MemoryDisk) -> MemoryDisk {
        let (contents, names, directories) = disk.state.withLock { ($0.contents, $0.names, $0.directories) }
        return make(contents, names, directories)
    }

    private static func make(_ contents: [[UInt8]], _ names: [String: Int], _ directories: Set<String>) -> MemoryDisk {
        var state = MemoryDisk.State()
        state.contents = contents
        state.names = names
        state.directories = directories
        return MemoryDisk(state, supportsDirect: true)
    }

    public var isAtEnd: Bool { position >= changes.count }

    /// Lets the next change return.
    public mutating func advance() {
        let change = changes[position]
        position += 1
        switch change {
        case .write(let file, let offset, let bytes, isDurable: true):
            contents[file].overwrite(bytes[...], at: offset)
        case .write(let file, _, _, isDurable: false), .truncate(let file, _):
            pending[file, default: []].append(change)
        case .sync(let file):
            for change in pending.removeValue(forKey: file) ?? [] { Self.apply(change, &contents[file]) }
        case .create(_, let file):
            while contents.count <= file { contents.append([]) }
            pendingNames.append(change)
        case .rename, .unlink:
            pendingNames.append(change)
        case .syncDirectory(let path):
            for change in pendingNames where Self.directory(of: change) == path[...] { Self.apply(change, &names) }
            pendingNames.removeAll { Self.directory(of: $0) == path[...] }
        }
    }

    /// A disk as a crash at this moment may leave it.
    public func crash(_ fate: Fate) -> MemoryDisk {
        var contents = contents
        var names = names
        var pending = pending
        var pendingNames = pendingNames
        if !isAtEnd {
            switch changes[position] {
            case .write(let file, _, _, _), .truncate(let file, _): pending[file, default: []].append(changes[position])
            case .create(_, let file):
                while contents.count <= file { contents.append([]) }
                pendingNames.append(changes[position])
            case .rename, .unlink: pendingNames.append(changes[position])
            case .sync, .syncDirectory: break
            }
        }
        switch fate {
        case .lost: break
        case .kept:
            for (file, list) in pending { for change in list { Self.apply(change, &contents[file]) } }
            for change in pendingNames { Self.apply(change, &names) }
        case .torn(let seed):
            var die = SplitMix(seed: seed)
            for file in pending.keys.sorted() {
                for change in pending[file]! { Self.tear(change, &contents[file], &die) }
            }
            for directory in Set(pendingNames.map(Self.directory)).sorted() {
                let changes = pendingNames.filter { Self.directory(of: $0) == directory }
                let kept = Int.random(in: 0...changes.count, using: &die)
                for change in changes.prefix(kept) { Self.apply(change, &names) }
            }
        }
        return Self.make(contents, names, directories)
    }

    /// Where a change of names happens; renames stay within a directory.
    private static func directory(of change: MemoryDisk.Change) -> Substring {
        switch change {
        case .create(let path, _), .rename(let path, _), .unlink(let path):
            path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        default: preconditionFailure("not a change of names")
        }
    }

    private static func apply(_ change: MemoryDisk.Change, _ content: inout [UInt8]) {
        switch change {
        case .write(_, let offset, let bytes, _): content.overwrite(bytes[...], at: offset)
        case .truncate(_, let size): content.resize(to: size)
        default: preconditionFailure("not a change of content")
        }
    }

    private static func apply(_ change: MemoryDisk.Change, _ names: inout [String: Int]) {
        switch change {
        case .create(let path, let file): names[path] = file
        case .rename(let path, let target):
            if let file = names.removeValue(forKey: path) { names[target] = file }
        case .unlink(let path): names[path] = nil
        default: preconditionFailure("not a change of names")
        }
    }

    private static func tear(_ change: MemoryDisk.Change, _ content: inout [UInt8], _ die: inout SplitMix) {
        guard case .write(_, let offset, let bytes, _) = change else {
            if Bool.random(using: &die) { apply(change, &content) }
            return
        }
        // The size may have grown although the data behind it are lost.
        if Bool.random(using: &die) && content.count < offset + bytes.count { content.resize(to: offset + bytes.count) }
        var position = offset
        let end = offset + bytes.count
        while position < end {
            let sectorEnd = min(end, (position / DiskBlock.sectorSize + 1) * DiskBlock.sectorSize)
            if Bool.random(using: &die) {
                content.overwrite(bytes[position - offset..<sectorEnd - offset], at: position)
            }
            position = sectorEnd
        }
    }
}

/// A small, seeded random generator (splitmix64).
public struct SplitMix: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
