#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a member of an ensemble does at the moment, as far as it tells.
public enum MemberRole: String, Codable, Sendable {
    case leader, follower, observer, standalone
    /// The process runs and serves nobody.
    case looking
    /// Stopped by SIGSTOP.
    case paused
    /// No process.
    case down

    public var isServing: Bool { self == .leader || self == .follower || self == .observer || self == .standalone }
}

/// One server of an ensemble: its place, its ports, and its process while there is one. Used from one thread.
public final class EnsembleMember {
    public let id: Int
    public internal(set) var kind: ServerKind
    public let isObserver: Bool
    public let address: ServerAddress
    public let quorumPort: UInt16
    public let electionPort: UInt16
    public let directory: String
    public internal(set) var description: ServerDescription?
    public private(set) var isPaused = false
    /// What its command line begins with; empty for servers on loopback.
    private let commandPrefix: [String]
    private var process: ChildProcess?

    init(
        id: Int, kind: ServerKind, isObserver: Bool, host: String, commandPrefix: [String],
        ports: (client: UInt16, quorum: UInt16, election: UInt16), directory: String
    ) {
        self.id = id
        self.kind = kind
        self.isObserver = isObserver
        self.commandPrefix = commandPrefix
        address = ServerAddress(host: host, port: ports.client)
        quorumPort = ports.quorum
        electionPort = ports.election
        self.directory = directory
    }

    deinit { stop() }

    /// nil without a process.
    public var pid: Int32? { isRunning ? process?.pid : nil }
    public var isRunning: Bool { process?.isRunning ?? false }
    var logPath: String { "\(directory)/server.log" }
    var dataDirectory: String { "\(directory)/data" }
    var configurationPath: String {
        kind == .keeper ? "\(directory)/\(KeeperConfiguration.fileName)" : "\(directory)/zoo.cfg"
    }

    /// Starts the process on the directory as it is.
    func start(_ launch: ServerLaunch) throws(LoadError) {
        precondition(!isRunning, "server \(id) runs already")
        var description = launch.description
        description.commandLine = description.commandLine.map(EnvironmentRecord.withoutWorkingDirectory)
        self.description = description
        isPaused = false
        let process = try ChildProcess(commandPrefix + launch.description.commandLine, outputPath: logPath)
        self.process = process
        // For a script that must clean up after this program was killed.
        try ResultFiles.write("\(process.pid)\n", to: "\(directory)/server.pid")
    }

    /// Asks the server, unless it cannot answer.
    public func role(timeoutMillis: Int = 1000) -> MemberRole {
        guard isRunning else { return .down }
        if isPaused { return .paused }
        let answer = FourLetterWord.ask("srvr", of: address, timeoutMillis: timeoutMillis)
        for line in answer.split(separator: "\n") where line.hasPrefix("Mode: ") {
            return MemberRole(rawValue: String(line.dropFirst(6))) ?? .looking
        }
        return .looking
    }

    /// A value out of `mntr`; nil when the server does not tell.
    public func monitored(_ key: String, timeoutMillis: Int = 1000) -> String? {
        guard isRunning, !isPaused else { return nil }
        for line in FourLetterWord.ask("mntr", of: address, timeoutMillis: timeoutMillis).split(separator: "\n") {
            let pair = line.split(separator: "\t", maxSplits: 1)
            if pair.count == 2, pair[0] == key { return String(pair[1]) }
        }
        return nil
    }

    /// SIGKILL; returns once the kernel has delivered it, not when the process is gone.
    public func kill() { process?.send(SIGKILL) }

    /// Waits until the process has ended; it must be on its way.
    public func waitUntilGone() {
        while isRunning { usleep(1000) }
        isPaused = false
    }

    public func pause() {
        process?.standStill()
        isPaused = isRunning
    }

    public func resume() {
        process?.send(SIGCONT)
        isPaused = false
    }

    /// SIGTERM without waiting; a paused process is let run, or it would never see it.
    public func terminate() {
        process?.send(SIGTERM)
        if isPaused { resume() }
    }

    /// SIGTERM, and SIGKILL for who takes too long; returns when the process is gone.
    public func stop() {
        guard isRunning else { return }
        if isPaused { resume() }
        process?.stop()
    }

    /// The last lines of what the server printed, for messages.
    func logTail() -> String {
        let lines = TextFile.read(logPath).split(separator: "\n").suffix(8)
        return lines.isEmpty ? "  (it printed nothing)" : lines.map { "  \($0)" }.joined(separator: "\n")
    }
}
