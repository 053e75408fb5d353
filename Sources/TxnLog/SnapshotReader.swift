import Jute

/// Receives a snapshot's content.
///
/// Readers are views of bytes that are gone when the call returns. A thrown error makes the snapshot unusable.
public protocol SnapshotVisitor: AnyObject {
    /// A snapshot starts: forget everything received before.
    func beginSnapshot(zxid: Int64) throws
    func session(id: Int64, timeoutMillis: Int32) throws
    /// The whole ACL table: count, then for each its number and its list. To be read to the end.
    func aclMap(_ reader: inout JuteReader) throws
    /// One node: path (empty for the root), data, ACL number, `StatPersisted`. To be read to the end.
    /// Parents come before their children.
    func node(_ reader: inout JuteReader) throws
    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) throws
}

/// Checks and reads one snapshot file. One owner.
public final class SnapshotReader {
    public let path: String
    public let zxid: Int64
    public var fileSize: Int { window.fileSize }
    private let window: FileWindow
    private var offset = 0

    public init(disk: any Disk, path: String, zxid: Int64) throws(SnapshotError) {
        self.path = path
        self.zxid = zxid
        do throws(DiskError) {
            window = try FileWindow(try disk.open(path, .read))
        } catch {
            throw .disk(error)
        }
    }

    /// Apache's quick test: the file ends with the string "/". A file that was not written to its end fails it.
    public func checkEnd() throws(SnapshotError) {
        guard fileSize >= SnapshotFormat.minimumSize else { throw .tooShort(path: path, size: fileSize) }
        let end = try view(fileSize - SnapshotFormat.endMarkSize, SnapshotFormat.endMarkSize)
        guard end.elementsEqual([0, 0, 0, 1, 0x2f]) else { throw .noEndMark(path: path) }
    }

