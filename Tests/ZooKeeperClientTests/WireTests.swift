import Jute
import TestSupport
import Testing
import ZooKeeperProtocol

@testable import ZooKeeperClient

@Suite("Names, paths, frames")
struct WireTests {
    @Test("connect strings")
    func connectStrings() throws {
        let full = try ConnectString("a:1, b ,[::1]:3,[fe80::2],10.0.0.1:4/x/y")
        #expect(
            full.endpoints == [
                Endpoint(host: "a", port: 1), Endpoint(host: "b", port: 2181), Endpoint(host: "::1", port: 3),
                Endpoint(host: "fe80::2", port: 2181), Endpoint(host: "10.0.0.1", port: 4),
            ])
        #expect(full.chroot == "/x/y")
        #expect("\(full)" == "a:1,b:2181,[::1]:3,[fe80::2]:2181,10.0.0.1:4/x/y")
        #expect(try ConnectString("a/").chroot.isEmpty)
        for wrong in ["", "/x", "a:", "a:0", "a:65536", "a:b", ":1", "::1", "[::1", "[::1]x", "a:1//x", "a:1/x/"] {
            #expect(throws: ZooKeeperError.self, "\(wrong)") { try ConnectString(wrong) }
        }
    }

    @Test("paths below a chroot and back")
    func chroot() {
        let context = ReplyContext(chroot: "/app")
        #expect(context.clientPath("/app/a/b") == "/a/b")
        #expect(context.clientPath("/app") == "/")
        // Not below it, as `/zookeeper/quota` may be in an answer.
        #expect(context.clientPath("/application") == "/application")
        #expect(context.clientPath("/zookeeper") == "/zookeeper")
        #expect(ReplyContext(chroot: "").clientPath("/a") == "/a")

        var buffer = WireBuffer()
        buffer.append(path: "/a", below: "/app")
        buffer.append(path: "/", below: "/app")
        buffer.append(path: "/b", below: "")
        let read = Array(buffer.bytes).withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            return (0..<3).map { _ in try? reader.readString() }
        }
        #expect(read == ["/app/a", "/app", "/b"])
    }

    @Test("which paths are refused, as Apache's client refuses them")
    func paths() {
        let allowed = ["/", "/a", "/a/b", "/a.b", "/..a", "/a..", "/...", "/é", "/\u{a0}", "/漢字", "/\u{fa00}"]
        for fine in allowed {
            #expect(PathRules.problem(with: fine) == nil, "\(fine.debugDescription)")
        }
        for wrong in [
            "", "a", "/a/", "//", "/a//b", "/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a\u{0}", "/a\u{1f}b",
            "/\u{7f}", "/\u{80}", "/\u{9f}", "/\u{e000}", "/\u{f8ff}", "/\u{fff0}", "/\u{ffff}", "/🐎",
        ] {
            #expect(PathRules.problem(with: wrong) != nil, "\(wrong.debugDescription)")
        }
        #expect(PathRules.problem(with: "/a/", isSequential: true) == nil)
        #expect(PathRules.problem(with: "/a//", isSequential: true) != nil)
    }

    @Test("a stream cut anywhere yields the same frames")
    func frames() throws {
        let seed = TestEnvironment.seed("CORRAL_FRAME_SEED")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let contents = (0..<Int.random(in: 1...20, using: &random)).map { _ -> [UInt8] in
                let count = Int.random(in: 0...50, using: &random)
                return [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: count)
            }
            let stream = contents.flatMap { content in
                withUnsafeBytes(of: Int32(content.count).bigEndian) { Array($0) } + content
            }
            var frames = FrameReader(maximumFrameBytes: 50)
            var read: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...30, using: &random)))
                rest = rest.dropFirst(piece.count)
                try piece.withUnsafeBytes { bytes in try frames.read(bytes) { read.append(Array($0)) } }
            }
            #expect(read == contents, "CORRAL_FRAME_SEED=\(seed)")
        }
    }

    @Test("a frame beyond the limit, or of negative length, is refused", arguments: [51, -1])
    func tooLong(length: Int) {
        var frames = FrameReader(maximumFrameBytes: 50)
        let bytes = withUnsafeBytes(of: Int32(length).bigEndian) { Array($0) }
        var failure: FrameReader.Failure?
        // Its length in two pieces.
        for piece in [Array(bytes[..<2]), Array(bytes[2...])] {
            piece.withUnsafeBytes { bytes in
                do throws(FrameReader.Failure) {
                    try frames.read(bytes) { _ in Issue.record("a frame") }
                } catch {
                    failure = error
                }
            }
        }
        #expect(failure == .tooLong(bytes: length))
    }

    @Test("the handshake's records survive the wire; old ones lack a byte")
    func handshake() throws {
        let request = ConnectRequest(lastZxidSeen: 5, timeoutMillis: 6, sessionId: 7, password: [8, 9], readOnly: true)
        let response = ConnectResponse(timeoutMillis: 6, sessionId: 7, password: [8, 9], readOnly: true)
        var buffer = WireBuffer()
        request.encode(to: &buffer)
        let requestBytes = buffer.count
        response.encode(to: &buffer)
        try Array(buffer.bytes).withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            let readRequest = try ConnectRequest(from: &reader)
            let readResponse = try ConnectResponse(from: &reader)
            #expect(readRequest == request && readResponse == response && reader.remaining == 0)
            var old = JuteReader(UnsafeRawBufferPointer(rebasing: bytes[..<(requestBytes - 1)]))
            let readOld = try ConnectRequest(from: &old)
            #expect(!readOld.readOnly)
        }
    }
}

