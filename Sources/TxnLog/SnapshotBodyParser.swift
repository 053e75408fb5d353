import Jute

/// Takes a snapshot's body apart as it arrives, in pieces of any size.
///
/// A body is what a snapshot file holds between its header and its first seal, and what a leader sends after its SNAP
/// packet: the sessions (count, then id and timeout of each), the ACL table, the nodes (path and record), the path "/".
/// What follows it in the same stream is not the parser's: `feed` says how many bytes were the body's.
///
/// Keeps only the record that is cut off by the end of a piece; grows with bytes that came, never with a length that
/// was claimed. One owner.
public final class SnapshotBodyParser {
    /// Whether the body has ended.
    public private(set) var isFinished = false
    /// Bytes of the body so far.
    public private(set) var bytesRead = 0
    public private(set) var nodesRead = 0

    private let zxid: Int64
    private let visitor: (any SnapshotVisitor)?
    private let maximumRecordBytes: Int
    private var stage = Stage.sessionCount
    /// The start of a record whose rest has not come yet.
    private var carry = WireBuffer()
    private var aclTable = ACLTableExtent()

    private enum Stage {
        case sessionCount
        case sessions(left: Int32)
        case aclTable
        case nodes
    }

    /// Most memory that one record may take: a node with path and data, or the ACL table.
    public static let defaultMaximumRecordBytes = 64 << 20

    /// - Parameters:
    ///   - zxid: handed to the visitor with the begin and the end.
    ///   - visitor: receives whole records; nil to find the body's end only.
    ///   - maximumRecordBytes: a larger record is refused.
    public init(
        zxid: Int64, visitor: (any SnapshotVisitor)?, maximumRecordBytes: Int = defaultMaximumRecordBytes
    ) {
        self.zxid = zxid
        self.visitor = visitor
        self.maximumRecordBytes = maximumRecordBytes
    }

    /// Takes the next piece of the stream.
    ///
    /// - Returns: how many of the bytes are the body's: all of them unless the body ended among them.
    public func feed(_ bytes: UnsafeRawBufferPointer) throws(SnapshotBodyError) -> Int {
        precondition(!isFinished, "the body has ended")
        if bytesRead == 0 && carry.isEmpty && bytes.count > 0 {
            try visit { try visitor?.beginSnapshot(zxid: zxid) }
        }
        var rest = bytes
        while !isFinished {
            if !carry.isEmpty {
                guard try completeCarried(&rest) else { break }
                continue
            }
            switch try extent(of: rest) {
            case .whole(let size):
                try deliver(UnsafeRawBufferPointer(rebasing: rest[..<size]))
                rest = UnsafeRawBufferPointer(rebasing: rest[size...])
                continue
            case .needs:
                carry.append(raw: rest)
                rest = UnsafeRawBufferPointer(rebasing: rest[rest.count...])
            }
            break
        }
        return bytes.count - rest.count
    }

    /// Adds to the carried record what it lacks, and delivers it when it is whole.
    ///
    /// - Returns: false when the piece is used up.
    private func completeCarried(_ rest: inout UnsafeRawBufferPointer) throws(SnapshotBodyError) -> Bool {
        while true {
            switch try extent(of: carry.bytes) {
            case .whole(let size):
                precondition(size == carry.count, "only what is needed is added")
                try deliver(carry.bytes)
                carry.removeAll()
                // One large node should not hold its memory for the rest of the stream.
                if carry.capacity > 1 << 20 { carry.release() }
                return true
            case .needs(let total):
                let count = min(total - carry.count, rest.count)
                guard count > 0 else { return false }
                carry.append(raw: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private enum Extent {
        case whole(Int)
        /// More bytes than there are: at least this many in all.
        case needs(Int)
    }

    /// How far the record at the start of `bytes` goes.
    private func extent(of bytes: UnsafeRawBufferPointer) throws(SnapshotBodyError) -> Extent {
        let needed: Int
        switch stage {
        case .sessionCount: needed = 4
        case .sessions: needed = SnapshotFormat.sessionSize
        case .aclTable: needed = try aclTable.advance(over: bytes, fail: malformed)
        case .nodes: needed = try nodeSize(bytes)
        }
        guard needed <= maximumRecordBytes else {
            throw .tooLarge(offset: bytesRead, bytes: needed, limit: maximumRecordBytes)
        }
        return needed <= bytes.count ? .whole(needed) : .needs(needed)
    }

    /// The bytes that the node here takes, or the least it can take as far as it is there.
    private func nodeSize(_ bytes: UnsafeRawBufferPointer) throws(SnapshotBodyError) -> Int {
        guard bytes.count >= 4 else { return 4 }
        let pathLength = Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        guard pathLength >= 0 else { throw malformed("a path of \(pathLength) bytes") }
        let dataStart = 4 + pathLength
        guard bytes.count >= dataStart else { return dataStart }
        if pathLength == 1, bytes[4] == UInt8(ascii: "/") { return dataStart }
        guard bytes.count >= dataStart + 4 else { return dataStart + 4 }
        let dataLength = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: dataStart, as: Int32.self)))
        guard dataLength >= -1 else { throw malformed("data of \(dataLength) bytes") }
        return dataStart + 4 + max(0, dataLength) + SnapshotFormat.nodeTailSize
    }

    /// Hands a whole record out and passes it.
    private func deliver(_ bytes: UnsafeRawBufferPointer) throws(SnapshotBodyError) {
        switch stage {
        case .sessionCount:
            let count = Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))
            guard count >= 0 else { throw malformed("\(count) sessions") }
            stage = count > 0 ? .sessions(left: count) : .aclTable
        case .sessions(let left):
            let id = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
            let timeout = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
            try visit { try visitor?.session(id: id, timeoutMillis: timeout) }
            stage = left > 1 ? .sessions(left: left - 1) : .aclTable
        case .aclTable:
            try record("the ACL table", bytes) { reader in try visitor?.aclMap(&reader) }
            stage = .nodes
        case .nodes:
            if bytes.count == SnapshotFormat.endMarkSize {
                isFinished = true
                try visit { try visitor?.endSnapshot(zxid: zxid, SnapshotTrailer()) }
            } else {
                try record("a node", bytes) { reader in try visitor?.node(&reader) }
                nodesRead += 1
            }
        }
        bytesRead += bytes.count
    }

    private func record(
        _ name: String, _ bytes: UnsafeRawBufferPointer, _ body: (inout JuteReader) throws -> Void
    ) throws(SnapshotBodyError) {
        guard visitor != nil else { return }
        var reader = JuteReader(bytes)
        try visit { try body(&reader) }
        guard reader.remaining == 0 else { throw malformed("\(name) was not read to its end") }
    }

    private func visit(_ body: () throws -> Void) throws(SnapshotBodyError) {
        do { try body() } catch {
            throw .rejected(offset: bytesRead, why: "\(error)")
        }
    }

    private func malformed(_ what: String) -> SnapshotBodyError { .malformed(offset: bytesRead, what: what) }
}

