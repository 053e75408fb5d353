import Foundation
import Jute
import ZooKeeperProtocol

/// A server's whole tree as lines of text, one for each znode, read over the protocol.
public enum TreeDump {
    /// - Parameter statistics: with every field of Stat, which only servers sharing one history agree on.
    public static func lines(
        port: Int, under root: String = "/", statistics: Bool = true, skipping: Set<String> = []
    ) throws -> [String] {
        let client = try ProtocolClient(port: port)
        let auth = try client.authenticate(scheme: "digest", "super:secret")
        guard auth.error == 0 else { throw ProtocolClient.Failure.server(auth.error) }
        var lines: [String] = []
        var pending = [root]
        while !pending.isEmpty {
            // Many at once: one by one, the way there and back is all that a tree of thousands takes.
            let paths = pending.suffix(100).filter { !skipping.contains($0) }
            pending.removeLast(min(100, pending.count))
            let xids = try paths.map { path in
                try [.getChildren(path), .getData(path), .path(.getACL, path)].map { try client.send($0) }
            }
            for (path, xids) in zip(paths, xids) {
                let replies = try xids.map { xid in
                    let reply = try client.receiveReply()
                    guard reply.xid == xid else { throw ProtocolClient.Failure.wrongXid(expected: xid, got: reply.xid) }
                    return reply
                }
                if let error = replies.map(\.error).first(where: { $0 != 0 }) {
                    if error == ErrorCode.noNode.rawValue { continue }
                    throw ProtocolClient.Failure.server(error)
                }
                pending += try replies[0].strings().map { path == "/" ? "/\($0)" : "\(path)/\($0)" }
                let (data, stat) = try replies[1].dataAndStat()
                let acl = try replies[2].read { try ACL.decodeList(from: &$0) ?? [] }
                var line = "\(path) data=\(data.count):\(hash(data)) acl=\(Request.text(acl))"
                if statistics { line += " \(describe(stat))" }
                lines.append(line)
            }
        }
        try client.close()
        return lines.sorted()
    }

    static func describe(_ stat: Stat) -> String {
        "c\(stat.czxid) m\(stat.mzxid) p\(stat.pzxid) ct\(stat.ctime) mt\(stat.mtime) v\(stat.version)"
            + " cv\(stat.cversion) av\(stat.aversion) own\(stat.ephemeralOwner) n\(stat.numChildren)"
    }

    /// Tells two values apart in dumps of one process.
    static func hash(_ data: [UInt8]) -> String {
        var hasher = Hasher()
        data.withUnsafeBytes { hasher.combine(bytes: $0) }
        return String(UInt(bitPattern: hasher.finalize()), radix: 16)
    }

    /// The first lines where two dumps differ, for a failure's message.
    public static func difference(_ left: [String], _ right: [String], limit: Int = 10) -> [String] {
        let leftSet = Set(left)
        let rightSet = Set(right)
        let onlyLeft = left.filter { !rightSet.contains($0) }.map { "- \($0)" }
        let onlyRight = right.filter { !leftSet.contains($0) }.map { "+ \($0)" }
        return Array((onlyLeft.prefix(limit) + onlyRight.prefix(limit)))
    }
}
