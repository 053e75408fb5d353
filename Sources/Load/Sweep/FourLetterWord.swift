import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// ZooKeeper's four-letter words, as a client.
enum FourLetterWord {
    /// The server's answer; empty when there is none in time.
    static func ask(_ word: String, of server: ServerAddress, timeoutMillis: Int = 2000) -> String {
        guard let descriptor = try? Handshake.connect(server) else { return "" }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: timeoutMillis / 1000, tv_usec: timeoutMillis % 1000 * 1000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes = Array(word.utf8)
        guard send(descriptor, &bytes, bytes.count, 0) == bytes.count else { return "" }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < 1 << 20 {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { break }
            answer += chunk[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// What the server says it is; nil when it does not say.
    static func version(of server: ServerAddress) -> String? {
        for line in ask("srvr", of: server).split(separator: "\n") {
            let name = line.lowercased()
            if let colon = line.firstIndex(of: ":"),
                name.hasPrefix("zookeeper version") || name.hasPrefix("clickhouse keeper version")
            {
                let text = line[line.index(after: colon)...].prefix { $0 != "," }
                return String(text).trimmingWhitespace
            }
        }
        return nil
    }
}
