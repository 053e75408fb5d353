#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One etcd server: its place, its ports, its process. Used from one thread.
final class EtcdMember {
    let id: Int
    let address: ServerAddress
    let peerPort: UInt16
    let directory: String
    private(set) var description = ServerDescription.unknown
    /// What its command line begins with; empty on loopback.
    private let commandPrefix: [String]
    private var process: ChildProcess?
    private var launch: ServerLaunch?

    init(
        id: Int, host: String = "127.0.0.1", commandPrefix: [String] = [], port: UInt16, peerPort: UInt16,
        directory: String
    ) {
        self.id = id
        self.commandPrefix = commandPrefix
        address = ServerAddress(host: host, port: port)
        self.peerPort = peerPort
        self.directory = directory
    }

    deinit { stop() }

    var name: String { "m\(id)" }
    var peerUrl: String { "http://\(address.host):\(peerPort)" }
    var pid: Int32? { process?.pid }
    var isRunning: Bool { process?.isRunning ?? false }

    func start(_ launch: ServerLaunch) throws(LoadError) {
        self.launch = launch
        description = launch.description
        description.commandLine = description.commandLine.map(EnvironmentRecord.withoutWorkingDirectory)
        let process = try ChildProcess(
            commandPrefix + launch.description.commandLine, outputPath: "\(directory)/server.log")
        self.process = process
        // For a script that must clean up after this program was killed.
        try ResultFiles.write("\(process.pid)\n", to: "\(directory)/server.pid")
    }

    func setVersion(_ version: String) { description.version = version }

    func role(timeoutMillis: Int = 1000) -> MemberRole {
        guard isRunning else { return .down }
        guard let status = EtcdStatus.ask(address, timeoutMillis: timeoutMillis), status.leader != 0 else {
            return .looking
        }
        return status.leader == status.member ? .leader : .follower
    }

    /// SIGKILL; returns when the process is gone. Its directory stays.
    func kill() {
        process?.send(SIGKILL)
        while isRunning { usleep(1000) }
    }

    /// Starts what was killed on its directory as it is.
    func startAgain() throws(LoadError) {
        guard let launch else { throw .environment("server \(id) was never started") }
        let version = description.version
        try start(launch)
        description.version = version
    }

    func stop() { process?.stop() }

    func logTail() -> String {
        let lines = TextFile.read("\(directory)/server.log").split(separator: "\n").suffix(8)
        return lines.isEmpty ? "  (it printed nothing)" : lines.map { "  \($0)" }.joined(separator: "\n")
    }
}
