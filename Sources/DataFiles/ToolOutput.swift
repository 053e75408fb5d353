import Foundation
import JSONText

#if canImport(Glibc)
    import Glibc
#endif

/// Exit codes of `corral log` and `corral snapshot`.
public enum ToolExit {
    /// All is as it should be, or the same.
    public static let fine: Int32 = 0
    /// Something is damaged or missing, or the two differ.
    public static let found: Int32 = 1
    /// `EX_USAGE` of sysexits.h.
    public static let usage: Int32 = 64
    /// `EX_NOINPUT`: a file cannot be read, or is none of this kind.
    public static let noInput: Int32 = 66
    /// `EX_IOERR`: the output cannot be written.
    public static let output: Int32 = 74
    /// 128 + SIGPIPE: nobody reads the output any more.
    public static let brokenPipe: Int32 = 141
}

/// Why a tool cannot begin.
public enum ToolError: Error, Equatable, Sendable, CustomStringConvertible {
    case unreadable(String)
    /// No file of the kind in a directory.
    case nothing(kind: String, path: String)
    case compressed(path: String, method: String)

    public var description: String {
        switch self {
        case .unreadable(let text): text
        case .nothing(let kind, let path): "\(path) holds no \(kind)"
        case .compressed(let path, let method):
            "\(path) is compressed with \(method): unpack it first (for gz: gzip -dc \(path) >snapshot.unpacked)"
        }
    }
}

public enum ToolFormat: String, CaseIterable, Sendable {
    case text
    case json
}

/// Where a tool writes: lines of results, and remarks. One owner.
public final class ToolOutput {
    public let format: ToolFormat
    private let write: (String, _ isRemark: Bool) -> Void
    private var pending = ""

    private static let flushBytes = 64 << 10

    /// - Parameter write: receives whole lines; remarks come behind the results before them.
    public init(_ format: ToolFormat, write: @escaping (String, _ isRemark: Bool) -> Void) {
        self.format = format
        self.write = write
    }

    /// Standard output and standard error.
    public static func standard(_ format: ToolFormat) -> ToolOutput {
        ToolOutput(format) { text, isRemark in
            let bytes = Array(text.utf8)
            var start = 0
            while start < bytes.count {
                let count = bytes[start...].withUnsafeBytes { Glibc.write(isRemark ? 2 : 1, $0.baseAddress, $0.count) }
                if count > 0 {
                    start += count
                } else if errno != EINTR {
                    fail(isRemark, errno)
                }
            }
        }
    }

    private static func fail(_ isRemark: Bool, _ code: Int32) -> Never {
        if !isRemark && code == EPIPE { exit(ToolExit.brokenPipe) }
        let text = Array("corral: standard output: \(String(cString: strerror(code)))\n".utf8)
        if !isRemark { _ = Glibc.write(2, text, text.count) }
        exit(ToolExit.output)
    }

    var isText: Bool { format == .text }

    func line(_ text: String) {
        pending += text
        pending += "\n"
        if pending.utf8.count >= Self.flushBytes { flush() }
    }

    /// A result in one of its two forms.
    func emit(_ text: @autoclosure () -> String, _ json: @autoclosure () -> JSONValue) {
        line(isText ? text() : json().text)
    }

    public func remark(_ text: String) {
        flush()
        write(text + "\n", true)
    }

    public func flush() {
        if !pending.isEmpty { write(pending, false) }
        pending = ""
    }
}

/// Which transactions or znodes a tool looks at.
public struct ToolFilter: Sendable {
    /// The first and the last zxid; for znodes that of their last change (mzxid).
    public var from: Int64?
    public var to: Int64?
    /// For znodes: the owner of an ephemeral.
    public var session: Int64?
    /// This znode and all below.
    public var path: String?

    public init(from: Int64? = nil, to: Int64? = nil, session: Int64? = nil, path: String? = nil) {
        self.from = from
        self.to = to
        self.session = session
        self.path = path
    }

    func admits(zxid: Int64) -> Bool { zxid >= from ?? .min && zxid <= to ?? .max }
    func admits(session: Int64) -> Bool { self.session.map { $0 == session } ?? true }
}
