import Foundation
import Jute
import TestSupport
import ZooKeeperProtocol

/// Valid frames, one a file, named after their operation: what the mutations start from.
enum Corpus {
    static let directory = TestEnvironment.packageRoot.appendingPathComponent("Tests/FuzzTests/corpus")

    struct Seed: Sendable {
        var name: String
        /// xid, opcode and body; of a handshake its record.
        var payload: [UInt8]
    }

    /// The znodes that the requests speak of.
    static let znodes = ["/fuzz", "/fuzz/a", "/fuzz/b", "/fuzz/b/c", "/fuzz/container"]

    static func load() throws -> (requests: [Seed], handshakes: [Seed]) {
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        let seeds = try files.filter { $0.hasSuffix(".frame") }.map {
            Seed(name: $0, payload: Array(try Data(contentsOf: directory.appendingPathComponent($0))))
        }
        let isHandshake = { (seed: Seed) in seed.name.hasPrefix("handshake") }
        return (seeds.filter { !isHandshake($0) }, seeds.filter(isHandshake))
    }

    /// The requests the corpus was recorded from: every operation in its common shapes, those too that a server
    /// refuses from a client.
    static var requests: [(name: String, request: Request)] {
        let alice = [
            ACL(permissions: 31, identity: Identity(scheme: "digest", id: "alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc="))
        ]
        let two = [
            ACL(permissions: 1, identity: .anyone), ACL(permissions: 31, identity: .init(scheme: "auth", id: "")),
        ]
        return [
            ("create", .create("/fuzz/a", data: Array("data".utf8))),
            ("create-ephemeral-sequential", .create("/fuzz/e-", flags: 3)),
            ("create-acl", .create("/fuzz/acl", acl: alice)),
            ("create-null-data", .create("/fuzz/null", data: nil, acl: two)),
            ("create2", .create("/fuzz/b", data: [UInt8](repeating: 7, count: 1024), opcode: .create2)),
            ("createContainer", .create("/fuzz/c", flags: 4, opcode: .createContainer)),
            ("createTTL", .create("/fuzz/t", flags: 5, opcode: .createTTL, ttlMillis: 60_000)),
            ("createTTL-sequential", .create("/fuzz/t-", flags: 6, opcode: .createTTL, ttlMillis: 1)),
            ("delete", .delete("/fuzz/a", version: 0)),
            ("exists", .exists("/fuzz/a", watch: true)),
            ("getData", .getData("/fuzz/b", watch: true)),
            ("setData", .setData("/fuzz/b", data: Array("other".utf8), version: -1)),
            ("getACL", .path(.getACL, "/fuzz/acl")),
            ("setACL", .setACL("/fuzz/acl", acl: two, version: 0)),
            ("getChildren", .read(.getChildren, "/fuzz", watch: true)),
            ("getChildren2", .getChildren("/", watch: true)),
            ("sync", .sync("/fuzz")),
            ("ping", .ping),
            ("getEphemerals", .path(.getEphemerals, "/fuzz")),
            ("getAllChildrenNumber", .path(.getAllChildrenNumber, "/fuzz")),
            (
                "multi",
                .multi([
                    .create("/fuzz/m", data: [1]), .create("/fuzz/m/s-", flags: 2, opcode: .create2),
                    .setData("/fuzz/m", data: [2], version: 0), .check("/fuzz/m", version: 1),
                    .delete("/fuzz/m/none"), .create("/fuzz/m/t", flags: 5, opcode: .createTTL, ttlMillis: 9),
                ])
            ),
            ("multi-empty", .multi([])),
            ("multiRead", .multi([.getData("/fuzz/b"), .read(.getChildren, "/fuzz")], opcode: .multiRead)),
            ("auth", .auth(scheme: "digest", "alice:wonder")),
            ("setWatches", .setWatches(relativeZxid: 1, lists: [["/fuzz/a"], ["/fuzz/b"], ["/fuzz"]])),
            (
                "setWatches2",
                .setWatches(relativeZxid: 1, lists: [["/fuzz/a"], ["/x"], ["/fuzz"], ["/fuzz/c"], ["/", "/fuzz"]])
            ),
            ("addWatch", .addWatch("/fuzz", .persistent)),
            ("addWatch-recursive", .addWatch("/", .persistentRecursive)),
            ("checkWatches", .watches(.checkWatches, "/fuzz", 3)),
            ("removeWatches", .watches(.removeWatches, "/fuzz", 3)),
            ("whoAmI", .whoAmI),
            ("closeSession", .closeSession),
            ("check", .check("/fuzz/a", version: 0)),
            (
                "reconfig",
                Request(.reconfig, "join") {
                    for text in ["server.2=a:1:2:participant;3", "", ""] { $0.append(string: text) }
                    $0.append(int64: -1)
                }
            ),
            ("sasl", Request(.sasl, "token") { $0.append(string: "token") }),
            ("deleteContainer", .path(.deleteContainer, "/fuzz/container")),
            ("createSession", Request(.createSession, "from a client") { $0.append(int32: 10_000) }),
            ("auth-super", .auth(scheme: "digest", "super:secret")),
            ("multi-fails", .multi([.delete("/fuzz/none"), .create("/fuzz/never")])),
            ("multi-container", .multi([.create("/fuzz/mc", flags: 1, opcode: .createContainer)])),
            (
                "multiRead-misses",
                .multi([.getData("/fuzz/none"), .getData("/fuzz/a"), .getData("/fuzz/b/c")], opcode: .multiRead)
            ),
            ("delete-leaf", .delete("/fuzz/b/c")),
            ("setData-null", .setData("/fuzz/a", data: nil)),
            ("exists-none", .exists("/fuzz/none", watch: true)),
        ]
    }

    /// The records that begin a connection.
    static var handshakes: [(name: String, payload: [UInt8])] {
        func record(session: Int64, timeoutMillis: Int32, tail: [UInt8]) -> [UInt8] {
            var buffer = WireBuffer()
            buffer.append(int32: 0)
            buffer.append(int64: 0)
            buffer.append(int32: timeoutMillis)
            buffer.append(int64: session)
            [UInt8](repeating: 0, count: 16).withUnsafeBytes { buffer.append(buffer: $0) }
            return Array(buffer.bytes) + tail
        }
        return [
            ("handshake", record(session: 0, timeoutMillis: 30_000, tail: [0])),
            ("handshake-old", record(session: 0, timeoutMillis: 10_000, tail: [])),
            ("handshake-gone", record(session: 0x100_0000_0001, timeoutMillis: 4000, tail: [1])),
        ]
    }

    private static func xid(of request: Request) -> Int32 {
        switch OpCode(rawValue: request.opcode) {
        case .auth: ReservedXid.auth
        case .ping: ReservedXid.ping
        case .setWatches, .setWatches2: ReservedXid.setWatches
        default: 1
        }
    }

    /// Writes the corpus anew (`CORRAL_RECORD_CORPUS=1`), after a change to what is above.
    static func record() throws {
        for (name, payload) in requests.map({ ($0.name, $0.request.payload(xid: xid(of: $0.request))) }) + handshakes {
            try Data(payload).write(to: directory.appendingPathComponent("\(name).frame"))
        }
    }
}
