import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A program started by a test, its output in a file, ended for certain when the test process ends.
///
/// Used by one thread at a time.
public final class ChildProcess: @unchecked Sendable {
    public let pid: pid_t
    public let outputPath: String
    private var waited: Int32?

    public enum Failure: Error, CustomStringConvertible {
        case cannotStart(String, Int32)
        case timedOut(String, String)

        public var description: String {
            switch self {
            case .cannotStart(let program, let code): "cannot start \(program): \(String(cString: strerror(code)))"
            case .timedOut(let program, let output): "\(program) ran out of time; its output:\n\(output)"
            }
        }
    }

    /// - Parameter program: a path, or a name looked up in PATH.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], output: String
    ) throws {
        outputPath = output
        let watchdog = Watchdog.shared
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        // Its own process group, so that a whole script can be ended with what it started.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        var variables = ProcessInfo.processInfo.environment
        for (name, value) in environment { variables[name] = value }
        let argumentPointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        let variablePointers: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer {
            for pointer in argumentPointers { free(pointer) }
            for pointer in variablePointers { free(pointer) }
        }
        var started: pid_t = 0
        let code = posix_spawnp(&started, program, &actions, &attributes, argumentPointers, variablePointers)
        guard code == 0 else { throw Failure.cannotStart(program, code) }
        pid = started
        watchdog.watch(started)
    }

    deinit {
        if isRunning {
            signal(SIGKILL)
            waitForExit()
        }
    }

    public var isRunning: Bool {
        if waited != nil { return false }
        var status: Int32 = 0
        if waitpid(pid, &status, WNOHANG) == pid {
            finished(status)
            return false
        }
        return true
    }

    /// Sends a signal to the process (and to its group, which is its own).
    public func signal(_ number: Int32) {
        guard waited == nil else { return }
        kill(-pid, number)
    }

    /// SIGSTOP. Returns when no thread of the process runs any more (or it has ended): the signal alone may find a
    /// thread on its way to the next message.
    public func standStill() {
        guard waited == nil else { return }
        signal(SIGSTOP)
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WSTOPPED | WEXITED | WNOWAIT) == -1 && errno == EINTR {}
    }

    /// The exit code; 128 + number when a signal ended it.
    @discardableResult
    public func waitForExit() -> Int32 {
        if let waited { return waited }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
        finished(status)
        return waited!
    }

    /// The exit code, or nil when it still runs after so many seconds.
    public func waitForExit(within seconds: Double) -> Int32? {
        eventually(within: seconds) { !isRunning } ? waited : nil
    }

    private func finished(_ status: Int32) {
        let signalNumber = status & 0x7f
        waited = signalNumber == 0 ? (status >> 8) & 0xff : 128 + signalNumber
        Watchdog.shared.forget(pid)
    }

    public var output: String {
        guard let data = FileManager.default.contents(atPath: outputPath) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Resident memory in bytes, as the kernel counts it; 0 when the process is gone.
    public var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    /// Runs a program to its end.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Double = 120
    ) throws -> (code: Int32, output: String) {
        let directory = TemporaryDirectory("run")
        let child = try ChildProcess(
            program, arguments, environment: environment, output: directory.file("output"))
        guard let code = child.waitForExit(within: timeoutSeconds) else {
            child.signal(SIGKILL)
            child.waitForExit()
            throw Failure.timedOut(([program] + arguments).joined(separator: " "), child.output)
        }
        return (code, child.output)
    }
}

/// Ends every process still running when the test process disappears, however it does.
///
/// A shell keeps the list and reads it from a pipe; the end of the pipe is the end of us. Locked.
final class Watchdog: @unchecked Sendable {
    static let shared = Watchdog()
    private let lock = NSLock()
    private var pipeEnd: Int32 = -1

    private init() {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { fatalError("pipe: errno \(errno)") }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        let script = """
            trap '' INT TERM HUP; live=' '
            while read -r sign pid; do
              if [ "$sign" = + ]; then live="$live$pid "; else live="${live%% $pid *} ${live#* $pid }"; fi
            done
            for pid in $live; do kill -9 -$pid 2>/dev/null; done
            """
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(script), nil]
        defer { for pointer in arguments { free(pointer) } }
        var pid: pid_t = 0
        guard posix_spawnp(&pid, "sh", &actions, &attributes, arguments, environ) == 0 else {
            fatalError("cannot start a shell")
        }
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        close(ends[0])
        pipeEnd = ends[1]
    }

    func watch(_ pid: pid_t) { tell("+ \(pid)\n") }
    func forget(_ pid: pid_t) { tell("- \(pid)\n") }

    private func tell(_ line: String) {
        lock.lock()
        defer { lock.unlock() }
        _ = line.withCString { write(pipeEnd, $0, strlen($0)) }
    }
}
