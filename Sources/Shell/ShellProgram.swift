import Foundation
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#endif

/// `corral shell`: one command from the arguments, commands from a pipe, or commands typed at a terminal.
public enum ShellProgram {
    /// Runs to the end. Blocks the calling thread, which must be the main one.
    ///
    /// - Parameter command: a command and its arguments; empty to read commands from standard input.
    /// - Returns: the exit code.
    public static func run(_ options: ShellOptions, command: [String]) -> Int32 {
        let isInteractive = command.isEmpty && isatty(STDIN_FILENO) == 1
        let console = Console(options)
        let shell: Shell
        do {
            shell = try Shell(
                options, console: console, announcesStates: isInteractive, readsInput: command.isEmpty)
        } catch {
            console.note(error.message, .error)
            return error.exitCode
        }
        let mainThread = MainThread()
        mainThread.catchInterrupts()
        let code: Int32
        if isInteractive {
            code = typed(shell, console, mainThread)
        } else if command.isEmpty {
            code = piped(shell, options, mainThread)
        } else {
            code = run(mainThread) { await shell.execute(command) }
        }
        let final = options.follows && !isInteractive && code == 0 ? follow(shell, mainThread) : code
        // Ctrl-C a second time ends it all.
        signal(SIGINT, SIG_DFL)
        _ = mainThread.run { await shell.close() }
        console.flush()
        return final
    }

    /// One command; its exit code.
    private static func run(_ mainThread: MainThread, _ work: @escaping @Sendable () async -> ShellError?) -> Int32 {
        let (failure, wasInterrupted) = mainThread.run(work)
        return wasInterrupted ? ShellExit.interrupted : failure?.exitCode ?? 0
    }

    private static func piped(_ shell: Shell, _ options: ShellOptions, _ mainThread: MainThread) -> Int32 {
        var first: Int32 = 0
        let lines = InputLines(STDIN_FILENO, mainThread)
        while true {
            let code: Int32
            switch lines.next() {
            case .end: return first
            case .interrupted: return ShellExit.interrupted
            case .line(let bytes):
                guard let line = String(validating: bytes, as: UTF8.self) else {
                    code = run(mainThread) { await shell.refuse([], .notText) }
                    break
                }
                // Scripts may have comments.
                let text = line.drop(while: \.isWhitespace)
                if text.isEmpty || text.hasPrefix("#") { continue }
                code = run(mainThread) { await shell.execute(line: line) }
            }
            if first == 0 { first = code }
            if code == ShellExit.interrupted || code != 0 && !options.keepsGoing { return code }
            if mainThread.run({ await shell.hasQuit }).0 { return first }
        }
    }

    private static func follow(_ shell: Shell, _ mainThread: MainThread) -> Int32 {
        let (hasSession, wasInterrupted) = mainThread.run {
            await shell.waitForWatches()
            return await shell.hasSession
        }
        // Being stopped is how this is meant to end.
        return wasInterrupted || hasSession ? 0 : ShellExit.connection
    }

    private static func typed(_ shell: Shell, _ console: Console, _ mainThread: MainThread) -> Int32 {
        let file = HistoryFile()
        console.note("Welcome to Corral's shell. 'help' lists the commands.")
        let editor = LineEditor(name: "corral", console: console, mainThread: mainThread, history: file.load()) {
            line in
            mainThread.run { await shell.completeSoon(line) }.0
        }
        guard let editor else {
            console.note("the terminal cannot be used", .error)
            return ShellExit.usage
        }
        _ = mainThread.run { await shell.start() }
        while true {
            switch editor.read() {
            case .end: return 0
            case .interrupted: continue
            case .line(let line):
                guard !line.allSatisfy(\.isWhitespace) else { continue }
                editor.remember(line)
                file.append(line)
                _ = run(mainThread) { await shell.execute(line: line) }
                if mainThread.run({ await shell.hasQuit }).0 { return 0 }
            }
        }
    }
}

extension Shell {
    var hasSession: Bool { client.map { !$0.state.isFinal } ?? false }

    /// Begins to look for a session; a prompt tells how it goes. Waits a little, so that the first one tells more.
    func start() async {
        do {
            try await connect(to: nil)
            try? await client?.waitUntilConnected(within: .milliseconds(500))
        } catch {
            console.note(ShellError(error).message, .error)
        }
    }

    /// Nobody who presses Tab waits long.
    func completeSoon(_ line: String) async -> Completion {
        await withTaskGroup(of: Completion?.self) { group in
            group.addTask { await self.complete(line) }
            group.addTask {
                try? await Task.sleep(for: .seconds(2))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? Completion()
        }
    }
}