/// How far an ACL table goes, found without going over its start again when more of it comes.
private struct ACLTableExtent {
    /// Bytes known to belong to the table.
    private var checked = 0
    private var step = Step.count
    private var entriesLeft: Int32 = 0
    private var listLeft: Int32 = 0

    private enum Step {
        /// The number of entries.
        case count
        /// An entry's number and the length of its list.
        case entry
        /// Permissions and the scheme's length.
        case scheme
        /// The rest of the scheme, and the length of the id.
        case idLength(scheme: Int)
        case id(length: Int)
        case done
    }

    /// The bytes the table takes, or the least it can take as far as it is there. `bytes` start where they did before.
    mutating func advance(
        over bytes: UnsafeRawBufferPointer, fail: (String) -> SnapshotBodyError
    ) throws(SnapshotBodyError) -> Int {
        while true {
            let size: Int
            switch step {
            case .count: size = 4
            case .entry: size = 12
            case .scheme: size = 8
            case .idLength(let scheme): size = scheme + 4
            case .id(let length): size = length
            case .done: return checked
            }
            guard bytes.count - checked >= size else { return checked + size }
            checked += size
            // Every step but the last of an ACL ends with a count or a length.
            let last =
                size < 4 ? 0 : Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: checked - 4, as: Int32.self))
            switch step {
            case .count:
                entriesLeft = max(0, last)
                step = entriesLeft > 0 ? .entry : .done
            case .entry:
                entriesLeft -= 1
                // A list of -1 is null, and as good as empty.
                guard last >= -1 else { throw fail("an ACL of \(last) entries") }
                listLeft = last
                nextInList()
            case .scheme:
                guard last >= -1 else { throw fail("an ACL scheme of \(last) bytes") }
                step = .idLength(scheme: max(0, Int(last)))
            case .idLength:
                guard last >= -1 else { throw fail("an ACL id of \(last) bytes") }
                step = .id(length: max(0, Int(last)))
            case .id:
                listLeft -= 1
                nextInList()
            case .done: break
            }
        }
    }

    private mutating func nextInList() {
        step = listLeft > 0 ? .scheme : entriesLeft > 0 ? .entry : .done
    }
}

/// Why bytes are no snapshot's body.
public enum SnapshotBodyError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed(offset: Int, what: String)
    /// A record that is, or claims to be, larger than the limit.
    case tooLarge(offset: Int, bytes: Int, limit: Int)
    /// The reader of the content refused it.
    case rejected(offset: Int, why: String)

    public var description: String {
        switch self {
        case .malformed(let offset, let what):
            "the snapshot received is malformed at byte \(offset): \(what)"
        case .tooLarge(let offset, let bytes, let limit):
            "the snapshot received has a record of at least \(bytes) bytes at byte \(offset), more than \(limit)"
        case .rejected(let offset, let why):
            "the snapshot received cannot be loaded, at byte \(offset): \(why)"
        }
    }
}
