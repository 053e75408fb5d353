import Synchronization

/// The last lines that a server printed.
public struct ServerLogTail: Codable, Equatable, Sendable {
    public var server: String
    public var lines: [String]
}

/// What servers had printed when they were stopped. Their directories are gone by the time somebody asks why they
/// failed, or what they said of themselves.
public enum ServerLogTails {
    /// Of servers that ran together; of each kind and size the newest, those stopped last at the end.
    private static let kept = Mutex<[[ServerLogTail]]>([])
    private static let lineCount = 20

    /// Of the servers that were stopped last.
    public static var last: [ServerLogTail] { kept.withLock { $0.last ?? [] } }

    /// Replaces what was kept of servers of these names in an ensemble of this size.
    static func keep(_ servers: [(name: String, logPath: String)]) {
        let tails = servers.map { server in
            let lines = TextFile.read(server.logPath).split(separator: "\n").suffix(lineCount)
            return ServerLogTail(server: server.name, lines: lines.map(String.init))
        }
        let names = tails.map(\.server)
        kept.withLock { kept in
            kept.removeAll { $0.map(\.server) == names }
            kept.append(tails)
        }
    }

    /// Adds what is kept to `server-logs.txt`, which has a resumed experiment's earlier sessions already.
    public static func write(to directory: String, startedAt: String) throws(LoadError) {
        let path = "\(directory)/server-logs.txt"
        let ensembles = kept.withLock { $0 }
        guard !ensembles.isEmpty else { return }
        var text = TextFile.read(path)
        text += "Session of \(startedAt): each server's last \(lineCount) lines; of each kind and size the last\n"
        for tails in ensembles {
            for tail in tails {
                text += "\n--- \(tail.server), of \(tails.count)\n"
                text += tail.lines.map { $0 + "\n" }.joined()
            }
        }
        try ResultFiles.write(text + "\n", to: path)
    }
}
