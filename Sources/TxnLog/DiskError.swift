#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file operation that failed: which, on what, and the system's error number.
public struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The seam's operation.
    public enum Operation: String, Sendable {
        case open, read, write, sync, size, truncate, reserve, close, rename, unlink, list, lock
        case syncDirectory = "sync directory"
        case createDirectory = "create directory"
        case freeSpace = "ask free space of"
    }

    public let operation: Operation
    public let path: String
    /// The system's `errno`.
    public let code: Int32

    public init(_ operation: Operation, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    public var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
    public var isMissing: Bool { code == ENOENT }

    public var description: String {
        "cannot \(operation.rawValue) \(path): \(String(cString: strerror(code)))"
    }
}
