import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// Connections on fronts that do not share the core's thread: order, watches, counts.
@Suite("Further fronts")
struct FurtherFrontTests {
    /// A harness with two fronts and a znode `/a` of value "old", made by a client of the core's own front.
    private func harness(
        inboxCapacity: Int = 64, _ change: (inout CoreConfiguration) -> Void = { _ in }
    ) throws -> (CoreHarness, CoreHarness.Client) {
        let harness = CoreHarness(fronts: 2, inboxCapacity: inboxCapacity, change)
        let local = try harness.connect()
        local.send { local.create(1, "/a", data: "old", to: &$0) }
        harness.settle()
        _ = local.takeReplies()
        return (harness, local)
    }

    @Test("each read of a pipeline sees the tree between its own writes")
    func order() throws {
        let (harness, _) = try harness()
        let client = try harness.connect(front: 1)
        let reader = try harness.connect(front: 1)
        client.send { buffer in
            client.setData(1, "/a", "new", to: &buffer)
            client.getData(2, "/a", to: &buffer)
            client.setData(3, "/a", "newer", to: &buffer)
            client.getData(4, "/a", to: &buffer)
            client.getData(5, "/a", to: &buffer)
        }
        harness.takeRequests()
        // The write is on its way; another session reads on, this one waits.
        reader.send { reader.getData(1, "/a", to: &$0) }
        #expect(reader.takeReply()?.data == "old")
        harness.turn(harness.fronts[1])
        #expect(client.takeReply() == nil)
        harness.settle()
        let replies = client.takeReplies()
        #expect(replies.map(\.xid) == [1, 2, 3, 4, 5])
        #expect(replies.map(\.data)[1] == "new")
        #expect(replies.map(\.data)[3] == "newer" && replies.map(\.data)[4] == "newer")
        #expect(zip(replies, replies.dropFirst()).allSatisfy { $0.zxid <= $1.zxid })
        #expect(harness.core.inProcess == 0 && harness.fronts[1].outstandingHere == 0)
        // With nothing outstanding the front answers by itself again.
        client.send { client.getData(6, "/a", to: &$0) }
        #expect(client.takeReply()?.xid == 6)
    }

    @Test("a read that reaches the core after the write it was sent behind is answered after that write")
    func lateRead() throws {
        let (harness, _) = try harness()
        let client = try harness.connect(front: 1)
        client.send { client.setData(1, "/a", "new", to: &$0) }
        harness.takeRequests()
        client.send { client.getData(2, "/a", to: &$0) }
        harness.makeDurable()
        client.send { client.getData(3, "/a", to: &$0) }
        harness.settle()
        let replies = client.takeReplies()
        #expect(replies.map(\.xid) == [1, 2, 3])
        #expect(replies.map(\.data)[1] == "new" && replies.map(\.data)[2] == "new")
        #expect(zip(replies, replies.dropFirst()).allSatisfy { $0.zxid <= $1.zxid })
        #expect(harness.fronts[1].outstandingHere == 0)
    }

    @Test("a notification comes before a reply that shows the change, though the front reads by itself")
    func watchBeforeView() throws {
        let (harness, local) = try harness()
        let watcher = try harness.connect(front: 1)
        watcher.send { watcher.getData(1, "/a", watch: true, to: &$0) }
        #expect(watcher.takeReply()?.data == "old")
        local.send { local.setData(2, "/a", "new", to: &$0) }
        // The very first turn of the front after the change.
        harness.makeDurable()
        watcher.send { watcher.getData(2, "/a", to: &$0) }
        let replies = watcher.takeReplies()
        #expect(replies.map(\.isNotification) == [true, false])
        #expect(replies.last?.data == "new")
    }

