import TestSupport
import Testing
import ZooKeeperClient

/// Watches against real servers of both kinds.
@Suite("Watches", .serialized)
struct WatchTests {
    @Test("one-shot watches of each kind", arguments: Vendor.underTest)
    func oneShot(vendor: Vendor) async throws {
        try await withTwoClients(vendor) { client, writer, root in
            let (data, changed) = try await client.getDataAndWatch(root)
            #expect(data.data.isEmpty)
            let (none, created) = try await client.existsAndWatch("\(root)/a")
            #expect(none == nil)
            let (children, grown) = try await client.getChildrenAndWatch(root)
            #expect(children.names.isEmpty)
            try await writer.create("\(root)/a")
            try await writer.setData(root, [1])
            #expect(try await created.next()?.kind == .created)
            #expect(try await grown.next()?.kind == .childrenChanged)
            var kinds: [ZnodeEvent.Kind] = []
            for try await event in changed { kinds.append(event.kind) }
            #expect(kinds == [.dataChanged])
        }
    }

    @Test("persistent watches hear everything, in order", arguments: Vendor.underTest)
    func persistent(vendor: Vendor) async throws {
        try await withTwoClients(vendor) { client, writer, root in
            let flat = try await client.addWatch(root, .persistent)
            let deep = try await writer.addWatch(root, .persistentRecursive)
            for index in 0..<100 {
                try await writer.create("\(root)/\(index)")
                try await writer.setData("\(root)/\(index)", [1])
                try await writer.delete("\(root)/\(index)")
            }
            try await writer.setData(root, [9])
            var seen: [ZnodeEvent] = []
            for try await event in deep {
                seen.append(event)
                if event.path == root { break }
            }
            let expected = (0..<100).flatMap { index in
                [ZnodeEvent.Kind.created, .dataChanged, .deleted].map { ($0, "\(root)/\(index)") }
            }
            #expect(seen.count == 301)
            for (event, (kind, path)) in zip(seen, expected) { #expect(event.kind == kind && event.path == path) }
            var flatKinds: [ZnodeEvent.Kind] = []
            for try await event in flat {
                #expect(event.path == root)
                flatKinds.append(event.kind)
                if event.kind == .dataChanged { break }
            }
            #expect(flatKinds.count == 201 && flatKinds.dropLast().allSatisfy { $0 == .childrenChanged })
        }
    }

    @Test("an event comes before the reply to a later read of the same session", arguments: Vendor.underTest)
    func order(vendor: Vendor) async throws {
        try await withTwoClients(vendor) { client, writer, root in
            for round in 0..<50 {
                let (_, watch) = try await client.getDataAndWatch(root)
                try await writer.setData(root, [UInt8(round)])
                let read = client.submit(.sync(root))
                let value = client.submit(.getData(root))
                try await read.value
                #expect(try await value.value.data == [UInt8(round)])
                #expect(watch.hasEvent, "the new value was seen before the event")
                #expect(try await watch.next()?.kind == .dataChanged)
            }
        }
    }

    @Test("watches taken off end, here and at the server", arguments: Vendor.underTest)
    func removal(vendor: Vendor) async throws {
        try await withTwoClients(vendor) { client, _, root in
            let watch = try await client.addWatch(root, .persistent)
            #expect(try await client.hasWatch(root))
            try await client.removeWatches(root)
            #expect(try await watch.next() == nil)
            #expect(try await !client.hasWatch(root))
            await #expect(throws: ZooKeeperError(.server(.noWatcher), operation: .removeWatches, path: root)) {
                try await client.removeWatches(root)
            }

            // A watch that nobody holds any more, and one of two.
            let first = try await client.addWatch(root, .persistent)
            var second: Watch? = try await client.addWatch(root, .persistent)
            #expect(second != nil)
            second = nil
            #expect(try await client.hasWatch(root))
            first.cancel()
            #expect(try await eventually { try await !client.hasWatch(root) })
            #expect(try await first.next() == nil)
        }
    }

    @Test("a request that cannot set a watch says so")
    func notWatchable() async throws {
        try await withTwoClients(.corral) { client, _, root in
            let (reply, watch) = client.submitWithWatch(.sync(root))
            let error = ZooKeeperError(
                .invalidArgument("the request cannot set a watch"), operation: .sync, path: root)
            await #expect(throws: error) { try await reply.value }
            await #expect(throws: error) { try await watch.next() }
        }
    }

    @Test("a change missed while the connection was lost is told", arguments: Vendor.underTest)
    func missed(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        let root = LiveServer.freshPath("missed")
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let writer = try await ZooKeeper.connect(server.configuration())
            try await client.create(root)
            let (_, data) = try await client.getDataAndWatch(root)
            let (_, children) = try await client.getChildrenAndWatch(root)
            let (_, absent) = try await client.existsAndWatch("\(root)/a")
            let recursive = try await client.addWatch(root, .persistentRecursive)
            proxy.refuse(true)
            proxy.cut()
            try await client.wait(for: .suspended)
            try await writer.create("\(root)/a")
            try await writer.setData(root, [1])
            proxy.refuse(false)
            #expect(try await data.next()?.kind == .dataChanged)
            #expect(try await children.next()?.kind == .childrenChanged)
            #expect(try await absent.next()?.kind == .created)
            #expect(try await recursive.next()?.kind == .gap)
            // Apache's server tells the recursive watch nothing of the one-shot ones' events; what comes now is new.
            try await writer.delete("\(root)/a")
            for try await event in recursive where event.kind == .deleted {
                #expect(event.path == "\(root)/a")
                break
            }
            await client.close()
            await writer.close()
        }
    }

    @Test("thousands of watches are set again, in requests that the server takes", arguments: Vendor.underTest)
    func many(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        let root = LiveServer.freshPath("many")
        try await within(.seconds(60)) { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let writer = try await ZooKeeper.connect(server.configuration())
            // 1.5 MB of paths, more than a frame may hold.
            let paths = (0..<5000).map { "\(root)-\($0)-" + String(repeating: "x", count: 250) }
            let watches = paths.map { client.submitWithWatch(.exists($0)) }
            for (reply, _) in watches { #expect(try await reply.value == nil) }
            proxy.cut()
            try await client.wait(for: .suspended)
            try await client.wait(for: .connected)
            for index in [0, 2500, 4999] {
                try await writer.create(paths[index])
                #expect(try await watches[index].watch.next()?.kind == .created)
            }
            await client.close()
            await writer.close()
        }
    }

    private func withTwoClients(
        _ vendor: Vendor, _ body: @escaping @Sendable (ZooKeeper, ZooKeeper, String) async throws -> Void
    ) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration()
        let root = LiveServer.freshPath("watches")
        try await within(.seconds(40)) {
            try await ZooKeeper.withSession(configuration) { client in
                try await ZooKeeper.withSession(configuration) { writer in
                    try await client.create(root)
                    try await body(client, writer, root)
                }
            }
        }
    }
}
