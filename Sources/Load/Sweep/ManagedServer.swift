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

/// A server process on a free loopback port with a fresh data directory; both are gone after `stop`.
/// Used from one thread.
public final class ManagedServer {
    public let kind: ServerKind
    public let address: ServerAddress
    public private(set) var description: ServerDescription
    private var process: ChildProcess
    private let commandLine: [String]
    private let directory: String
    private let logPath: String

    public var pid: Int32 { process.pid }

    /// Starts a server and waits until it opens sessions.
    public init(_ kind: ServerKind, options: ServerOptions) throws(LoadError) {
        self.kind = kind
        var ports = PortPicker()
        let port = try ports.next()
        address = ServerAddress(host: "127.0.0.1", port: port)
        try ResultFiles.makeDirectory(options.dataRoot)
        directory = "\(options.dataRoot)/\(kind.rawValue)-\(port)"
        try ResultFiles.makeDirectory("\(directory)/data")
        logPath = "\(directory)/server.log"
        let launch = try Self.launch(kind, options: options, directory: directory, port: port)
        description = launch.description
        description.commandLine = description.commandLine.map(EnvironmentRecord.withoutWorkingDirectory)
        commandLine = launch.description.commandLine
        process = try ChildProcess(commandLine, outputPath: logPath)
        // For a script that must clean up after this program was killed.
        try ResultFiles.write("\(process.pid)\n", to: "\(directory)/server.pid")
        try waitUntilReady(limitSeconds: launch.startLimitSeconds)
        if kind != .null { description.version = FourLetterWord.version(of: address) ?? launch.description.version }
    }

    deinit { stop() }

    /// Ends the process and removes its directory.
    public func stop() {
        process.stop()
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
