import Foundation
import JSONText

#if canImport(Glibc)
    import Glibc
#endif

/// Standard output and error of a shell, written by the task that runs a command and by those that wait for watches.
/// All state is under the lock.
final class Console: @unchecked Sendable {
    enum Style: String {
        case label = "36"
        case error = "31"
        case event = "35"
        case good = "32"
        case uncertain = "33"
    }

    let format: ShellOptions.Format
    private let colorsOutput: Bool
    private let colorsErrors: Bool
    private let lock = NSLock()
    private var pending: [UInt8] = []
    /// What is shown before each line that is typed.
    private var promptText = ""
    /// While a line is being typed, what others print waits for its reader.
    private var deferred: [String]?
    private var wakeUp: (@Sendable () -> Void)?

    private static let flushBytes = 64 << 10

    init(_ options: ShellOptions) {
        format = options.format
        let environment = ProcessInfo.processInfo.environment
        let wants = options.usesColor && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        colorsOutput = wants && format == .text && isatty(1) == 1
        colorsErrors = wants && isatty(2) == 1
    }

    // MARK: What a command prints

    /// A line of standard output, kept until there are enough of them or `flush`.
    func line(_ text: String) {
        lock.withLock {
            pending.append(contentsOf: text.utf8)
            pending.append(UInt8(ascii: "\n"))
            if pending.count >= Self.flushBytes { writePending() }
        }
    }

    /// A line of standard output with a label before it.
    func line(label: String, _ text: String) { line(styled(label, .label) + text) }

    func flush() { lock.withLock { writePending() } }

    /// A line of standard error, behind what was printed before.
    func note(_ text: String, _ style: Style? = nil) {
        lock.withLock {
            writePending()
            let shown = style.map { colorsErrors ? Self.color(text, $0) : text } ?? text
            Self.write(2, Array((shown + "\n").utf8))
        }
    }

    func styled(_ text: String, _ style: Style) -> String { colorsOutput ? Self.color(text, style) : text }

    private static func color(_ text: String, _ style: Style) -> String { "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" }

    // MARK: What happens at any time

    /// Prints text of whole lines at once, or hands it to whoever reads a line now.
    func announce(_ text: String) {
        let wakeUp = lock.withLock { () -> (@Sendable () -> Void)? in
            if deferred != nil {
                deferred?.append(text)
                return self.wakeUp
            }
            writePending()
            Self.write(1, Array(text.utf8))
            return nil
        }
        wakeUp?()
    }

    /// From now on `announce` leaves its text to the reader of a line, which `wakeUp` tells.
    func beginReading(wakeUp: @escaping @Sendable () -> Void) {
        lock.withLock {
            writePending()
            deferred = []
            self.wakeUp = wakeUp
        }
    }

    /// What was announced since the last call.
    func takeAnnounced() -> [String] {
        lock.withLock {
            defer { if deferred != nil { deferred = [] } }
            return deferred ?? []
        }
    }

    func endReading() {
        lock.withLock {
            for text in deferred ?? [] { Self.write(1, Array(text.utf8)) }
            deferred = nil
            wakeUp = nil
        }
    }

    var prompt: String {
        get { lock.withLock { promptText } }
        set {
            let wakeUp = lock.withLock { () -> (@Sendable () -> Void)? in
                promptText = newValue
                return self.wakeUp
            }
            wakeUp?()
        }
    }

    /// Writes to a terminal while a line is read, by the reader.
    func writeNow(_ text: String) { lock.withLock { Self.write(1, Array(text.utf8)) } }

    // MARK: Bytes

    private func writePending() {
        guard !pending.isEmpty else { return }
        Self.write(1, pending)
        pending.removeAll(keepingCapacity: true)
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                start += count
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN {
                // Somebody else has made it non-blocking, and has it as well.
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&polled, 1, -1)
                continue
            }
            // What cannot be told on standard error cannot be told.
            guard descriptor == 1 else { return }
            // Sockets have had SIGPIPE switched off; the end is the same.
            if code == EPIPE { exit(ShellExit.brokenPipe) }
            write(2, Array("standard output: \(String(cString: strerror(code)))\n".utf8))
            exit(ShellExit.output)
        }
    }
}
