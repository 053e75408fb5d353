import Foundation
import Jute
import TestSupport
import ZooKeeperProtocol

/// Valid frames of every opcode, from the files under `corpus`: one file an opcode, one frame a line in hexadecimal
/// (xid, opcode, body; without the length), each below a line that names it.
struct Corpus: Sendable {
    static let directory = TestEnvironment.packageRoot.appendingPathComponent("Tests/FuzzTests/corpus")
    static let handshakeName = "handshake"

    /// Frames by file name, without its extension.
    private(set) var files: [String: [[UInt8]]] = [:]
    /// All but the handshakes, in the files' order.
    private(set) var requests: [[UInt8]] = []
    var handshakes: [[UInt8]] { files[Self.handshakeName] ?? [] }

    struct Malformed: Error { let line: String }

    init() throws {
        for file in try FileManager.default.contentsOfDirectory(atPath: Self.directory.path).sorted() {
            guard file.hasSuffix(".txt") else { continue }
            let text = try String(contentsOf: Self.directory.appendingPathComponent(file), encoding: .utf8)
            let frames = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(Self.bytes)
            let name = String(file.dropLast(4))
            files[name] = frames
            if name != Self.handshakeName { requests += frames }
        }
    }

    private static func bytes(_ line: Substring) throws -> [UInt8] {
        let digits = Array(line.utf8)
        return try stride(from: 0, to: digits.count, by: 2).map {
            guard $0 + 1 < digits.count, let byte = UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
            else { throw Malformed(line: String(line)) }
            return byte
        }
    }

    // MARK: recording

    /// Writes the files anew from requests as the test client encodes them.
    static func record() throws {
        var files: [String: [(label: String, bytes: [UInt8])]] = [:]
        for (index, request) in samples().enumerated() {
            let name = OpCode(rawValue: request.opcode).map { "\($0)" } ?? "unknown"
            let xid: Int32 =
                switch OpCode(rawValue: request.opcode) {
                case .auth: ReservedXid.auth
                case .ping: ReservedXid.ping
                case .setWatches, .setWatches2: ReservedXid.setWatches
                default: Int32(index + 1)
                }
            files[name, default: []].append((request.label, request.payload(xid: xid)))
        }
        files[handshakeName] = handshakeSamples()
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, frames) in files {
            let lines = frames.flatMap { frame in
                ["# " + frame.label, frame.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()]
            }
            try (lines.joined(separator: "\n") + "\n").write(
                to: directory.appendingPathComponent("\(name).txt"), atomically: true, encoding: .utf8)
        }
    }

    private static func handshakeSamples() -> [(label: String, bytes: [UInt8])] {
        let password = [UInt8](repeating: 0, count: 16)
        func sample(_ label: String, session: Int64, timeout: Int32, tail: [UInt8]) -> (String, [UInt8]) {
            let head = withUnsafeBytes(of: Int32(0).bigEndian) { Array($0) }
            let zxid = withUnsafeBytes(of: Int64(0).bigEndian) { Array($0) }
            let id = withUnsafeBytes(of: session.bigEndian) { Array($0) }
            let time = withUnsafeBytes(of: timeout.bigEndian) { Array($0) }
            return (label, head + zxid + time + id + [0, 0, 0, 16] + password + tail)
        }
        return [
            sample("new session", session: 0, timeout: 30_000, tail: [0]),
            sample("old client, without the read-only byte", session: 0, timeout: 10_000, tail: []),
            sample("back to a session that is not there", session: 0x100_0000_0001, timeout: 4000, tail: [1]),
        ]
    }

    private static func samples() -> [Request] {
        let user = [ACL(permissions: 31, identity: Identity(scheme: "digest", id: "user:x"))]
        let lists = [["/f/a"], ["/f/none"], ["/f"], ["/f/b"], ["/f/b/c"]]
        return [
            .create("/f/new", data: Array("data".utf8)), .create("/f/s-", flags: CreateFlag.sequential),
            .create("/f/e", flags: CreateFlag.ephemeral), .create("/f/acl", acl: user),
            .create("/f/es-", flags: CreateFlag.ephemeralSequential, opcode: .create2),
            .create("/f/two", data: nil, opcode: .create2),
            .create("/f/container", flags: CreateFlag.container, opcode: .createContainer),
            .create("/f/ttl", flags: CreateFlag.ttl, opcode: .createTTL, ttlMillis: 60_000),
            .create("/f/ttls-", flags: CreateFlag.ttlSequential, opcode: .createTTL, ttlMillis: 1),
            .delete("/f/a"), .delete("/f/b", version: 3), .exists("/f/a"), .exists("/f/none", watch: true),
            .getData("/f/a"), .getData("/f/b", watch: true), .setData("/f/a", data: Array("changed".utf8)),
            .setData("/f/b", data: nil, version: 0), .path(.getACL, "/f/a"), .setACL("/f/b", acl: ACL.open),
            .setACL("/f/b", acl: user, version: 0), .read(.getChildren, "/f"), .read(.getChildren, "/f", watch: true),
            .getChildren("/f"), .getChildren("/", watch: true), .sync("/f"), .ping, .check("/f/a", version: 0),
            .multi([
                .check("/f/b", version: -1), .create("/f/m", data: [1]), .setData("/f/m", data: [2]), .delete("/f/m"),
                .create("/f/mc", flags: CreateFlag.container, opcode: .createContainer),
                .create("/f/m2-", flags: CreateFlag.sequential, opcode: .create2),
                .create("/f/mt", flags: CreateFlag.ttl, opcode: .createTTL, ttlMillis: 60_000),
            ]),
            .multi([.delete("/f/none"), .create("/f/never")]), .multi([]),
            .multi([.getData("/f/b"), .read(.getChildren, "/f"), .getData("/f/none")], opcode: .multiRead),
            .watches(.checkWatches, "/f/b", 2), .watches(.removeWatches, "/f/b", 3),
            .addWatch("/f", .persistent), .addWatch("/f", .persistentRecursive),
            .auth(scheme: "digest", "user:password"), .auth(scheme: "digest", "super:secret"),
            .setWatches(relativeZxid: 1, lists: Array(lists[..<3])), .setWatches(relativeZxid: 1, lists: lists),
            .path(.getEphemerals, "/f"), .path(.getAllChildrenNumber, "/f"), .whoAmI, .closeSession,
            Request(.reconfig, "join") {
                for text in ["server.2=a:1:2:participant;3", "", ""] { $0.append(string: text) }
                $0.append(int64: -1)
            },
            Request(.sasl, "token") { $0.append(string: "token") }, .path(.deleteContainer, "/f/container"),
            Request(.createSession, "from a client") { $0.append(int32: 10_000) },
        ]
    }
}
