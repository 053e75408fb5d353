#if canImport(Glibc)
    import Glibc
#endif

/// The lines of a pipe or file, read without ever waiting in a way that Ctrl-C does not end. Belongs to the main
/// thread.
///
/// Not `readLine`: it makes other characters of what is no UTF-8, and an interrupted one never returns.
final class InputLines {
    enum Input {
        /// Without its end.
        case line([UInt8])
        /// Ctrl-C.
        case interrupted
        case end
    }

    private let descriptor: Int32
    private let mainThread: MainThread
    private var pending: [UInt8] = []
    /// Where the next line begins, and up to where there is no end of it.
    private var start = 0
    private var searched = 0
    private var isAtEnd = false

    init(_ descriptor: Int32, _ mainThread: MainThread) {
        self.descriptor = descriptor
        self.mainThread = mainThread
    }

    func next() -> Input {
        while true {
            if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { (start, searched) = (end + 1, end + 1) }
                return .line(Array(pending[start..<end]))
            }
            searched = pending.count
            if isAtEnd {
                defer { start = pending.count }
                return start < pending.count ? .line(Array(pending[start...])) : .end
            }
            guard more() else { return .interrupted }
        }
    }

    /// Waits for bytes or the end; false when interrupted.
    private func more() -> Bool {
        while true {
            let (signs, hasInput) = mainThread.wait(orFor: descriptor)
            if signs.contains(.interrupt) { return false }
            guard hasInput else { continue }
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            let count = read(descriptor, &bytes, bytes.count)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            if count <= 0 { isAtEnd = true }
            pending.removeSubrange(..<start)
            searched -= start
            start = 0
            pending += bytes[..<max(0, count)]
            return true
        }
    }
}
