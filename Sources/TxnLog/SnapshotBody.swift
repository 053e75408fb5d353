#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The body of a snapshot file, as Apache's leader sends it to a learner: everything between the file's header and its
/// first seal, that is sessions, ACL table, nodes and the path "/".
///
/// The file is checked while it is read: the body must be well-formed, and its seal right, before its end is handed
/// out. So a damaged file costs a broken transfer, never a wrong copy, and opening costs no reading of its own.
/// Holds one open file, so that the file may be purged meanwhile. One owner.
public final class SnapshotBody {
    /// The last transaction that the snapshot is sure to contain.
    public let zxid: Int64
    public let path: String
    /// What is wrong with the file, known at the latest when `read` fails.
    public private(set) var damage: SnapshotError?
    public private(set) var isClosed = false

    private let file: any DiskFile
    private let parser: SnapshotBodyParser
    private var checksum = RunningChecksum()
    private var offset = FileHeader.size
    /// The reader may be a thread that others wait for.
    private var ahead = ReadAhead(bytes: 512 << 10)

    /// Opens the newest snapshot that looks whole.
    ///
    /// - Parameters:
    ///   - directory: the `version-2` directory of the snapshots.
    ///   - excluding: paths of files known to be damaged.
    /// - Returns: nil when there is none.
    public static func openNewest(
        disk: any Disk, directory: String, excluding: Set<String> = []
    ) throws(DiskError) -> SnapshotBody? {
        for file in try DataFile.snapshots(disk, directory) {
            guard file.compression == .none, !excluding.contains(file.path) else { continue }
            do throws(SnapshotError) {
                return try SnapshotBody(disk: disk, path: file.path, zxid: file.zxid)
            } catch {
                // Purged since it was listed, or not whole: the next older one will do.
                if case .disk(let failure) = error, !failure.isMissing { throw failure }
            }
        }
        return nil
    }

    init(disk: any Disk, path: String, zxid: Int64) throws(SnapshotError) {
        self.path = path
        self.zxid = zxid
        parser = SnapshotBodyParser(zxid: zxid, visitor: nil, maximumRecordBytes: .max)
        try SnapshotReader(disk: disk, path: path, zxid: zxid).checkEnd()
        do throws(DiskError) { file = try disk.open(path, .read) } catch { throw .disk(error) }
        let header = UnsafeMutableRawBufferPointer.allocate(byteCount: FileHeader.size, alignment: 8)
        defer { header.deallocate() }
        do throws(DiskError) { _ = try file.read(into: header, at: 0) } catch { throw .disk(error) }
        checksum.add(UnsafeRawBufferPointer(header))
        guard FileHeader(from: UnsafeRawPointer(header.baseAddress!)).magic == FileHeader.snapshotMagic else {
            throw .badMagic(path: path)
        }
    }

    /// Bytes handed out so far.
    public var bytesRead: Int { offset - FileHeader.size }

    /// Reads the next bytes; fewer than there is room for only at the end, 0 after it. Fails with `EBADMSG` when the
    /// file is damaged; `damage` then says how.
    public func read(into bytes: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
        if damage != nil { throw DiskError(.read, path, code: EBADMSG) }
        if parser.isFinished || bytes.count == 0 { return 0 }
        let count = try file.read(into: bytes, at: offset)
        ahead.advance(to: offset + count, of: file)
        let piece = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count])
        let used: Int
        do throws(SnapshotBodyError) {
            used = try parser.feed(piece)
        } catch {
            throw fail(.malformed(path: path, offset: offset, what: "\(error)"))
        }
        checksum.add(UnsafeRawBufferPointer(rebasing: piece[..<used]))
        offset += used
        if parser.isFinished {
            guard try sealedChecksum() == UInt64(checksum.value) else { throw fail(.badChecksum(path: path)) }
        } else if count < bytes.count {
            throw fail(.malformed(path: path, offset: offset, what: "the file ends early"))
        }
        return used
    }

    public func close() {
        isClosed = true
        file.close()
    }

    /// The first seal, which covers header and body.
    private func sealedChecksum() throws(DiskError) -> UInt64 {
        let seal = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
        defer { seal.deallocate() }
        guard try file.read(into: seal, at: offset) == 8 else { return .max }
        return UInt64(bigEndian: seal.load(as: UInt64.self))
    }

    private func fail(_ error: SnapshotError) -> DiskError {
        damage = error
        return DiskError(.read, path, code: EBADMSG)
    }
}
