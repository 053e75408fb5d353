import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Reads one log segment from front to back and says how it ends. One owner.
public final class LogSegmentReader {
    /// What lies at the reader's position.
    public enum Item {
        /// A whole transaction with a right checksum: header, record and digest. Valid until the next call.
        case txn(TxnHeader, UnsafeRawBufferPointer)
        /// Nothing but padding, or the file's end.
        case end
        /// Bytes that are neither a transaction nor padding.
        case damage(Damage)
    }

    /// How the bytes at a position fail to be a transaction.
    public enum Damage: String, Sendable {
        case incomplete = "the record is incomplete"
        case badLength = "the record's length is impossible"
        case noEndMark = "the record's end mark is missing"
        case badChecksum = "the record's checksum is wrong"
        case lostBytes = "bytes follow where the log should have ended"
    }

    /// What the first bytes of a segment file are.
    public enum Start: Sendable {
        case header
        /// Empty, shorter than a header, or nothing but zeros: what a crash while the file was created leaves behind.
        case blank
        case foreign
    }

    public let path: String
    /// Where the next item starts.
    public private(set) var offset = FileHeader.size
    public let start: Start
    private let window: FileWindow
    /// From here on the index wants an entry.
    private var nextIndexed = LogIndex.spacing

    public var fileSize: Int { window.fileSize }

    public init(disk: any Disk, path: String) throws(DiskError) {
        self.path = path
        window = try FileWindow(try disk.open(path, .read))
        let bytes = try window.view(at: 0, wanted: FileHeader.size)
        if bytes.count >= FileHeader.size, FileHeader(from: bytes.baseAddress!).magic == FileHeader.logMagic {
            start = .header
        } else if bytes.count < FileHeader.size {
            start = .blank
        } else {
            start = try window.firstNonZero(from: 0) == nil ? .blank : .foreign
        }
    }

    /// Looks at the file again: a segment that is being appended to has grown.
    func refresh() throws(DiskError) { try window.refresh() }

    /// Goes to where an item is known to start.
    func seek(to offset: Int) { self.offset = offset }

    /// Tells the index where the transaction just read lies, now and then.
    @inline(__always)
    func note(_ zxid: Int64, at offset: Int, segment: Int64, in index: LogIndex?) {
        guard offset >= nextIndexed, let index else { return }
        nextIndexed = offset + LogIndex.spacing
        index.note(segment: segment, zxid: zxid, offset: offset)
    }

    /// - Parameter trustsPadding: takes a length of zero for the end without reading the rest of the file.
    public func next(trustsPadding: Bool = false) throws(DiskError) -> Item {
        let prefix = try window.view(at: offset, wanted: TxnFrame.overhead)
        guard prefix.count >= TxnFrame.overhead else {
            return prefix.firstNonZeroIndex == nil ? .end : .damage(.incomplete)
        }
        let length = TxnFrame.length(prefix.baseAddress!)
        if length == 0 && trustsPadding { return .end }
        if length == 0 { return try window.firstNonZero(from: offset) == nil ? .end : .damage(.lostBytes) }
        guard length >= TxnFrame.minimumTxnSize else { return .damage(.badLength) }
        let size = length + TxnFrame.overhead
        guard size <= fileSize - offset else { return .damage(.incomplete) }
        let frame = try window.view(at: offset, wanted: size)
        guard frame.count >= size, let base = frame.baseAddress else { return .damage(.incomplete) }
        guard base.load(fromByteOffset: size - 1, as: UInt8.self) == TxnFrame.endMark else {
            return .damage(.noEndMark)
        }
        guard TxnFrame.isValid(base, length: length) else { return .damage(.badChecksum) }
        let txn = UnsafeRawBufferPointer(start: base + TxnFrame.prefixSize, count: length)
        offset += size
        return .txn(Self.header(of: txn), txn)
    }

    private static func header(of txn: UnsafeRawBufferPointer) -> TxnHeader {
        var reader = JuteReader(txn)
        guard let header = try? TxnHeader(from: &reader) else {
            preconditionFailure("a frame holds at least a header")
        }
        return header
    }

    /// A whole transaction found behind damage.
    public struct Survivor: Equatable, Sendable {
        public var offset: Int
        public var end: Int
    }

    /// The first and the last whole transaction behind the damage at `offset`, that is frames at any byte with a right
    /// checksum and a zxid above `zxid`.
    public func survivors(above zxid: Int64) throws(DiskError) -> (first: Survivor, last: Survivor)? {
        var found: (first: Survivor, last: Survivor)?
        var position = offset + 1
        while position + TxnFrame.overhead + TxnFrame.minimumTxnSize <= fileSize {
            let bytes = try window.view(at: position, wanted: TxnFrame.prefixSize)
            if let size = try survivor(at: position, bytes, above: zxid) {
                let survivor = Survivor(offset: position, end: position + size)
                found = (found?.first ?? survivor, survivor)
                position += size
            } else if bytes.count >= 8 && UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) == 0 {
                // Inside padding: a frame here could start at most a checksum's zero half before the next byte.
                guard let next = try window.firstNonZero(from: position) else { break }
                position = max(position + 1, next - TxnFrame.prefixSize)
            } else {
                position += 1
            }
        }
        return found
    }

    /// The size of the whole frame at `position`, nil when there is none.
    private func survivor(
        at position: Int, _ bytes: UnsafeRawBufferPointer, above zxid: Int64
    ) throws(DiskError) -> Int? {
        guard bytes.count >= TxnFrame.prefixSize, let prefix = bytes.baseAddress,
            prefix.loadUnaligned(as: UInt32.self) == 0
        else { return nil }
        let length = TxnFrame.length(prefix)
        let size = length + TxnFrame.overhead
        guard length >= TxnFrame.minimumTxnSize, size <= fileSize - position else { return nil }
        let frame = try window.view(at: position, wanted: size)
        guard frame.count >= size, let base = frame.baseAddress, TxnFrame.isValid(base, length: length) else {
            return nil
        }
        let txn = UnsafeRawBufferPointer(start: base + TxnFrame.prefixSize, count: length)
        return Self.header(of: txn).zxid > zxid ? size : nil
    }

    /// Whether a sector between `from` and `to` looks as if it had never been written: nothing but zeros from the
    /// sector's start, or from `from` when that lies inside it.
    func hasBlankSector(from: Int, to: Int) throws(DiskError) -> Bool {
        var position = from
        while position < to {
            let end = min((position / DiskBlock.sectorSize + 1) * DiskBlock.sectorSize, fileSize)
            let bytes = try window.view(at: position, wanted: end - position)
            let sector = UnsafeRawBufferPointer(rebasing: bytes.prefix(end - position))
            if !sector.isEmpty && sector.firstNonZeroIndex == nil { return true }
            if end <= position { break }
            position = end
        }
        return false
    }
}
