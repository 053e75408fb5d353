import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One server of an ensemble under test: its place on disk and on the network stays, its vendor may change.
///
/// Used by one thread at a time.
public final class EnsembleMember: @unchecked Sendable {
    public let id: Int
    public let isObserver: Bool
    public let clientPort: Int
    public let quorumPort: Int
    public let electionPort: Int
    /// Holds `zoo.cfg`, the logs and `data`.
    public let directory: String
    public internal(set) var vendor: Vendor
    public private(set) var process: ChildProcess?
    private(set) var starts = 0

    init(id: Int, vendor: Vendor, isObserver: Bool, directory: String, ports: [Int]) {
        self.id = id
        self.vendor = vendor
        self.isObserver = isObserver
        self.directory = directory
        (clientPort, quorumPort, electionPort) = (ports[0], ports[1], ports[2])
    }

    deinit { kill() }

    public var dataDirectory: String { "\(directory)/data" }
    public var logPath: String { "\(directory)/log-\(starts)-\(vendor)" }
    public var isRunning: Bool { process?.isRunning == true }

    /// The `server.N` line that all members have of it.
    public var line: String {
        "server.\(id)=127.0.0.1:\(quorumPort):\(electionPort)\(isObserver ? ":observer" : "")"
    }

    /// Starts it without waiting for anything.
    func start(list: [String], myID: Int, settings: [String: String]) throws {
        precondition(!isRunning, "server \(id) runs already")
        starts += 1
        try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        try "\(myID)\n".write(toFile: "\(dataDirectory)/myid", atomically: true, encoding: .utf8)
        var lines = ["dataDir=\(dataDirectory)", "clientPort=\(clientPort)", "clientPortAddress=127.0.0.1"] + list
        if isObserver { lines.append("peerType=observer") }
        var properties = ["-Dzookeeper.admin.enableServer=false"]
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            if vendor == .apache, let property = ServerUnderTest.apacheProperty(key, value) {
                properties.append(property)
            } else if vendor == .corral || !key.hasPrefix("corral.") {
                lines.append("\(key)=\(value)")
            }
        }
        let file = "\(directory)/zoo.cfg"
        try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
        switch vendor {
        case .corral:
            process = try ChildProcess(ServerUnderTest.corralBinary, ["server", file], output: logPath)
        case .apache:
            let options = [
                "-Xmx192m", "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            ]
            let classPath = "\(ServerUnderTest.apacheJar):/usr/share/java/slf4j-simple.jar"
            process = try ChildProcess(
                "java",
                options + ServerUnderTest.javaOptions + properties
                    + ["-cp", classPath, "org.apache.zookeeper.server.quorum.QuorumPeerMain", file],
                output: logPath)
        }
    }

    /// Ends it at once, without a chance to write anything.
    public func kill() {
        process?.signal(SIGKILL)
        process?.waitForExit()
        process = nil
    }

    /// Asks it to end, as an init system does; the exit code, or nil when it had to be killed.
    @discardableResult
    public func stop(within seconds: Double = 15) -> Int32? {
        process?.signal(SIGTERM)
        let code = process?.waitForExit(within: seconds)
        kill()
        return code
    }

    /// Asks it to end, and does not wait for that.
    public func terminate() { process?.signal(SIGTERM) }

    /// Stands still, its connections open, until `resume`.
    public func pause() { process?.standStill() }
    public func resume() { process?.signal(SIGCONT) }

    /// What the server says it is (`leader`, `follower`, `observer`, `standalone`); nil while it serves nobody.
    public var role: String? {
        guard isRunning, let text = try? fourLetterWord("srvr", port: clientPort, within: 5) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix("Mode: ") }.map { String($0.dropFirst(6)) }
    }

    /// `mntr`, by name without `zk_`; empty while the server serves nobody.
    public func monitor() throws -> [String: String] {
        var values: [String: String] = [:]
        for line in try fourLetterWord("mntr", port: clientPort).split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1)
            guard parts.count == 2, parts[0].hasPrefix("zk_") else { continue }
            values[String(parts[0].dropFirst(3))] = String(parts[1])
        }
        return values
    }

    /// `hash`: digests of the tree, by the zxid after which they were taken.
    public func digests() throws -> [Int64: String] {
        var digests: [Int64: String] = [:]
        for line in try fourLetterWord("hash", port: clientPort).split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2, let zxid = Int64(parts[0], radix: 16) else { continue }
            digests[zxid] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return digests
    }

    /// The last zxid it has processed, by `srvr`; nil while the server serves nobody.
    public func zxid() throws -> Int64? {
        let text = try fourLetterWord("srvr", port: clientPort)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Zxid: 0x") }) else { return nil }
        return Int64(line.dropFirst("Zxid: 0x".count), radix: 16)
    }

    public func client(timeoutMillis: Int32 = 30_000) throws -> ProtocolClient {
        try ProtocolClient(port: clientPort, timeoutMillis: timeoutMillis)
    }

    /// What its process has written, or the last that it had.
    public var log: String { process?.output ?? (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// What the threads of an Apache server's pipeline are doing, as its virtual machine tells.
    public func threads(within seconds: Double = 5) -> String {
        let end = "JNI global ref"
        let before = log.components(separatedBy: end).count
        process?.signal(SIGQUIT)
        guard eventually(within: seconds, { log.components(separatedBy: end).count > before }) else {
            return "its virtual machine does not answer either"
        }
        let dump = log.components(separatedBy: "Full thread dump").last ?? ""
        return dump.components(separatedBy: "\n\n")
            .filter { $0.contains("org.apache.zookeeper") }
            .map { $0.split(separator: "\n").prefix(8).joined(separator: "\n") }
            .joined(separator: "\n")
    }

    /// The end of what it last wrote, for a failure's message.
    public func logTail(_ count: Int = 40) -> String {
        let lines = log.split(separator: "\n").suffix(count)
        return "--- server.\(id) (\(vendor), \(isRunning ? "running" : "not running")), \(logPath)\n"
            + lines.joined(separator: "\n")
    }
}
