import Synchronization

/// The last lines that a server printed.
public struct ServerLogTail: Codable, Equatable, Sendable {
    public var server: String
    public var lines: [String]
}

/// What the servers that were stopped last had printed. Their directories are gone by the time somebody asks why they
/// failed.
public enum ServerLogTails {
    private static let kept = Mutex<[ServerLogTail]>([])
    private static let lineCount = 20

    public static var last: [ServerLogTail] { kept.withLock { $0 } }

    /// Replaces what was kept by the tails of servers that ran together.
    static func keep(_ servers: [(name: String, logPath: String)]) {
        let tails = servers.map { server in
            let lines = TextFile.read(server.logPath).split(separator: "\n").suffix(lineCount)
            return ServerLogTail(server: server.name, lines: lines.map(String.init))
        }
        kept.withLock { $0 = tails }
    }
}
