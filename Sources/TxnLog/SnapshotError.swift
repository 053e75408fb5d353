/// Why a file is no usable snapshot. Recovery then tries the next older one.
public enum SnapshotError: Error, Equatable, Sendable, CustomStringConvertible {
    case disk(DiskError)
    case tooShort(path: String, size: Int)
    case noEndMark(path: String)
    case badMagic(path: String)
    case badChecksum(path: String)
    /// The bytes are those written (the checksum is right) but are not a snapshot's.
    case malformed(path: String, offset: Int, what: String)
    /// Compressed by a method that this build does not read.
    case compressed(path: String, method: String)
    /// The reader of the content refused it.
    case rejected(path: String, offset: Int, why: String)

    /// Whether the file was written to its end, as far as one can tell: then a server may have relied on it alone.
    var wasOnceWhole: Bool {
        switch self {
        case .badChecksum, .malformed, .rejected: true
        case .disk, .tooShort, .noEndMark, .badMagic, .compressed: false
        }
    }

    public var description: String {
        switch self {
        case .disk(let error): "\(error)"
        case .tooShort(let path, let size): "\(path) is too short for a snapshot: \(size) bytes"
        case .noEndMark(let path): "\(path) does not end as a snapshot does: it was not written to its end"
        case .badMagic(let path): "\(path) does not start as a snapshot does"
        case .badChecksum(let path): "\(path) has a wrong checksum"
        case .malformed(let path, let offset, let what): "\(path) is malformed at byte \(offset): \(what)"
        case .compressed(let path, let method): "\(path) is compressed with \(method), which is not supported"
        case .rejected(let path, let offset, let why): "\(path) cannot be loaded, at byte \(offset): \(why)"
        }
    }
}
