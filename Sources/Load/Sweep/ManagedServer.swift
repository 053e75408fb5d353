import CPlatform

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A server process on a free port, of loopback or of a network of its own, with a fresh data directory; all are gone
/// after `stop`.
/// Used from one thread.
public final class ManagedServer {
    public let kind: ServerKind
    public let address: ServerAddress
    public private(set) var description: ServerDescription
    private var process: ChildProcess
    private let commandLine: [String]
    private let directory: String
    private let logPath: String
    private let network: ServerNetwork?

    public var pid: Int32 { process.pid }

    /// Starts a server and waits until it opens sessions.
    public init(_ kind: ServerKind, options: ServerOptions) throws(LoadError) {
        self.kind = kind
        var ports = PortPicker()
        let port = try ports.next()
        // The null server is a floor for any other: nothing may hold it up.
        let plan = kind == .null ? nil : options.network
        let network = try plan.map { plan throws(LoadError) in try ServerNetwork(plan, servers: 1) }
        self.network = network
        address = ServerAddress(host: network?.hosts[0] ?? "127.0.0.1", port: port)
        try ResultFiles.makeDirectory(options.dataRoot)
        directory = "\(options.dataRoot)/\(kind.rawValue)-\(port)"
        try ResultFiles.makeDirectory("\(directory)/data")
        logPath = "\(directory)/server.log"
        let launch = try Self.launch(kind, options: options, directory: directory, address: address)
        description = launch.description
        description.commandLine = description.commandLine.map(EnvironmentRecord.withoutWorkingDirectory)
        commandLine = (network?.commandPrefix(0) ?? []) + launch.description.commandLine
        process = try ChildProcess(commandLine, outputPath: logPath)
        // For a script that must clean up after this program was killed.
        try ResultFiles.write("\(process.pid)\n", to: "\(directory)/server.pid")
        try waitUntilReady(limitSeconds: launch.startLimitSeconds)
        try network?.limitLinks()
        if kind != .null { description.version = FourLetterWord.version(of: address) ?? launch.description.version }
    }

    deinit { stop() }

    /// Ends the process and removes its directory.
    public func stop() {
        process.stop()
        if access(logPath, F_OK) == 0 { ServerLogTails.keep([(kind.rawValue, logPath)]) }
        network?.remove()
        removeDirectory(directory)
    }

    var isRunning: Bool { process.isRunning }

    /// SIGKILL; returns when the process is gone. Its directory stays.
    func kill() {
        process.send(SIGKILL)
        while process.isRunning { usleep(1000) }
    }

    /// Starts the process anew on what it left, without waiting for it to serve.
    func startAgain() throws(LoadError) {
        precondition(!process.isRunning, "the server runs")
        process = try ChildProcess(commandLine, outputPath: logPath)
        try ResultFiles.write("\(process.pid)\n", to: "\(directory)/server.pid")
    }

    private func waitUntilReady(limitSeconds: Double) throws(LoadError) {
        let start = corral_monotonic_nanos()
        var last: LoadError?
        while Double(corral_monotonic_nanos() - start) / 1e9 < limitSeconds {
            guard process.isRunning else {
                throw .environment("\(kind.title) ended right after its start:\n\(logTail())")
            }
            if Interrupt.isRequested { throw .interrupted("interrupted while \(kind.title) started") }
            // Keeper listens before its Raft group has a leader, and says by `ruok` when it serves.
            if kind == .keeper, FourLetterWord.ask("ruok", of: address, timeoutMillis: 500) != "imok" {
                usleep(50_000)
                continue
            }
            do {
                let session = try Handshake.open(address, sessionTimeoutMillis: 10_000)
                close(session.descriptor)
                return
            } catch {
                last = error
                usleep(50_000)
            }
        }
        process.stop()
        throw .environment(
            "\(kind.title) took no session within \(Int(limitSeconds)) s (\(last?.description ?? "")):\n\(logTail())")
    }

    private func logTail() -> String {
        let lines = TextFile.read(logPath).split(separator: "\n").suffix(12)
        return lines.isEmpty ? "  (it printed nothing)" : lines.map { "  \($0)" }.joined(separator: "\n")
    }
}

/// Removes a directory with everything in it; does not follow links.
func removeDirectory(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
}

enum TextFile {
    /// What a directory holds, sorted; nothing when it cannot be read.
    static func names(in directory: String) -> [String] {
        guard let list = opendir(directory) else { return [] }
        defer { closedir(list) }
        var names: [String] = []
        while let entry = readdir(list) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names.sorted()
    }

    /// A file's text; empty when it cannot be read.
    static func read(_ path: String) -> String {
        let file = corral_open(path, O_RDONLY, 0, 0, 0)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
