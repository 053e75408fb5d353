import TestSupport
import ZooKeeperProtocol

/// What one load session's part of the tree holds, read over the protocol and checked for sense in itself.
struct LoadTree {
    var sequentialPaths: Set<String> = []
    var sequentialIds: Set<Int> = []
    var counter = 0
    var multis = 0
    /// Owner of each ephemeral, by its number.
    var ephemerals: [Int: Int64] = [:]
    var problems: [String] = []

    init(_ reader: ProtocolClient, base: String) throws {
        for (path, text, _) in try Self.children(reader, "\(base)/seq") {
            sequentialPaths.insert(path)
            guard let id = Int(text), sequentialIds.insert(id).inserted else {
                problems.append("\(path): '\(text)' was applied twice")
                continue
            }
        }
        counter = try versioned(reader, "\(base)/counter")
        multis = try versioned(reader, "\(base)/multi")
        var seen: [Substring: Int] = [:]
        for (path, text, _) in try Self.children(reader, "\(base)/multi") {
            let name = path[path.index(after: path.lastIndex(of: "/")!)...]
            guard name.hasPrefix("a-") || name.hasPrefix("b-"), name.dropFirst(2) == text, let number = Int(text),
                1...multis ~= number
            else {
                problems.append("\(path) = '\(text)' after \(multis) multis")
                continue
            }
            seen[name.prefix(1), default: 0] += 1
        }
        if seen["a", default: 0] != multis || seen["b", default: 0] != multis {
            problems.append("\(base)/multi: \(multis) multis, but halves \(seen)")
        }
        for (path, _, stat) in try Self.children(reader, "\(base)/eph") {
            ephemerals[Int(path[path.index(after: path.lastIndex(of: "-")!)...]) ?? -1] = stat.ephemeralOwner
        }
    }

    /// A znode whose data is its version.
    private mutating func versioned(_ reader: ProtocolClient, _ path: String) throws -> Int {
        let (data, stat) = try reader.perform(.getData(path)).dataAndStat()
        let text = String(decoding: data, as: UTF8.self)
        if text != (stat.version == 0 ? "" : String(stat.version)) {
            problems.append("\(path): version \(stat.version), data '\(text)'")
        }
        return Int(stat.version)
    }

    /// Path, data and stat of every child; pipelined.
    static func children(_ reader: ProtocolClient, _ parent: String) throws -> [(String, String, Stat)] {
        let paths = try reader.perform(.getChildren(parent)).strings().sorted().map { "\(parent)/\($0)" }
        var result: [(String, String, Stat)] = []
        for start in stride(from: 0, to: paths.count, by: 500) {
            let group = paths[start..<min(start + 500, paths.count)]
            try reader.socket.send(
                group.flatMap { ProtocolClient.framed(Request.getData($0).payload(xid: reader.takeXid())) })
            for path in group {
                let reply = try reader.receiveReply()
                guard reply.error == 0 else { throw ProtocolClient.Failure.server(reply.error) }
                let (data, stat) = try reply.dataAndStat()
                result.append((path, String(decoding: data, as: UTF8.self), stat))
            }
        }
        return result
    }

    /// Deletes a subtree, deepest first.
    static func delete(_ client: ProtocolClient, _ path: String) throws {
        for name in try client.perform(.getChildren(path)).strings() { try delete(client, "\(path)/\(name)") }
        try client.perform(.delete(path))
    }
}
