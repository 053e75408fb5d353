import CDeflate

/// Keeps a server's epochs on the disk: Corral's own record, written atomically, and beside it the two files that an
/// Apache server reads, so that either server may go on in the other's directory.
///
/// The own record is written first. A crash before Apache's files follow leaves them behind it; an Apache server that
/// ran here meanwhile leaves them ahead. Both numbers only ever rise, so the greater of the two is right in both
/// cases, and no crash between two files stops a start (ZOOKEEPER-1653).
///
/// Used by one thread at a time. Marked sendable so that it can be created on one thread and handed to another.
public final class EpochStore: @unchecked Sendable {
    /// What is promised. Valid after `reconcile`; before, as far as the files say.
    public private(set) var record: EpochRecord

    private let disk: any Disk
    private let directory: String
    private let notify: (EpochNotice) -> Void
    /// What the files hold, nil where they do not exist or are not known.
    private var ownRecord: EpochRecord?
    private var apacheAccepted: Int64?
    private var apacheCurrent: Int64?
    private var isReconciled = false

    /// Reads the files; changes nothing.
    ///
    /// - Parameter directory: the `version-2` directory of the snapshots, where Apache keeps its files too.
    public init(
        disk: any Disk, directory: String, notify: @escaping (EpochNotice) -> Void = { _ in }
    ) throws(EpochError) {
        self.disk = disk
        self.directory = directory
        self.notify = notify
        let files = Files(disk: disk, directory: directory)
        apacheAccepted = try files.readNumber(DataFileName.acceptedEpoch)
        apacheCurrent = try files.readNumber(DataFileName.currentEpoch)
        switch try files.readRecord() {
        case .missing: break
        case .whole(let found): ownRecord = found
        case .damaged(let path, let why):
            for (name, value) in [
                (DataFileName.acceptedEpoch, apacheAccepted), (DataFileName.currentEpoch, apacheCurrent),
            ] where value == nil {
                throw .damaged(path: path, why: why, missing: directory + "/" + name)
            }
            notify(.ignoredDamagedRecord(path: path, why: why))
        }
        let own = ownRecord ?? EpochRecord()
        record = EpochRecord(
            accepted: max(own.accepted, apacheAccepted ?? 0), current: max(own.current, apacheCurrent ?? 0),
            committedZxid: own.committedZxid)
        if ownRecord != nil, record != own { notify(.adopted(record, insteadOf: own)) }
    }

    /// Brings the record in step with the database and all files in step with the record. To be called once, after
    /// recovery. Durable on return.
    ///
    /// - Parameter lastZxid: the last transaction that recovery found. Its epoch's leader sent it, and everything
    ///   before it came from the same history: an epoch below that one is raised, as Apache does when its files are
    ///   missing or half written.
    @discardableResult
    public func reconcile(lastZxid: Int64) throws(DiskError) -> EpochRecord {
        let epoch = lastZxid >> 32 & 0xffff_ffff
        // A server without an ensemble, which counts in epoch 0, has acknowledged all it has; what an old member's log
        // ends with may never have been committed.
        if ownRecord == nil, apacheAccepted == nil, apacheCurrent == nil, epoch == 0 { record.committedZxid = lastZxid }
        if record.current < epoch {
            // Without files of its own the directory comes from a server without an ensemble, or from an old one.
            notify(.raisedCurrent(from: record.current, to: epoch, lastZxid: lastZxid))
            record.current = epoch
        }
        if record.accepted < record.current {
            // A promise for more is always safe: at worst the next leader must take a higher epoch.
            if ownRecord != nil || apacheAccepted != nil {
                notify(.raisedAccepted(from: record.accepted, to: record.current))
            }
            record.accepted = record.current
        }
        isReconciled = true
        try write()
        let leftovers = [DataFileName.acceptedEpoch, DataFileName.currentEpoch, DataFileName.epochRecord].map {
            $0 + DataFileName.temporarySuffix
        }
        for name in leftovers + [DataFileName.updatingEpoch] {
            let path = directory + "/" + name
            if try disk.size(of: path) != nil { try disk.unlink(path) }
        }
        return record
    }

    /// Stores a record; durable on return. Epochs never fall.
    public func store(_ new: EpochRecord) throws(DiskError) {
        precondition(isReconciled, "the record is not known yet")
        precondition(new.accepted >= new.current, "an epoch that was never accepted")
        precondition(new.accepted >= record.accepted && new.current >= record.current, "an epoch falls")
        record = new
        try write()
    }

    /// Writes those files that differ from the record: contents first, then the names, own record first, and Apache's
    /// accepted epoch before its current one, which must not be greater.
    private func write() throws(DiskError) {
        let files = Files(disk: disk, directory: directory)
        var names: [String] = []
        if ownRecord != record {
            try files.write(DataFileName.epochRecord, Files.encode(record))
            names.append(DataFileName.epochRecord)
        }
        if apacheAccepted != record.accepted {
            try files.write(DataFileName.acceptedEpoch, Array(String(record.accepted).utf8))
            names.append(DataFileName.acceptedEpoch)
        }
        if apacheCurrent != record.current {
            try files.write(DataFileName.currentEpoch, Array(String(record.current).utf8))
            names.append(DataFileName.currentEpoch)
        }
        guard !names.isEmpty else { return }
        for name in names {
            let path = directory + "/" + name
            try disk.rename(path + DataFileName.temporarySuffix, to: path)
        }
        try disk.syncDirectory(directory)
        (ownRecord, apacheAccepted, apacheCurrent) = (record, record.accepted, record.current)
    }

