import Jute
import Testing
import ZooKeeperProtocol

@testable import ZooKeeperClient

@Suite("Watches in the session machine")
struct WatchTableTests {
    @Test("a one-shot watch is set by success only, fires once and ends")
    func oneShot() async throws {
        var driver = MachineDriver()
        driver.connect()
        let sink = MachineDriver.sink("/a", .data)
        driver.send(.getData("/a"), watch: sink)
        driver.reply(xid: 1, zxid: 5) { Self.encodeData(&$0) }
        driver.notify(.nodeDataChanged, "/a", zxid: 6)
        driver.notify(.nodeDataChanged, "/a", zxid: 7)
        #expect(try await sink.buffer.next() == ZnodeEvent(kind: .dataChanged, path: "/a", zxid: 6))
        #expect(try await sink.buffer.next() == nil)

        let failed = MachineDriver.sink("/b", .data)
        driver.send(.getData("/b"), watch: failed)
        driver.reply(xid: 2, error: .noNode)
        await #expect(throws: ZooKeeperError(.server(.noNode), operation: .getData, path: "/b")) {
            try await failed.buffer.next()
        }
        #expect(driver.machine.watches.isEmpty)
    }

    @Test("exists waits for a creation, or for the next change of what is there")
    func exists() async throws {
        var driver = MachineDriver()
        driver.connect()
        let absent = MachineDriver.sink("/a", .exists)
        let present = MachineDriver.sink("/b", .exists)
        driver.send(.exists("/a"), watch: absent)
        driver.send(.exists("/b"), watch: present)
        driver.reply(xid: 1, error: .noNode)
        driver.reply(xid: 2) { Stat().encode(to: &$0) }
        #expect(driver.machine.watches.paths(.exists) == ["/a"] && driver.machine.watches.paths(.data) == ["/b"])
        driver.notify(.nodeCreated, "/a")
        driver.notify(.nodeDeleted, "/b")
        #expect(try await absent.buffer.next()?.kind == .created)
        #expect(try await present.buffer.next()?.kind == .deleted)
    }

    @Test("who hears of what", arguments: [EventType.nodeCreated, .nodeDeleted, .nodeDataChanged, .nodeChildrenChanged])
    func matrix(type: EventType) {
        let hearers: [EventType: Set<WatchKind>] = [
            .nodeCreated: [.data, .exists, .persistent, .persistentRecursive],
            .nodeDeleted: [.data, .exists, .children, .persistent, .persistentRecursive],
            .nodeDataChanged: [.data, .exists, .persistent, .persistentRecursive],
            .nodeChildrenChanged: [.children, .persistent],
        ]
        for kind in WatchKind.allCases {
            var table = WatchTable()
            table.add(MachineDriver.sink("/a/b", kind))
            let told = table.deliver(type, on: "/a/b", zxid: 1, ReplyContext(chroot: ""))
            #expect(told == (hearers[type]!.contains(kind) ? 1 : 0), "\(kind)")
            #expect(table.isEmpty == (told == 1 && kind.isOneShot), "\(kind)")
        }
    }

    @Test("a recursive watch hears of everything below, also from the root")
    func recursive() async throws {
        var table = WatchTable()
        let root = MachineDriver.sink("/", .persistentRecursive)
        let inner = MachineDriver.sink("/a/b", .persistentRecursive)
        let other = MachineDriver.sink("/a/bc", .persistentRecursive)
        for sink in [root, inner, other] { table.add(sink) }
        let context = ReplyContext(chroot: "")
        let told = ["/a/b/c/d", "/a", "/"].map { table.deliver(.nodeDataChanged, on: $0, zxid: 1, context) }
        #expect(told == [2, 1, 1])
        #expect(try await root.buffer.next()?.path == "/a/b/c/d")
        #expect(try await inner.buffer.next()?.path == "/a/b/c/d")
    }

    /// Two spellings of one word, which look the same and are equal as strings of Swift, and a name that begins with
    /// an accent, which makes one character with its slash.
    @Test("paths are what their bytes are")
    func spellings() async throws {
        let (composed, decomposed, accent) = ("/caf\u{e9}", "/cafe\u{301}", "/\u{301}x")
        #expect(composed == decomposed && !accent.contains("/"))
        var table = WatchTable()
        let first = MachineDriver.sink(composed, .data)
        let second = MachineDriver.sink(decomposed, .data)
        let root = MachineDriver.sink("/", .persistentRecursive)
        for sink in [first, second, root] { table.add(sink) }
        #expect(table.paths(.data).map { Array($0.utf8) } == [Array(decomposed.utf8), Array(composed.utf8)])
        let context = ReplyContext(chroot: "")
        #expect(table.deliver(.nodeDataChanged, on: decomposed, zxid: 1, context) == 2)
        #expect(!first.buffer.hasNext)
        #expect(try await second.buffer.next()?.path.utf8.count == decomposed.utf8.count)
        #expect(table.deliver(.nodeDataChanged, on: composed, zxid: 2, context) == 2)
        #expect(try await first.buffer.next()?.zxid == 2)
        #expect(table.deliver(.nodeCreated, on: accent, zxid: 3, context) == 1)
        #expect(table.deliver(.nodeCreated, on: accent + "/sub", zxid: 4, context) == 1)
    }

    @Test("after a reconnect watches are set again in chunks, and the persistent ones tell of a gap")
    func reconnect() async throws {
        var settings = MachineDriver.settings()
        settings.watchChunkBytes = 1000
        var driver = MachineDriver(settings)
        driver.connect()
        let count = 200
        for index in 0..<count {
            let path = "/znode-\(index)"
            driver.send(.getChildren(path), watch: MachineDriver.sink(path, .children))
            driver.reply(xid: Int32(index + 1), zxid: Int64(index + 1)) { $0.append(int32: 0) }
        }
        let persistent = MachineDriver.sink("/p", .persistentRecursive)
        driver.send(.addWatch("/p", .persistentRecursive), watch: persistent)
        driver.reply(xid: Int32(count + 1))
        // A notification tells of a transaction of which others may not have been told yet.
        driver.notify(.nodeCreated, "/p/q", zxid: 500)
        driver.breakConnection()
        let requestAsked = driver.open()
        let request = try #require(requestAsked)
        #expect(request.lastZxidSeen == 500)
        driver.answerHandshake(id: 77, timeoutMillis: 9000)

        let frames = driver.sentFrames
        #expect(frames.count == 3)
        var paths: Set<String> = []
        for frame in frames {
            #expect(frame.count < 1200)
            try frame.withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                #expect(try reader.readInt32() == ReservedXid.setWatches)
                let isOld = try reader.readInt32() == OpCode.setWatches.rawValue
                #expect(try reader.readInt64() == Int64(count))
                for _ in 0..<(isOld ? 3 : 5) { paths.formUnion(try reader.readStrings()) }
                #expect(reader.remaining == 0)
            }
        }
        #expect(paths.count == count + 1 && paths.contains("/p"))
        #expect(driver.sentHeaders.map { $0[1] }.dropLast().allSatisfy { $0 == OpCode.setWatches.rawValue })
        #expect(driver.sentHeaders.last?[1] == OpCode.setWatches2.rawValue)
        #expect(try await persistent.buffer.next()?.kind == .created)
        #expect(try await persistent.buffer.next()?.kind == .gap)
        // The server tells what was missed.
        driver.notify(.nodeChildrenChanged, "/znode-7")
        #expect(!driver.machine.watches.hasWatch(on: "/znode-7"))
    }

    @Test("the end of the session ends all watches with an error")
    func end() async throws {
        var driver = MachineDriver()
        driver.connect()
        let sink = MachineDriver.sink("/p", .persistent)
        driver.send(.addWatch("/p", .persistent), watch: sink)
        driver.reply(xid: 1)
        driver.breakConnection()
        driver.open()
        driver.answerHandshake(id: 0, timeoutMillis: 0)
        await #expect(throws: ZooKeeperError(.sessionExpired, path: "/p")) { try await sink.buffer.next() }
    }

    @Test("the server may forget a persistent watch only when nobody else listens there")
    func abandon() {
        var driver = MachineDriver()
        driver.connect()
        let sinks = [
            MachineDriver.sink("/p", .persistent), MachineDriver.sink("/p", .persistent),
            MachineDriver.sink("/p", .persistentRecursive),
        ]
        for (index, sink) in sinks.enumerated() {
            driver.send(.addWatch("/p", .persistent), watch: sink)
            driver.reply(xid: Int32(index + 1))
        }
        // The first one leaves twice.
        let forgets = [0, 0, 1, 2].map { index in !driver.run { machine, _ in machine.abandon(sinks[index]) }.isEmpty }
        #expect(forgets == [false, false, false, true])
        #expect(driver.effects == [.removeWatches(serverPath: "/p", clientPath: "/p")])
    }

    @Test("a watch whose listener left before the answer, or whose request had no more time, is taken off again")
    func abandonedEarly() {
        var driver = MachineDriver()
        driver.connect()
        let removal = SessionEffect.removeWatches(serverPath: "/p", clientPath: "/p")
        let early = MachineDriver.sink("/p", .persistent)
        driver.send(.addWatch("/p", .persistent), watch: early)
        #expect(driver.run { machine, _ in machine.abandon(early) }.isEmpty)
        #expect(driver.reply(xid: 1) == [removal])
        let refused = MachineDriver.sink("/p", .persistent)
        driver.send(.addWatch("/p", .persistent), watch: refused)
        driver.run { machine, _ in machine.abandon(refused) }
        #expect(driver.reply(xid: 2, error: .noAuth).isEmpty, "the server has none")
        let late = MachineDriver.sink("/p", .persistent)
        driver.send(.addWatch("/p", .persistent), deadlineAfterMillis: 10, watch: late)
        driver.pass(millis: 20)
        #expect(driver.reply(xid: 3) == [removal])
        // One-shot watches go by themselves, and are not set again.
        for (index, kind) in [WatchKind.data, .exists, .children].enumerated() {
            let sink = MachineDriver.sink("/p", kind)
            driver.send(.exists("/p"), watch: sink)
            #expect(driver.run { machine, _ in machine.abandon(sink) }.isEmpty)
            #expect(driver.reply(xid: Int32(index + 4), error: .noNode).isEmpty)
        }
        // Somebody else listens.
        let (stays, goes) = (MachineDriver.sink("/p", .persistent), MachineDriver.sink("/p", .persistent))
        driver.send(.addWatch("/p", .persistent), watch: stays)
        driver.reply(xid: 7)
        driver.send(.addWatch("/p", .persistent), watch: goes)
        driver.run { machine, _ in machine.abandon(goes) }
        #expect(driver.reply(xid: 8).isEmpty)
        #expect(driver.machine.watches.count == 1)
    }

    @Test("a removal that comes late ends the iterations all the same")
    func lateRemoval() async throws {
        var driver = MachineDriver()
        driver.connect()
        let sink = MachineDriver.sink("/p", .persistent)
        driver.send(.addWatch("/p", .persistent), watch: sink)
        driver.reply(xid: 1)
        let removal = driver.send(.removeWatches("/p", .any), deadlineAfterMillis: 10)
        driver.pass(millis: 20)
        #expect(removal.error?.reason == .requestTimeout)
        driver.reply(xid: 2)
        #expect(driver.machine.watches.isEmpty)
        #expect(try await sink.buffer.next() == nil)
    }

    @Test("a slow iteration learns that it has missed something; memory stays bounded")
    func overflow() async throws {
        let sink = MachineDriver.sink("/p", .persistent, limit: 3)
        for zxid in 1...5 { sink.buffer.push(ZnodeEvent(kind: .dataChanged, path: "/p", zxid: Int64(zxid))) }
        #expect(try await sink.buffer.next() == ZnodeEvent(kind: .gap, path: "/p", zxid: 4))
        #expect(try await sink.buffer.next() == ZnodeEvent(kind: .dataChanged, path: "/p", zxid: 5))
        sink.buffer.finish()
        #expect(try await sink.buffer.next() == nil)
    }

    static func encodeData(_ buffer: inout WireBuffer) {
        buffer.append(bytes: [1])
        Stat().encode(to: &buffer)
    }
}
