import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// What the protocol promises over time and between sessions, against Corral and, where 3.8 keeps it too, Apache.
@Suite("Scenarios", .serialized)
struct ScenarioTests {
    @Test("a notification comes before any reply that shows the change", arguments: Vendor.underTest)
    func watchBeforeView(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let writer = try server.client()
        let reader = try server.client()
        try writer.create("/w")
        for round in 0..<200 {
            try reader.perform(.getData("/w", watch: true))
            try writer.send(.setData("/w", data: Array(String(round).utf8)))
            for _ in 0..<20 { try reader.send(.exists("/w")) }
            var notified = false
            var sawNew = false
            for _ in 0..<20 {
                let reply: Reply
                while true {
                    if case .reply(let next) = try reader.receive() {
                        reply = next
                        break
                    }
                    notified = true
                }
                if try reply.stat().version > round {
                    sawNew = true
                    #expect(notified, "round \(round): version \(round + 1) was shown before the notification")
                }
            }
            _ = try writer.receiveReply()
            if !notified { _ = try reader.nextEvent() }
            if !sawNew { #expect(try reader.perform(.exists("/w")).stat().version == Int32(round + 1)) }
            reader.events = []
        }
    }

    @Test("replies keep the order of requests, reads see the session's own writes", arguments: Vendor.underTest)
    func pipelineOrder(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let client = try server.client()
        try client.create("/order")
        let count = 3000
        var bytes: [UInt8] = []
        for number in 0..<count {
            let data = Array(String(number).utf8)
            bytes += ProtocolClient.framed(Request.setData("/order", data: data).payload(xid: Int32(2 * number + 10)))
            bytes += ProtocolClient.framed(Request.getData("/order").payload(xid: Int32(2 * number + 11)))
        }
        let all = bytes
        let sender = Thread { try? client.socket.send(all, within: 60) }
        sender.start()
        var last: Int64 = 0
        for number in 0..<count {
            let set = try client.receiveReply()
            let read = try client.receiveReply()
            #expect(set.xid == Int32(2 * number + 10) && read.xid == set.xid + 1 && set.error == 0)
            #expect(set.zxid > last && read.zxid >= set.zxid)
            last = read.zxid
            let (data, stat) = try read.dataAndStat()
            guard data == Array(String(number).utf8), stat.version == Int32(number + 1) else {
                Issue.record("read \(number) saw \(String(decoding: data, as: UTF8.self)) in \(stat)")
                return
            }
        }
    }

    @Test(
        "a session taken over leaves its old connection, keeps its ephemerals and loses its watches",
        arguments: Vendor.underTest)
    func takeOver(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let first = try server.client()
        try first.create("/e", flags: CreateFlag.ephemeral)
        try first.perform(.exists("/e", watch: true))
        let second = try ProtocolClient(port: server.port, resuming: first.session)
        #expect(second.session.id == first.session.id)
        #expect(try first.receive(within: 10) == .closed)
        try second.perform(.setData("/e", data: [1]))
        try second.ping()
        #expect(second.events.isEmpty)
        #expect(try second.perform(.exists("/e")).stat().ephemeralOwner == first.session.id)
    }

    @Test(
        "a silent session dies in its time, a pinging one lives, and what they own follows", arguments: Vendor.underTest
    )
    func expiry(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor, settings: ["tickTime": "200", "minSessionTimeout": "400"])
        let watcher = try server.client()
        let silent = try server.client(timeoutMillis: 1000)
        // Its pings go on for longer than its timeout, which leaves room for a machine that is busy meanwhile.
        let living = try server.client(timeoutMillis: 3000)
        #expect(silent.session.timeoutMillis == 1000)
        try silent.create("/silent", flags: CreateFlag.ephemeral)
        try living.create("/living", flags: CreateFlag.ephemeral)
        let started = Date()
        try watcher.perform(.exists("/silent", watch: true))
        var event: WatchEvent?
        var seconds = 0.0
        while Date().timeIntervalSince(started) < (event == nil ? 20 : 4) {
            try living.ping()
            try watcher.ping()
            if event == nil {
                event = watcher.events.first
                seconds = Date().timeIntervalSince(started)
            }
            usleep(100_000)
        }
        #expect(event?.type == EventType.nodeDeleted.rawValue && event?.path == "/silent")
        #expect(seconds >= 0.7 && seconds < 15, "expired after \(seconds) s")
        #expect(try watcher.perform(.exists("/living")).stat().ephemeralOwner == living.session.id)
        #expect(try silent.receive(within: 10) == .closed)
        #expect(throws: ProtocolClient.Failure.refusedSession) {
            _ = try ProtocolClient(port: server.port, resuming: silent.session)
        }
    }

    @Test("timeouts are kept within the limits", arguments: Vendor.underTest)
    func negotiation(vendor: Vendor) throws {
        let server = try ServerUnderTest(
            vendor, settings: ["minSessionTimeout": "3000", "maxSessionTimeout": "5000"])
        for (asked, given) in [(1, 3000), (3000, 3000), (4321, 4321), (5001, 5000), (Int32.max, 5000)]
            as [(Int32, Int32)]
        {
            let client = try server.client(timeoutMillis: asked)
            #expect(client.session.timeoutMillis == given, "asked for \(asked)")
            try client.close()
        }
    }

    @Test("a client that has seen a later zxid than the server has is turned away", arguments: Vendor.underTest)
    func clientFromTheFuture(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        #expect(throws: ProtocolClient.Failure.closed) {
            _ = try ProtocolClient(port: server.port, lastZxidSeen: 1 << 40)
        }
        try server.client().close()
    }

    @Test("containers go when their last child went, TTL nodes when their time is up", arguments: Vendor.underTest)
    func reaping(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor, settings: ["znode.container.checkIntervalMs": "200"])
        let client = try server.client()
        try client.perform(.create("/never-used", flags: 4, opcode: .createContainer))
        try client.perform(.create("/used", flags: 4, opcode: .createContainer))
        try client.perform(.create("/short", flags: 5, opcode: .createTTL, ttlMillis: 300))
        try client.perform(.create("/parent", flags: 5, opcode: .createTTL, ttlMillis: 300))
        try client.create("/parent/child")
        try client.perform(.create("/long", flags: 5, opcode: .createTTL, ttlMillis: 1_000_000))
        try client.create("/used/child")
        try client.perform(.delete("/used/child"))
        let gone = try eventually(within: 20) {
            let used = try client.call(.exists("/used")).errorCode
            let short = try client.call(.exists("/short")).errorCode
            return used == .noNode && short == .noNode
        }
        #expect(gone)
        for path in ["/never-used", "/parent", "/long"] {
            #expect(try client.call(.exists(path)).error == 0, "\(path) must stay")
        }
    }

    // MARK: Of 3.9, which Debian's Apache is not

    static let hasCorral = Vendor.underTest.contains(.corral)

    @Test("a notification carries its transaction's zxid", .enabled(if: hasCorral))
    func eventZxid() throws {
        let server = try ServerUnderTest(.corral)
        let writer = try server.client()
        let reader = try server.client()
        try writer.create("/z")
        try reader.perform(.getData("/z", watch: true))
        let zxid = try writer.perform(.setData("/z", data: [1])).zxid
        #expect(try reader.nextEvent().zxid == zxid)
    }

    @Test("watches of several kinds on one path live and are removed each for itself", .enabled(if: hasCorral))
    func watchKinds() throws {
        let server = try ServerUnderTest(.corral)
        let writer = try server.client()
        let reader = try server.client()
        try writer.create("/k")
        try reader.perform(.getData("/k", watch: true))
        try reader.perform(.addWatch("/k", .persistent))
        try reader.perform(.addWatch("/k", .persistentRecursive))
        for kind in [2, 3, 4, 5] as [Int32] {
            #expect(try reader.call(.watches(.checkWatches, "/k", kind)).error == 0, "kind \(kind)")
        }
        #expect(try reader.call(.watches(.checkWatches, "/k", 1)).errorCode == .noWatcher)
        try writer.perform(.setData("/k", data: [1]))
        try reader.ping()
        #expect(reader.events.map(\.type) == [EventType.nodeDataChanged.rawValue], "one event for all kinds")
        #expect(try reader.call(.watches(.checkWatches, "/k", 2)).errorCode == .noWatcher, "the one-shot is spent")
        try reader.perform(.watches(.removeWatches, "/k", 4))
        #expect(try reader.call(.watches(.checkWatches, "/k", 4)).errorCode == .noWatcher)
        #expect(try reader.call(.watches(.checkWatches, "/k", 5)).error == 0)
        reader.events = []
        try writer.create("/k/below")
        try reader.ping()
        #expect(reader.events.map(\.path) == ["/k/below"])
    }

    @Test("a recursive watch tells only of znodes that the session may read", .enabled(if: hasCorral))
    func watchPermission() throws {
        let server = try ServerUnderTest(.corral)
        let writer = try server.client()
        _ = try writer.authenticate(scheme: "digest", "alice:wonder")
        let reader = try server.client()
        let own = [ACL(permissions: 31, identity: Identity(scheme: "auth", id: ""))]
        try writer.create("/p")
        try reader.perform(.addWatch("/p", .persistentRecursive))
        try writer.perform(.create("/p/secret", acl: own))
        try writer.perform(.create("/p/open"))
        try writer.perform(.setData("/p/secret", data: [1]))
        try writer.perform(.delete("/p/secret"))
        try writer.perform(.delete("/p/open"))
        try reader.ping()
        #expect(reader.events.map(\.path) == ["/p/open", "/p/open"])
    }

    @Test("exists asks for the permission to read", .enabled(if: hasCorral))
    func existsPermission() throws {
        let server = try ServerUnderTest(.corral)
        let client = try server.client()
        let other = [ACL(permissions: 31, identity: Identity(scheme: "digest", id: "x:y"))]
        try client.perform(.create("/closed", acl: other))
        #expect(try client.call(.exists("/closed")).errorCode == .noAuth)
    }

    @Test("the server's own transactions are not for clients to send", .enabled(if: hasCorral))
    func serverOpcodes() throws {
        let server = try ServerUnderTest(.corral)
        let client = try server.client()
        try client.perform(.create("/c", flags: 4, opcode: .createContainer))
        for opcode in [OpCode.createSession, .deleteContainer, .error, .notification] {
            // The body of deleteContainer; the others have none that a client could give.
            let request = Request(opcode: opcode.rawValue, body: Request.path(.exists, "/c").body, label: "\(opcode)")
            #expect(try client.call(request).error != 0, "\(opcode)")
        }
        try client.perform(.exists("/c"))
    }
}
