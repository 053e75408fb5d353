import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// What wakes the main thread of a shell: it waits for what is typed, for a command that runs elsewhere, for events of
/// watches and for Ctrl-C, all at once.
///
/// A pipe, because a signal handler may write to it. Its ends live as long as the process.
final class MainThread: Sendable {
    enum Sign: UInt8 {
        /// The command is done.
        case done = 1
        /// Something is to be printed.
        case announcement
        /// Ctrl-C.
        case interrupt
    }

    private let readEnd: Int32
    private let writeEnd: Int32

    /// Where the signal handler writes to; set once, before the handler.
    nonisolated(unsafe) private static var interruptEnd: Int32 = -1

    init() {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { fatalError("pipe: \(String(cString: strerror(errno)))") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    /// From now on SIGINT is a sign instead of the end.
    func catchInterrupts() {
        Self.interruptEnd = writeEnd
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            var sign = MainThread.Sign.interrupt.rawValue
            let saved = errno
            _ = write(MainThread.interruptEnd, &sign, 1)
            errno = saved
        }
        sigaction(SIGINT, &action, nil)
    }

    func tell(_ sign: Sign) {
        var byte = sign.rawValue
        // A full pipe wakes as well as one byte more.
        _ = write(writeEnd, &byte, 1)
    }

    private func takeSigns() -> Set<Sign> {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(readEnd, &bytes, bytes.count)
        return Set(bytes[..<max(0, count)].compactMap(Sign.init))
    }

    /// Waits for signs, or until a descriptor has input.
    ///
    /// - Returns: what has come; whether there is input (or its end).
    func wait(orFor descriptor: Int32? = nil) -> (signs: Set<Sign>, hasInput: Bool) {
        var polled = [pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)]
        if let descriptor { polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        while poll(&polled, nfds_t(polled.count), -1) < 0 {
            guard errno == EINTR else { return ([], true) }
        }
        let signs = polled[0].revents != 0 ? takeSigns() : []
        return (signs, polled.count > 1 && polled[1].revents != 0)
    }

    /// Runs asynchronous work and waits for it. Ctrl-C cancels it.
    ///
    /// - Returns: the result, and whether it was interrupted.
    func run<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) -> (Result, wasInterrupted: Bool) {
        let box = ResultBox<Result>()
        let task = Task.detached {
            box.value = await work()
            self.tell(.done)
        }
        var wasInterrupted = false
        while true {
            let (signs, _) = wait()
            if signs.contains(.interrupt) {
                wasInterrupted = true
                task.cancel()
            }
            if let value = box.value { return (value, wasInterrupted) }
        }
    }
}

/// Locked.
private final class ResultBox<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value?

    var value: Value? {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