    /// Reads the whole file and compares its last seal, which covers everything before it.
    public func validate() throws(SnapshotError) {
        try checkEnd()
        let header = try view(0, FileHeader.size)
        guard FileHeader(from: header.baseAddress!).magic == FileHeader.snapshotMagic else {
            throw .badMagic(path: path)
        }
        var checksum = RunningChecksum()
        let sealed = fileSize - SnapshotFormat.sealSize
        var position = 0
        while position < sealed {
            let bytes = try view(position, min(256 << 10, sealed - position))
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(sealed - position))
            checksum.add(piece)
            position += piece.count
        }
        let seal = try view(sealed, 8)
        guard UInt64(bigEndian: seal.loadUnaligned(as: UInt64.self)) == UInt64(checksum.value) else {
            throw .badChecksum(path: path)
        }
    }

    /// Streams the content of a validated file.
    public func read(_ visitor: any SnapshotVisitor) throws(SnapshotError) {
        try visit { try visitor.beginSnapshot(zxid: zxid) }
        offset = FileHeader.size
        try readSessions(visitor)
        try item("the ACL table", Self.skipACLMap) { reader in try visitor.aclMap(&reader) }
        while !(try readEndMark()) {
            try item("a node", Self.skipNode) { reader in try visitor.node(&reader) }
        }
        let trailer = try sections()
        try visit { try visitor.endSnapshot(zxid: zxid, trailer) }
    }

    /// What follows the tree in a validated file.
    func readTrailer() throws(SnapshotError) -> SnapshotTrailer {
        let skipper = Skipper()
        try read(skipper)
        return skipper.trailer
    }

    private final class Skipper: SnapshotVisitor {
        var trailer = SnapshotTrailer()
        func beginSnapshot(zxid: Int64) {}
        func session(id: Int64, timeoutMillis: Int32) {}
        func aclMap(_ reader: inout JuteReader) throws { try reader.skip(reader.remaining) }
        func node(_ reader: inout JuteReader) throws { try reader.skip(reader.remaining) }
        func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) { self.trailer = trailer }
    }

    private func readSessions(_ visitor: any SnapshotVisitor) throws(SnapshotError) {
        let count = Int(Int32(bigEndian: try fixed(4).loadUnaligned(as: Int32.self)))
        guard count >= 0, count <= (fileSize - offset) / SnapshotFormat.sessionSize else {
            throw malformed("\(count) sessions")
        }
        for _ in 0..<count {
            let bytes = try fixed(SnapshotFormat.sessionSize)
            let id = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
            let timeout = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
            try visit { try visitor.session(id: id, timeoutMillis: timeout) }
        }
    }

    /// Whether the path here is "/", which ends the nodes; if so, passes it.
    private func readEndMark() throws(SnapshotError) -> Bool {
        let bytes = try view(offset, SnapshotFormat.endMarkSize)
        guard bytes.count >= SnapshotFormat.endMarkSize else { throw malformed("the end mark is missing") }
        guard bytes.prefix(SnapshotFormat.endMarkSize).elementsEqual([0, 0, 0, 1, 0x2f]) else { return false }
        offset += SnapshotFormat.endMarkSize
        return true
    }

    private func sections() throws(SnapshotError) -> SnapshotTrailer {
        _ = try fixed(SnapshotFormat.sealSize)
        var trailer = SnapshotTrailer()
        let zxidSection = SnapshotFormat.zxidSize + SnapshotFormat.sealSize
        // Which sections there are is not marked: a zxid section alone is told by its size.
        if fileSize - offset > zxidSection {
            trailer.digest = try readDigest()
            _ = try fixed(SnapshotFormat.sealSize)
        }
        if fileSize - offset >= zxidSection {
            trailer.lastProcessedZxid = Int64(bigEndian: try fixed(8).loadUnaligned(as: Int64.self))
            _ = try fixed(SnapshotFormat.sealSize)
        }
        guard offset == fileSize else { throw malformed("\(fileSize - offset) bytes after the last seal") }
        return trailer
    }

    private func readDigest() throws(SnapshotError) -> SnapshotDigest {
        var digest = SnapshotDigest(zxid: Int64(bigEndian: try fixed(8).loadUnaligned(as: Int64.self)), value: 0)
        digest.version = Int32(bigEndian: try fixed(4).loadUnaligned(as: Int32.self))
        if digest.version >= 2 {
            digest.value = Int64(bigEndian: try fixed(8).loadUnaligned(as: Int64.self))
            return digest
        }
        // Servers before 3.7 write the digest as a hexadecimal string.
        let length = Int(Int32(bigEndian: try fixed(4).loadUnaligned(as: Int32.self)))
        guard (0...16).contains(length) else { throw malformed("a digest of \(length) characters") }
        let text = String(decoding: try fixed(length), as: UTF8.self)
        digest.value = UInt64(text, radix: 16).map { Int64(bitPattern: $0) } ?? 0
        return digest
    }

    /// Finds the extent of the item here, hands it out and passes it.
    private func item(
        _ name: String, _ skip: (inout JuteReader) throws(JuteError) -> Void,
        _ body: (inout JuteReader) throws -> Void
    ) throws(SnapshotError) {
        var wanted = 64 << 10
        while true {
            let bytes = try view(offset, wanted)
            var probe = JuteReader(bytes)
            do throws(JuteError) {
                try skip(&probe)
            } catch {
                let isWhole = offset + bytes.count >= fileSize
                // What is cut off by the view looks truncated, or like a length that cannot be.
                guard !isWhole, error == .truncated || error == .badLength else { throw malformed("\(name): \(error)") }
                wanted = max(wanted, bytes.count) * 2
                continue
            }
            let size = bytes.count - probe.remaining
            var reader = JuteReader(UnsafeRawBufferPointer(rebasing: bytes[0..<size]))
            try visit { try body(&reader) }
            guard reader.remaining == 0 else { throw malformed("\(name) was not read to its end") }
            offset += size
            return
        }
    }

    private static func skipNode(_ reader: inout JuteReader) throws(JuteError) {
        _ = try reader.readBuffer()
        _ = try reader.readBuffer()
        try reader.skip(SnapshotFormat.nodeTailSize)
    }

    private static func skipACLMap(_ reader: inout JuteReader) throws(JuteError) {
        for _ in 0..<max(0, try reader.readInt32()) {
            try reader.skip(8)
            for _ in 0..<(try reader.readVectorCount(minimumElementSize: 12) ?? 0) {
                try reader.skip(4)
                _ = try reader.readBuffer()
                _ = try reader.readBuffer()
            }
        }
    }

    private func visit(_ body: () throws -> Void) throws(SnapshotError) {
        do { try body() } catch {
            throw .rejected(path: path, offset: offset, why: "\(error)")
        }
    }

    private func malformed(_ what: String) -> SnapshotError { .malformed(path: path, offset: offset, what: what) }

    /// Exactly `count` bytes here; passes them.
    private func fixed(_ count: Int) throws(SnapshotError) -> UnsafeRawBufferPointer {
        let bytes = try view(offset, count)
        guard bytes.count >= count else { throw malformed("the file ends early") }
        offset += count
        return UnsafeRawBufferPointer(rebasing: bytes[0..<count])
    }

    private func view(_ offset: Int, _ wanted: Int) throws(SnapshotError) -> UnsafeRawBufferPointer {
        do throws(DiskError) { return try window.view(at: offset, wanted: wanted) } catch { throw .disk(error) }
    }
}
