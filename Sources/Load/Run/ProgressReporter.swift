#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Tells whoever watches how a run goes: one changing line on a terminal, plain lines elsewhere. Writes to standard
/// error, so that standard output stays a report. Used from one thread.
public final class ProgressReporter {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private var lineWidth = 0
    /// Text before every line, such as the number of the measurement.
    public var prefix = ""

    public init(quiet: Bool = false) {
        isQuiet = quiet
        isTerminal = isatty(2) == 1
    }

    /// How often a line is due, in seconds.
    var intervalSeconds: Double { isTerminal ? 0.5 : 5 }

    private func put(_ text: String) {
        var bytes = Array(text.utf8)
        bytes.withUnsafeMutableBytes { _ = write(2, $0.baseAddress!, $0.count) }
    }

    func update(_ text: String) {
        guard !isQuiet else { return }
        let line = prefix + text
        if isTerminal {
            put("\r\(padded(line, lineWidth, left: true))")
            lineWidth = line.count
        } else {
            put(line + "\n")
        }
    }

    /// A line that stays.
    public func note(_ text: String) {
        guard !isQuiet else { return }
        clear()
        put(text + "\n")
    }

    func clear() {
        if isTerminal, lineWidth > 0 { put("\r\(String(repeating: " ", count: lineWidth))\r") }
        lineWidth = 0
    }
}