@Suite("The outbox")
struct OutboxTests {
    private func slot(deadlineNanos: Int64 = .max) -> ReplySlot<Void> {
        ReplySlot(.sync("/"), submittedNanos: 0, deadlineNanos: deadlineNanos)
    }

    private func submit(
        _ outbox: Outbox, _ slot: ReplySlot<Void>, bytes: Int = 0, isLast: Bool = false
    ) -> Outbox.Submission {
        outbox.submit(slot, isLast: isLast) { $0.append(bytes: Array(repeating: 1, count: bytes)) }
    }

    @Test("wakes the event loop once for each time it is emptied")
    func waking() {
        let outbox = Outbox(maximumRequestBytes: 100, maximumUnsentBytes: 1000)
        var wakes: [Bool] = []
        func note() {
            if case .queued(let isWaking) = submit(outbox, slot()) { wakes.append(isWaking) }
        }
        note()
        note()
        var bytes = WireBuffer()
        var requests: [OutstandingRequest] = []
        outbox.take(&bytes, &requests)
        let (taken, size) = (bytes.count, requests.reduce(0) { $0 + $1.frameBytes })
        #expect(requests.map(\.xid) == [1, 2] && taken == size)
        note()
        note()
        #expect(outbox.leave() == .max)
        note()
        #expect(wakes == [true, false, true, false, true])
    }

    @Test("what has waited too long is taken out of the bytes as well")
    func expiry() {
        let outbox = Outbox(maximumRequestBytes: 100, maximumUnsentBytes: 1000)
        let slots = [10, 20, 30].map { slot(deadlineNanos: $0) }
        for slot in slots { _ = submit(outbox, slot, bytes: 5) }
        #expect(outbox.expired(now: 9).isEmpty)
        #expect(outbox.expired(now: 20).map(\.xid) == [1, 2])
        #expect(outbox.leave() == 30)
        var bytes = WireBuffer()
        var requests: [OutstandingRequest] = []
        outbox.take(&bytes, &requests)
        let content = Array(bytes.bytes)
        #expect(requests.map(\.xid) == [3] && content.count == slots[2].frameBytes)
        let fields = content.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            return (0..<3).map { _ in try? reader.readInt32() }
        }
        #expect(fields == [Int32(slots[2].frameBytes - 4), 3, OpCode.sync.rawValue])
    }

    @Test("a removal is not wanted while a watch is under way on the path")
    func unwanted() {
        let outbox = Outbox(maximumRequestBytes: 100, maximumUnsentBytes: 1000)
        func isWanted(_ path: String) -> Bool {
            if case .unwanted = outbox.submit(slot(), unlessExpecting: path, { _ in }) { return false }
            return true
        }
        #expect(isWanted("/p"))
        outbox.expect("/p")
        outbox.expect("/p")
        outbox.settled("/p")
        #expect(!isWanted("/p") && isWanted("/q"))
        outbox.settled("/p")
        #expect(isWanted("/p"))
    }

    @Test("limits and the end")
    func limits() {
        let outbox = Outbox(maximumRequestBytes: 20, maximumUnsentBytes: 40)
        guard case .refused(.requestTooLarge(bytes: 21, limitBytes: 20)) = submit(outbox, slot(), bytes: 9) else {
            Issue.record("too large, and taken")
            return
        }
        for _ in 0..<2 { _ = submit(outbox, slot(), bytes: 8) }
        guard case .refused(.overloaded) = submit(outbox, slot()) else {
            Issue.record("more than the limit, and taken")
            return
        }
        #expect(outbox.clear().count == 2)
        guard case .queued = submit(outbox, slot(), isLast: true), case .refused(.closed) = submit(outbox, slot())
        else {
            Issue.record("something behind the last")
            return
        }
        #expect(outbox.clear(sealing: .sessionExpired).count == 1)
        guard case .refused(.sessionExpired) = submit(outbox, slot()) else {
            Issue.record("sealed, and taken")
            return
        }
    }
}

@Suite("The list of servers")
struct HostListTests {
    private let endpoints = (1...5).map { Endpoint(host: "h\($0)") }

    @Test("clients begin at different servers, and each round tries all in another order")
    func shuffled() {
        var begins: Set<Endpoint> = []
        var orders: Set<[Endpoint]> = []
        for seed in 0..<50 {
            var hosts = HostList(endpoints, random: CountingGenerator(state: UInt64(seed)))
            var last: Endpoint?
            for _ in 0..<4 {
                let round = (0..<5).map { _ in hosts.next() }
                #expect(Set(round).count == 5)
                #expect(round[0] != last, "the one that failed last is not the next")
                last = round[4]
                orders.insert(round)
            }
            var again = HostList(endpoints, random: CountingGenerator(state: UInt64(seed)))
            begins.insert(again.next())
        }
        #expect(begins.count == 5 && orders.count > 50)
    }

    @Test("pauses begin short, grow, end at a second, and begin anew after a success")
    func pauses() {
        var hosts = HostList(endpoints, random: CountingGenerator(state: 1))
        var pauses = (0..<60).map { _ in hosts.failed() }
        #expect(pauses[..<5].allSatisfy { $0 <= 25_000_000 })
        #expect(pauses[5..<10].allSatisfy { (25_000_000...50_000_000).contains($0) })
        #expect(pauses[40...].allSatisfy { (500_000_000...1_000_000_000).contains($0) })
        hosts.succeeded()
        pauses = (0..<5).map { _ in hosts.failed() }
        #expect(pauses.allSatisfy { $0 <= 25_000_000 })
    }
}
