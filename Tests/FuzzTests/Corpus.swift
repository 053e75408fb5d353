import Foundation
import TestSupport
import ZooKeeperProtocol

/// Valid request frames, one a file, named after their operation: what the mutations start from.
enum Corpus {
    static let directory = TestEnvironment.packageRoot.appendingPathComponent("Tests/FuzzTests/corpus")

    struct Seed: Sendable {
        var name: String
        /// xid, opcode and body.
        var payload: [UInt8]
    }

    static func load() throws -> [Seed] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".frame") }.sorted()
            .map { Seed(name: $0, payload: Array(try Data(contentsOf: directory.appendingPathComponent($0)))) }
    }

    /// The requests the corpus was recorded from: every operation a client may send, in its common shapes.
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
        ]
    }

    /// Writes the corpus anew (`CORRAL_RECORD_CORPUS=1`), after a change to `requests`.
    static func record() throws {
        for (name, request) in requests {
            let file = directory.appendingPathComponent("\(name).frame")
            try Data(request.payload(xid: 1)).write(to: file)
        }
    }
}

/// Changes frames in the ways that break decoders.
struct Mutator {
    var random: SeededGenerator
    let seeds: [Corpus.Seed]

    init(seed: UInt64, seeds: [Corpus.Seed]) {
        random = SeededGenerator(seed: seed)
        self.seeds = seeds
    }

    static let interesting: [Int32] = [
        -1, -2, 0, 1, 2, 3, 4, 5, 7, 8, 16, 31, 100, 127, 255, 256, 0x7fff, 0xffff, 0xfffff, 0x100000, .max, .min,
        -0x7fff_ffff, 0x4000_0000, -10, -11, 101, 102, 103, 104, 105, 106, 107,
    ]

    /// A payload (without the frame's length) with one to four changes.
    mutating func payload() -> [UInt8] {
        var bytes = random.pick(seeds).payload
        for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes) }
        return bytes
    }

    private mutating func place(_ bytes: [UInt8]) -> Int { Int.random(in: 0..<bytes.count, using: &random) }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = [UInt8(truncatingIfNeeded: random.next())]
            return
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: bytes[place(bytes)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place(bytes)] = UInt8.random(in: 0...255, using: &random)
        case 2, 3: overwriteInt(&bytes)
        case 4: bytes.removeLast(min(bytes.count, place(bytes) + 1))
        case 5:
            bytes += (0..<Int.random(in: 1...40, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case 6:
            let other = random.pick(seeds).payload
            bytes = Array(bytes.prefix(place(bytes))) + other.suffix(Int.random(in: 0...other.count, using: &random))
        case 7:
            let start = place(bytes)
            let part = bytes[start..<min(bytes.count, start + Int.random(in: 1...16, using: &random))]
            bytes.insert(contentsOf: part, at: place(bytes))
        case 8:
            let start = place(bytes)
            bytes.removeSubrange(start..<min(bytes.count, start + Int.random(in: 1...8, using: &random)))
        default:
            guard bytes.count >= 8 else { return }
            let opcode = random.pick(OpCode.allCases).rawValue
            bytes.replaceSubrange(4..<8, with: withUnsafeBytes(of: opcode.bigEndian) { Array($0) })
        }
    }

    private mutating func overwriteInt(_ bytes: inout [UInt8]) {
        guard bytes.count >= 4 else { return }
        let start = Int.random(in: 0...bytes.count - 4, using: &random)
        let value = random.pick(Self.interesting)
        bytes.replaceSubrange(start..<start + 4, with: withUnsafeBytes(of: value.bigEndian) { Array($0) })
    }

    /// A whole frame; one in a hundred has a length that lies.
    mutating func frame() -> [UInt8] {
        let content = payload()
        guard random.chance(1) else { return ProtocolClient.framed(content) }
        let lie = random.pick(Self.interesting)
        return withUnsafeBytes(of: lie.bigEndian) { Array($0) } + content
    }
}
