import Jute
import TestSupport
import ZooKeeperProtocol

/// Makes plans from a seed: mostly sensible requests in a small namespace, so that they meet, and a share of
/// wrong ones.
struct PlanGenerator {
    static let sessionCount = 5
    /// Every plan is made for this base and moved to the round's own.
    static let base = "/d000000"

    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func plan(requests: Int) -> [Step] {
        var steps: [Step] = (0..<3).map { .open(session: $0, timeoutMillis: 30_000, readOnlyByte: true) }
        var count = 0
        while count < requests {
            let step = nextStep()
            count += step.requestCount
            steps.append(step)
        }
        return steps
    }

    private mutating func nextStep() -> Step {
        let session = Int.random(in: 0..<Self.sessionCount, using: &random)
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<30:
            let timeout = random.pick([Int32(30_000), 0, -1, 1, 999, 1000, 59_999, 60_000, 60_001, .max, .min])
            return .open(
                session: session, timeoutMillis: timeout < 25_000 ? 30_000 : timeout, readOnlyByte: random.chance(80))
        case 30..<50: return .drop(session: session)
        case 50..<90:
            return .resume(session: session, wrongPassword: random.chance(10), readOnlyByte: random.chance(80))
        case 90..<100: return .requests(session: session, [PlannedRequest(.closeSession)])
        case 100..<130: return .requests(session: session, [PlannedRequest(auth(), xid: ReservedXid.auth)])
        case 130..<175: return .requests(session: session, [PlannedRequest(damaged(request(session).request))])
        case 175..<178: return .requests(session: session, [unknown()])
        case 185..<195: return rawBytes(session)
        case 195..<205: return .requests(session: session, [PlannedRequest(quota())])
        case 207..<215:
            let kind = random.pick([Int32(4), 5])
            let opcode = random.pick([OpCode.checkWatches, .removeWatches])
            return .requests(session: session, [PlannedRequest(.watches(opcode, path(), kind))])
        case 205..<207:
            // The ping shows where a reply that never comes should have been.
            let check = Request.check(anyPath(), version: random.chance(50) ? 0 : version())
            return .requests(session: session, [PlannedRequest(check), PlannedRequest(.ping, xid: ReservedXid.ping)])
        default:
            let length = random.chance(40) ? 1 : Int.random(in: 2...20, using: &random)
            return .requests(session: session, (0..<length).map { _ in numbered(request(session)) })
        }
    }

    private mutating func numbered(_ planned: PlannedRequest) -> PlannedRequest {
        guard random.chance(3) else { return planned }
        var copy = planned
        copy.xid = random.pick([0, 7, -2, -4, -8, .max, .min, 77])
        return copy
    }

    // MARK: Paths

    private mutating func name() -> String {
        random.chance(88)
            ? random.pick(["a", "b", "c"])
            : random.pick(["s0000000000", "s0000000001", "s0000000002", "0000000000", "ä", "d", "\u{1f40e}"])
    }

    private mutating func path() -> String {
        let depth = random.pick([1, 1, 1, 2, 2, 3])
        return Self.base + (0..<depth).map { _ in "/" + name() }.joined()
    }

    private mutating func anyPath() -> String {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<92: return path()
        case 92: return Self.base
        case 93: return random.pick(["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/nothing"])
        default: return badPath()
        }
    }

    private mutating func badPath() -> String {
        let base = Self.base
        return random.pick([
            "", "a", "a/b", "//", "/.", "/..", base + "/", base + "//a", base + "/./a", base + "/../a", base + "/a/.",
            base + "/a/..", base + "/.a", base + "/..a", base + "/...", base + "/a\0b", base + "/\u{1}",
            base + "/\u{1f}", base + "/\u{7f}", base + "/\u{80}", base + "/\u{9f}", base + "/\u{a0}",
            base + "/\u{f8ff}", base + "/\u{e000}", base + "/\u{fff0}", base + "/\u{ffff}", base + "/\u{fffd}",
            base + "/\u{10ffff}", base + "/ ", base + "/a b", String(base.dropFirst()), base + "\\a",
        ])
    }

    // MARK: Values

    private mutating func data() -> [UInt8]? {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: return nil
        case 1: return []
        case 2: return [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 1000)
        case 3: return [0xff, 0x00, 0x80]
        default: return Array("value-\(Int.random(in: 0..<1000, using: &random))".utf8)
        }
    }

    private mutating func version() -> Int32 {
        random.chance(60) ? -1 : random.pick([0, 0, 1, 1, 2, 3, 5, -2, .max, .min])
    }

    private mutating func acl() -> [ACL]? {
        guard random.chance(25) else { return ACL.open }
        let permissions = random.pick([Int32(31), 31, 31, 1, 2, 3, 15, 16, 27, 4, 8, 0, 32, 63, -1])
        func entry(_ scheme: String, _ id: String) -> ACL {
            ACL(permissions: permissions, identity: Identity(scheme: scheme, id: id))
        }
        // The digest of alice:wonder, as Apache's provider makes it.
        let alice = "alice:" + Self.aliceDigest
        let choices: [[ACL]?] = [
            [entry("world", "anyone")], [entry("world", "someone")], [entry("world", "")], [entry("auth", "")],
            [entry("auth", Request.nullText)], [entry("world", Request.nullText)], [entry(Request.nullText, "anyone")],
            [entry("digest", Request.nullText)], [entry("ip", Request.nullText)],
            [entry("auth", "ignored")], [entry("digest", alice)], [entry("digest", "bob:x")],
            [entry("digest", "nocolon")], [entry("digest", "a:b:c")], [entry("ip", "127.0.0.1")],
            [entry("ip", "127.0.0.1/8")], [entry("ip", "10.0.0.1")], [entry("ip", "nonsense")],
            [entry("ip", "127.0.0.1/99")], [entry("ip", "127.0.0")], [entry("super", "x")], [entry("sasl", "x")],
            [entry("x509", "x")], [entry("unknown", "x")], [entry("", "")], [], nil,
            [entry("world", "anyone"), entry("world", "anyone")],
            [entry("world", "anyone"), entry("digest", alice)], [entry("digest", alice), entry("auth", "")],
            [entry("digest", alice), entry("ip", "127.0.0.1")], [entry("auth", ""), entry("auth", "")],
        ]
        return random.pick(choices)
    }

    static let aliceDigest = "8y0lhh/7xkdEiwhX7vo9i+/Nmzc="

    private mutating func auth() -> Request {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9: return .auth(scheme: "digest", "alice:wonder")
        case 9..<12: return .auth(scheme: "digest", "bob:builder")
        case 12..<14: return .auth(scheme: "digest", "super:secret")
        case 14: return .auth(scheme: "digest", "super:wrong")
        case 15: return .auth(scheme: "ip", "")
        case 16: return .auth(scheme: "world", "anyone")
        case 17: return .auth(scheme: "nonsense", "x")
        case 18: return .auth(scheme: "digest", random.pick(["", "nocolon", ":", "a:", ":b", "a:b:c"]))
        default: return .auth(scheme: nil, "x")
        }
    }

    // MARK: Requests

    /// Each session keeps to one kind of watch (0 one-shot, 1 persistent, 2 recursive): before 3.9, Apache's server
    /// forgets a watch when another kind is set on the same path, which `explained.txt` could not tell apart.
    private func watchMode(_ session: Int) -> Int { session <= 2 ? 0 : session - 2 }

    private mutating func persistentMode(_ session: Int) -> Int32 {
        if random.chance(10) { return random.pick([2, -1, 99]) }
        return watchMode(session) == 0 ? -1 : Int32(watchMode(session) - 1)
    }

    private mutating func request(_ session: Int) -> PlannedRequest {
        let relative = random.pick([Int64(0), 0, 1, 5, 20, 100, -3, .max])
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<28: return PlannedRequest(write())
        case 28..<36: return PlannedRequest(multi())
        case 36..<39: return PlannedRequest(multiRead())
        case 39..<77: return PlannedRequest(read(session))
        case 77..<84: return PlannedRequest(.watches(.addWatch, anyPath(), persistentMode(session)))
        case 84..<88: return PlannedRequest(.watches(.removeWatches, anyPath(), random.pick([1, 2, 3, 3, 0])))
        case 88..<92: return PlannedRequest(.watches(.checkWatches, anyPath(), random.pick([1, 2, 3, 3, 0])))
        case 92..<94:
            var lists: [[String]] = (0..<(random.chance(50) ? 3 : 5)).map { _ in
                (0..<Int.random(in: 0...2, using: &random)).map { _ in anyPath() }
            }
            for index in lists.indices where watchMode(session) != min(2, max(0, index - 2)) { lists[index] = [] }
            return PlannedRequest(
                .setWatches(relativeZxid: 0, lists: lists), xid: ReservedXid.setWatches, relativeZxid: relative)
        case 94: return PlannedRequest(.whoAmI)
        case 95: return PlannedRequest(.ping, xid: ReservedXid.ping)
        case 96..<98: return PlannedRequest(.sync(anyPath()))
        default:
            return PlannedRequest(.path(.getEphemerals, random.pick([nil, "", "/", " ", Self.base, anyPath(), "x"])))
        }
    }

    private mutating func read(_ session: Int? = nil) -> Request {
        let mayWatch = session.map { watchMode($0) == 0 } ?? false
        let path = session != nil && random.chance(1) ? nil : anyPath()
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<3: return .exists(path, watch: mayWatch && random.chance(35))
        case 3..<6: return .getData(path, watch: mayWatch && random.chance(35))
        case 6: return .read(.getChildren, path, watch: mayWatch && random.chance(35))
        case 7..<9: return .getChildren(path, watch: mayWatch && random.chance(35))
        case 9: return .path(.getAllChildrenNumber, path)
        default: return .path(.getACL, path)
        }
    }

    private mutating func create(inMulti: Bool = false) -> Request {
        var target = anyPath()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60:
            var flags = random.pick([Int32(0), 0, 0, 0, 1, 1, 2, 3])
            if random.chance(4) { flags = random.pick([4, 5, 6, 7, -1, 99, .min]) }
            if flags == 2 || flags == 3 {
                target = random.pick([target, Self.base + "/s", Self.base + "/", target + "/"])
            }
            return .create(
                random.chance(1) ? nil : target, data: data(), acl: acl(), flags: flags,
                opcode: random.chance(50) ? .create : .create2)
        case 60..<75:
            // Inside a multi, 3.8 goes by the flags and 3.9 by the operation: the same reply, another znode.
            let flags = inMulti || random.chance(80) ? 4 : random.pick([Int32(0), 1, 2, 3, 5, 6, 9])
            return .create(target, data: data(), acl: acl(), flags: flags, opcode: .createContainer)
        default:
            let flags = random.chance(80) ? random.pick([Int32(5), 6]) : random.pick([Int32(0), 1, 2, 3, 4, 9])
            var ttl =
                random.chance(80)
                ? 100_000 : random.pick([Int64(0), -1, 1, 0xff_ffff_ffff, 0x100_0000_0000, .max, .min])
            // Apache's server ends itself when it applies createTTL with another mode and a negative time.
            if !inMulti, flags != 5, flags != 6, ttl < 0 { ttl = 0 }
            return .create(target, data: data(), acl: acl(), flags: flags, opcode: .createTTL, ttlMillis: ttl)
        }
    }

    private mutating func write() -> Request {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<10: return create()
        case 10..<13: return .delete(anyPath(), version: version())
        case 13..<17: return .setData(anyPath(), data: data(), version: version())
        default:
            // Not the root: its ACL would outlive the round.
            return .setACL(random.chance(95) ? path() : badPath(), acl: acl(), version: version())
        }
    }

    private mutating func multi() -> Request {
        let length = random.pick([0, 1, 1, 2, 2, 3, 4, 6])
        return .multi(
            (0..<length).map { _ in
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<9: return create(inMulti: true)
                case 9..<12: return .delete(anyPath(), version: version())
                case 12..<16: return .setData(anyPath(), data: data(), version: version())
                case 16..<19: return .check(anyPath(), version: random.chance(70) ? -1 : version())
                default: return random.chance(10) ? read() : .setData(anyPath(), data: data())
                }
            })
    }

    private mutating func multiRead() -> Request {
        let length = random.pick([0, 1, 2, 3])
        let parts = (0..<length).map { _ in
            random.chance(50) ? Request.getData(anyPath()) : Request.read(.getChildren, anyPath())
        }
        return .multi(parts, opcode: .multiRead)
    }

    private mutating func quota() -> Request {
        let place = "/zookeeper/quota" + Self.base + random.pick(["", "/zookeeper_limits", "/zookeeper_stats"])
        switch Int.random(in: 0..<4, using: &random) {
        case 0, 1: return .create(place, data: Array("count=3,bytes=100".utf8))
        case 2: return .setData(place, data: Array("count=2,bytes=10".utf8))
        default: return .getData(place)
        }
    }

    // MARK: Wrong ones

    private mutating func unknown() -> PlannedRequest {
        let opcode = random.pick([
            Int32(10), 20, 23, 99, 108, 1000, -1, -2, -12, .max, .min, 0,
        ])
        let exists = random.chance(50) ? nil : Request.exists(path())
        let label = "opcode \(opcode) with \(exists?.label ?? "nothing")"
        var planned = PlannedRequest(Request(opcode: opcode, body: exists?.body ?? [], label: label))
        planned.mayEndConnection = true
        return planned
    }

    /// A valid request with its end cut off, a length falsified, bytes added, or text that is not UTF-8.
    private mutating func damaged(_ request: Request) -> Request {
        var copy = request
        guard !copy.body.isEmpty else { return copy }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1:
            copy.body = Array(copy.body.prefix(Int.random(in: 0..<copy.body.count, using: &random)))
            copy.label = "truncated to \(copy.body.count)B: \(copy.label)"
        case 2, 3:
            guard copy.body.count >= 4 else { return copy }
            let value = random.pick([Int32(-2), -1, .min, .max, 0x10_0000, 0x7fff, 1])
            copy.body.replaceSubrange(0..<4, with: withUnsafeBytes(of: value.bigEndian) { Array($0) })
            copy.label = "first length \(value): \(copy.label)"
        case 4:
            copy.body += [1, 2, 3, 4, 5]
            copy.label = "5 bytes more: \(copy.label)"
        default:
            guard let place = copy.body.lastIndex(of: UInt8(ascii: "/")), place + 1 < copy.body.count else {
                return copy
            }
            copy.body[place + 1] = random.pick([0xff, 0xc0, 0xed, 0x80])
            copy.label = "not UTF-8: \(copy.label)"
        }
        return copy
    }

    private mutating func rawBytes(_ session: Int) -> Step {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .bytes(session: session, [0xff, 0xff, 0xff, 0xff], label: "length -1")
        case 1: return .bytes(session: session, [0x80, 0, 0, 0], label: "length of Int32.min")
        case 2: return .bytes(session: session, [0x7f, 0xff, 0xff, 0xff], label: "length of Int32.max")
        case 3: return .bytes(session: session, [0, 0, 0, 0], label: "empty frame")
        case 4: return .bytes(session: session, [0, 0, 0, 3, 1, 2, 3], label: "frame of 3 bytes")
        default: return .bytes(session: session, [0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0], label: "header cut short")
        }
    }
}
