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
        while let path = pending.popLast() {
            if skipping.contains(path) { continue }
            let children = try client.call(.getChildren(path))
            guard children.error == 0 else {
                if children.error == ErrorCode.noNode.rawValue { continue }
                throw ProtocolClient.Failure.server(children.error)
            }
            for name in try children.strings().sorted().reversed() {
                pending.append(path == "/" ? "/\(name)" : "\(path)/\(name)")
            }
            let (data, stat) = try client.perform(.getData(path)).dataAndStat()
            let acl = try client.perform(.path(.getACL, path)).read { try ACL.decodeList(from: &$0) ?? [] }
            let aclText = Request.text(acl)
            var line = "\(path) data=\(data.count):\(hash(data)) acl=\(aclText)"
            if statistics { line += " \(describe(stat))" }
            lines.append(line)
        }
        try client.close()
        return lines
    }

    static func describe(_ stat: Stat) -> String {
        "c\(stat.czxid) m\(stat.mzxid) p\(stat.pzxid) ct\(stat.ctime) mt\(stat.mtime) v\(stat.version)"
            + " cv\(stat.cversion) av\(stat.aversion) own\(stat.ephemeralOwner) n\(stat.numChildren)"
    }

    /// FNV-1a, enough to tell two values apart in a dump.
    static func hash(_ data: [UInt8]) -> String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in data { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(value, radix: 16)
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