    /// The files' forms.
    private struct Files {
        let disk: any Disk
        let directory: String

        enum Found {
            case missing
            case whole(EpochRecord)
            case damaged(path: String, why: String)
        }

        /// "ZKEP"
        private static let magic: Int64 = 0x5a4b_4550
        private static let version: Int64 = 1
        /// Magic and version in one word, three numbers, a CRC-32 in the low half of the last word; big-endian.
        private static let size = 40

        static func encode(_ record: EpochRecord) -> [UInt8] {
            var words = [magic << 32 | version, record.accepted, record.current, record.committedZxid].map(\.bigEndian)
            words.append(words.withUnsafeBytes { Int64(checksum($0)).bigEndian })
            return words.withUnsafeBytes { [UInt8]($0) }
        }

        private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
            libdeflate_crc32(0, bytes.baseAddress, bytes.count)
        }

        func readRecord() throws(EpochError) -> Found {
            guard let (path, bytes) = try read(DataFileName.epochRecord) else { return .missing }
            guard bytes.count == Self.size else { return .damaged(path: path, why: "\(bytes.count) bytes") }
            return bytes.withUnsafeBytes { raw in
                let words = (0..<5).map { Int64(bigEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
                guard words[4] == Int64(Self.checksum(UnsafeRawBufferPointer(rebasing: raw[..<32]))) else {
                    return .damaged(path: path, why: "its checksum is wrong")
                }
                guard words[0] == Self.magic << 32 | Self.version else {
                    return .damaged(path: path, why: "another version wrote it")
                }
                return .whole(EpochRecord(accepted: words[1], current: words[2], committedZxid: words[3]))
            }
        }

        /// A number as Apache reads it: the first line, in decimal.
        func readNumber(_ name: String) throws(EpochError) -> Int64? {
            guard let (path, bytes) = try read(name) else { return nil }
            let line = bytes.prefix { $0 != 0x0a && $0 != 0x0d }
            let text = String(decoding: line, as: UTF8.self)
            guard let value = Int64(text), (0...0xffff_ffff).contains(value) else {
                throw .notANumber(path: path, text: String(text.prefix(40)))
            }
            return value
        }

        private func read(_ name: String) throws(EpochError) -> (path: String, bytes: [UInt8])? {
            let path = directory + "/" + name
            do throws(DiskError) {
                guard try disk.size(of: path) != nil else { return nil }
                let file = try disk.open(path, .read)
                defer { file.close() }
                let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
                defer { memory.deallocate() }
                let count = try file.read(into: memory, at: 0)
                return (path, [UInt8](memory[..<count]))
            } catch {
                throw .disk(error)
            }
        }

        /// Makes the content durable under the temporary name.
        func write(_ name: String, _ bytes: [UInt8]) throws(DiskError) {
            let file = try disk.open(directory + "/" + name + DataFileName.temporarySuffix, .create)
            defer { file.close() }
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
            defer { copy.deallocate() }
            copy.copyBytes(from: bytes)
            try file.write(UnsafeRawBufferPointer(copy), at: 0)
            try file.sync()
        }
    }
}

/// Why a server's epochs cannot be known: it must not vote. The description names the file and what to do.
public enum EpochError: Error, Equatable, Sendable, CustomStringConvertible {
    case disk(DiskError)
    /// One of Apache's epoch files holds something else.
    case notANumber(path: String, text: String)
    /// Corral's record is damaged, and Apache's files, which would do, are not both there.
    case damaged(path: String, why: String, missing: String)

    public var description: String {
        switch self {
        case .disk(let error):
            "\(error)"
        case .notANumber(let path, let text):
            "\(path) should hold an epoch in decimal, but holds \"\(text)\". The server cannot know what it has "
                + "promised to earlier leaders. Restore the file, or empty this server's data directories so that it "
                + "copies the data from its ensemble"
        case .damaged(let path, let why, let missing):
            "\(path) is damaged (\(why)), and \(missing), which could stand in for it, is missing. The server cannot "
                + "know what it has promised to earlier leaders. Restore one of the files, or empty this server's "
                + "data directories so that it copies the data from its ensemble"
        }
    }
}

/// Something about the epochs that is worth one line in the server's log.
public enum EpochNotice: Equatable, Sendable, CustomStringConvertible {
    /// Apache's files say more than Corral's record: an Apache server ran here.
    case adopted(EpochRecord, insteadOf: EpochRecord)
    case ignoredDamagedRecord(path: String, why: String)
    case raisedCurrent(from: Int64, to: Int64, lastZxid: Int64)
    case raisedAccepted(from: Int64, to: Int64)

    public var description: String {
        switch self {
        case .adopted(let found, let own):
            "The epoch files of an Apache server say accepted \(found.accepted) and current \(found.current), more "
                + "than accepted \(own.accepted) and current \(own.current) here: taking theirs"
        case .ignoredDamagedRecord(let path, let why):
            "\(path) is damaged (\(why)): taking the epochs from acceptedEpoch and currentEpoch"
        case .raisedCurrent(let from, let to, let zxid):
            "Current epoch \(from) is below that of the last transaction 0x\(DataFileName.hexadecimal(zxid)): "
                + "raised to \(to)"
        case .raisedAccepted(let from, let to):
            "Accepted epoch \(from) is below the current one: raised to \(to)"
        }
    }
}
