import Foundation
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// A program at a terminal of its own (a pty), typed to by a test. One thread uses it; another collects what it prints.
final class Terminal: @unchecked Sendable {
    private let master: Int32
    private let pid: pid_t
    private let lock = NSLock()
    private var seen: [UInt8] = []
    private var status: Int32?

    // Linux's numbers, which Swift's headers leave out: TIOCSPTLCK, TIOCGPTN, POSIX_SPAWN_SETSID.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430
    private static let spawnInNewSession: Int16 = 0x80

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The end of the test process closes the terminal, which ends the program.
    init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
        master = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var lock: Int32 = 0
        var number: UInt32 = 0
        guard master >= 0, ioctl(master, Self.setLock, &lock) == 0, ioctl(master, Self.getNumber, &number) == 0 else {
            throw Failure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        let path = "/dev/pts/\(number)"
        var size = winsize(ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a session opens is its own.
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Self.spawnInNewSession | Int16(POSIX_SPAWN_SETSIGMASK))
        var variables = ProcessInfo.processInfo.environment
        variables["TERM"] = "xterm"
        // Set by the test runner, for itself.
        variables["NO_COLOR"] = ""
        variables.merge(environment) { $1 }
        let argumentPointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        let variablePointers: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer {
            for pointer in argumentPointers + variablePointers { free(pointer) }
        }
        var started: pid_t = 0
        let code = posix_spawn(&started, program, &actions, &attributes, argumentPointers, variablePointers)
        guard code == 0 else { throw Failure(description: "cannot start: \(String(cString: strerror(code)))") }
        pid = started
        let descriptor = master
        Thread.detachNewThread { [weak self] in
            var bytes = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = Glibc.read(descriptor, &bytes, bytes.count)
                guard count > 0 || errno == EINTR, let self else { return }
                self.lock.withLock { self.seen += bytes[..<max(0, count)] }
            }
        }
    }

    deinit {
        kill(pid, SIGKILL)
        if status == nil {
            var code: Int32 = 0
            waitpid(pid, &code, 0)
        }
        close(master)
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(master, bytes, bytes.count)
    }

    /// What was printed so far, colours and the like left out.
    var text: String {
        // By bytes: to Swift, a return and a line feed are one character.
        let bytes = lock.withLock { seen.filter { $0 != UInt8(ascii: "\r") } }
        return String(decoding: bytes, as: UTF8.self).replacing(/\u{1b}(\[[0-9;?]*[A-Za-z]|[=>])/, with: "")
    }

    var raw: String { String(decoding: lock.withLock { seen }, as: UTF8.self) }

    /// Waits for a text to be printed behind what `mark` has passed; false when it does not come.
    func shows(_ wanted: String, after mark: Int = 0, within seconds: Double = 20) -> Bool {
        eventually(within: seconds) { String(text.dropFirst(mark)).contains(wanted) }
    }

    var mark: Int { text.count }

    func resize(columns: UInt16) {
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// The exit code; nil when it still runs after so many seconds.
    func waitForExit(within seconds: Double = 20) -> Int32? {
        let ended = eventually(within: seconds) {
            var code: Int32 = 0
            if status == nil, waitpid(pid, &code, WNOHANG) == pid { status = code }
            return status != nil
        }
        guard ended, let status else { return nil }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }
}