    @Test("so it does when the front's inbox is full", arguments: 1...4)
    func watchBeforeViewWithFullInbox(capacity: Int) throws {
        let (harness, local) = try harness(inboxCapacity: capacity)
        let watcher = try harness.connect(front: 1)
        let watches = Int32(8)
        for xid in 1...watches {
            local.send { local.create(xid, "/w\(xid)", data: "old", to: &$0) }
            harness.makeDurable()
            watcher.send { watcher.getData(xid, "/w\(xid)", watch: true, to: &$0) }
        }
        _ = watcher.takeReplies()
        // One batch for each change, and the front runs only after the last.
        for xid in 1...watches {
            local.send { local.setData(100 + xid, "/w\(xid)", "new", to: &$0) }
            harness.makeDurable()
        }
        watcher.send { buffer in
            for xid in 1...watches { watcher.getData(100 + xid, "/w\(xid)", to: &buffer) }
        }
        let replies = watcher.takeReplies()
        #expect(replies.prefix(Int(watches)).allSatisfy { $0.isNotification })
        #expect(zip(replies, replies.dropFirst()).filter { $0.isNotification && $1.isNotification }
            .allSatisfy { $0.zxid < $1.zxid })
        #expect(replies.dropFirst(Int(watches)).map(\.xid) == (1...watches).map { 100 + $0 })
        #expect(replies.last?.data == "new")
        // And afterwards the inbox is used again, in order with what overflowed.
        for xid in 1...3 as ClosedRange<Int32> {
            watcher.send { watcher.setData(200 + xid, "/a", "\(xid)", to: &$0) }
            harness.settle()
        }
        #expect(watcher.takeReplies().map(\.xid) == [201, 202, 203])
        #expect(harness.fronts[1].inboxOverflow.isEmpty)
    }

    /// How far the requests of a connection have come when it ends.
    enum Stage: CaseIterable { case read, taken, durable, crossing }

    @Test("a connection that ends with requests under way leaves no count behind", arguments: Stage.allCases)
    func disconnectCounts(stage: Stage) throws {
        let (harness, local) = try harness { $0.globalOutstandingLimit = 100 }
        let front = harness.fronts[1]
        let stays = try harness.connect(front: 1)
        for round in 1...5 as ClosedRange<Int32> {
            let client = try harness.connect(front: 1)
            client.send { buffer in
                client.getData(1, "/a", watch: true, to: &buffer)
                for xid in stride(from: Int32(2), through: 30, by: 3) {
                    client.setData(xid, "/a", "\(round)", to: &buffer)
                    client.getData(xid + 1, "/a", watch: true, to: &buffer)
                    client.getData(xid + 2, "/b", watch: true, to: &buffer)
                }
            }
            #expect(front.outstandingHere == 30)
            if stage != .read { harness.takeRequests() }
            if stage == .durable { harness.makeDurable() }
            client.disconnect()
            #expect(front.outstandingHere == 0)
            // The answers and the news of the end pass each other.
            if stage == .crossing { harness.makeDurable() }
            harness.settle()
            harness.settle()
        }
        #expect(harness.core.inProcess == 0)
        #expect(front.outstandingHere == 0)
        #expect(harness.core.registry.count == 2)
        #expect(harness.core.tree.watches.watchCount == 0)
        // Nobody is held back for requests that nobody waits for.
        stays.send { buffer in
            for xid in 1...40 as ClosedRange<Int32> { stays.setData(xid, "/a", "x", to: &buffer) }
        }
        #expect(!stays.link.isPaused)
        harness.settle()
        #expect(stays.takeReplies().filter { !$0.isNotification }.map(\.xid) == Array(1...40))
        local.send { local.getData(9, "/a", to: &$0) }
        #expect(local.takeReply()?.data == "x")
    }

    @Test("a front stops reading at its share of the limit and reads on")
    func throttling() throws {
        let (harness, _) = try harness { $0.globalOutstandingLimit = 10 }
        let client = try harness.connect(front: 1)
        let quiet = try harness.connect(front: 1)
        var buffer = WireBuffer()
        for xid in 1...30 as ClosedRange<Int32> { client.setData(xid, "/a", "\(xid)", to: &buffer) }
        let bytes = Array(buffer.bytes)
        var used = client.sendRaw(bytes)
        #expect(used < bytes.count)
        #expect(client.link.isPaused)
        // Half of ten, and the one that went over.
        #expect(harness.fronts[1].outstandingHere == 6)
        // Who has nothing outstanding is served all the same.
        quiet.send { quiet.getData(1, "/a", to: &$0) }
        #expect(quiet.takeReply()?.xid == 1)
        while used < bytes.count {
            #expect(client.link.isPaused)
            harness.settle()
            try #require(!client.link.isPaused)
            used += client.sendRaw(Array(bytes[used...]))
        }
        harness.settle()
        #expect(client.takeReplies().map(\.xid) == Array(1...30))
    }

    @Test("a connection held back for another's requests is read again once that one has gone")
    func throttlingEndsWithDisconnect() throws {
        let (harness, _) = try harness { $0.globalOutstandingLimit = 10 }
        let busy = try harness.connect(front: 1)
        let waiting = try harness.connect(front: 1)
        waiting.send { waiting.setData(1, "/a", "1", to: &$0) }
        busy.send { buffer in
            for xid in 1...20 as ClosedRange<Int32> { busy.setData(xid, "/a", "\(xid)", to: &buffer) }
        }
        #expect(waiting.send { waiting.setData(2, "/a", "2", to: &$0) } == 0)
        #expect(waiting.link.isPaused)
        busy.disconnect()
        #expect(!waiting.link.isPaused)
    }

    @Test("who leaves megabytes of notifications unread loses the connection; who reads keeps it", arguments: 0...1)
    func unreadNotifications(front: Int) throws {
        let (harness, local) = try harness()
        let path = "/" + String(repeating: "p", count: 100_000)
        local.send { local.create(2, path, to: &$0) }
        harness.settle()
        let deaf = try harness.connect(front: front)
        let reader = try harness.connect(front: front)
        for client in [deaf, reader] {
            client.send(1, OpCode.addWatch.rawValue) { buffer in
                buffer.append(string: path)
                buffer.append(int32: 0)
            }
            client.link.outputLimitBytes = 1 << 20
        }
        _ = reader.takeReplies()
        for round in 1...190 as ClosedRange<Int32> {
            local.send { local.setData(2 + round, path, "x", to: &$0) }
            harness.settle()
            #expect(reader.takeReplies().map(\.isNotification) == [true])
        }
        #expect(deaf.link.isClosed && !reader.link.isClosed)
        #expect(deaf.link.received.count < CoreLimits.unreadOutputBytesMax + 2 << 20)
        deaf.disconnect()
        harness.settle()
        #expect(harness.core.registry.count == 2)
    }

    @Test("a few bytes that ask for many do not fill the memory: the front stops, and goes on")
    func fullOutput() throws {
        let (harness, local) = try harness { $0.maximumFrameBytes = 1 << 20 }
        local.send { local.setData(2, "/a", String(repeating: "x", count: 200_000), to: &$0) }
        harness.settle()
        for front in 0...1 {
            let client = try harness.connect(front: front)
            client.link.outputLimitBytes = 1 << 20
            var buffer = WireBuffer()
            for xid in 1...100 as ClosedRange<Int32> { client.getData(xid, "/a", to: &buffer) }
            let bytes = Array(buffer.bytes)
            var used = 0
            var answered: [Int32] = []
            while used < bytes.count {
                used += client.sendRaw(Array(bytes[used...]))
                #expect(client.link.received.count < 2 << 20)
                #expect(used == bytes.count || client.link.outputIsFull, "a front that stops is called again only so")
                answered += client.takeReplies().map(\.xid)
            }
            #expect(answered == Array(1...100))
        }
    }
}
