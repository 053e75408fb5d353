#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A process this program started, in a process group of its own, so that Ctrl-C reaches only this program.
/// Used from one thread.
final class ChildProcess {
    let pid: Int32
    let arguments: [String]
    private var exitStatus: Int32?

    /// - Parameters:
    ///   - arguments: the program (looked up in PATH) and its arguments.
    ///   - outputPath: receives standard output and error; appended to.
    init(_ arguments: [String], outputPath: String) throws(LoadError) {
        self.arguments = arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        list.append(nil)
        defer { for pointer in list { free(pointer) } }
        var started: Int32 = 0
        let status = posix_spawnp(&started, arguments[0], &actions, &attributes, list, environ)
        guard status == 0 else {
            throw .environment("cannot start \(arguments[0]): \(String(cString: strerror(status)))")
        }
        pid = started
    }

    deinit { stop() }

    /// False once the process has ended; takes its status.
    var isRunning: Bool {
        if exitStatus != nil { return false }
        var status: Int32 = 0
        let result = waitpid(pid, &status, WNOHANG)
        if result == pid || (result < 0 && errno == ECHILD) {
            exitStatus = status
            return false
        }
        return true
    }

    /// What it ended with, 128 and the signal's number when a signal ended it; nil while it runs.
    var exitCode: Int32? {
        guard !isRunning, let exitStatus else { return nil }
        let signal = exitStatus & 0x7f
        return signal == 0 ? (exitStatus >> 8) & 0xff : 128 + signal
    }

    /// Signals the process; nothing when it has ended.
    func send(_ number: Int32) {
        if isRunning { kill(pid, number) }
    }

    /// SIGSTOP. Returns when no thread of the process runs any more, or it has ended: a fault's time begins there.
    func standStill() {
        send(SIGSTOP)
        guard isRunning else { return }
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WSTOPPED | WEXITED | WNOWAIT) == -1 && errno == EINTR {}
    }

    /// SIGTERM, then SIGKILL after the grace period; returns when the process is gone.
    func stop(graceSeconds: Double = 5) {
        guard isRunning else { return }
        kill(pid, SIGTERM)
        var waited = 0.0
        while isRunning, waited < graceSeconds {
            usleep(10_000)
            waited += 0.01
        }
        if isRunning {
            kill(pid, SIGKILL)
            while isRunning { usleep(1000) }
        }
    }

    /// Standard output of a short command; nil when it cannot be run or fails.
    static func capture(_ arguments: [String]) -> String? {
        guard let (output, status) = run(arguments, takesErrors: false), status == 0 else { return nil }
        return output
    }

    /// Standard output and error of a short command that Ctrl-C does not reach, and its exit code: 127 when it cannot
    /// be run, 128 and the signal's number when a signal ended it.
    static func captureAll(_ arguments: [String]) -> (output: String, exitCode: Int32) {
        guard let (output, status) = run(arguments, takesErrors: true) else { return ("cannot be run", 127) }
        let signal = status & 0x7f
        return (output, signal == 0 ? (status >> 8) & 0xff : 128 + signal)
    }

    private static func run(_ arguments: [String], takesErrors: Bool) -> (output: String, status: Int32)? {
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { return nil }
        // A server that another thread starts meanwhile must not keep them open.
        for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        if takesErrors {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        if takesErrors {
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
            posix_spawnattr_setpgroup(&attributes, 0)
        }
        var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        list.append(nil)
        defer { for pointer in list { free(pointer) } }
        var started: Int32 = 0
        let status = posix_spawnp(&started, arguments[0], &actions, &attributes, list, environ)
        close(pipes[1])
        defer { close(pipes[0]) }
        guard status == 0 else { return nil }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(pipes[0], &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            output += chunk[..<count]
        }
        var result: Int32 = 0
        while waitpid(started, &result, 0) < 0, errno == EINTR {}
        return (String(decoding: output, as: UTF8.self), result)
    }
}
