import TestSupport
import Testing
import ZooKeeperClient

/// Sessions that lose their connection, their server or their life, against real servers behind a proxy.
@Suite("Sessions", .serialized)
struct SessionTests {
    @Test("comes back to its session after a break; nothing of it is lost", arguments: Vendor.underTest)
    func reattach(vendor: Vendor) async throws {
        try await withProxy(vendor) { client, proxy, root in
            try await client.create("\(root)/e", mode: .ephemeral)
            let id = client.identity?.id
            var states = client.states.makeAsyncIterator()
            #expect(await states.next() == .connected)
            proxy.cut()
            #expect(await states.next() == .suspended)
            #expect(await states.next() == .connected)
            #expect(client.identity?.id == id)
            #expect(try await client.exists("\(root)/e")?.ephemeralOwner == id)
            #expect(proxy.acceptedCount == 2)
        }
    }

    @Test("a break says what may have happened and what has not", arguments: Vendor.underTest)
    func outcomes(vendor: Vendor) async throws {
        try await withProxy(vendor) { client, proxy, root in
            proxy.hold(true)
            let sent = client.submit(.create("\(root)/sent"))
            #expect(await eventually { client.state == .connected && !sent.isReady })
            try await Task.sleep(for: .milliseconds(50))
            proxy.refuse(true)
            proxy.cut()
            await #expect(
                throws: ZooKeeperError(.connectionLoss, outcome: .unknown, operation: .create, path: "\(root)/sent")
            ) {
                try await sent.value
            }
            #expect(client.state == .suspended)
            // What comes now waits for the next connection.
            let waiting = client.submit(.create("\(root)/waiting"))
            proxy.hold(false)
            proxy.refuse(false)
            #expect(try await waiting.value == "\(root)/waiting")
        }
    }

    @Test("a silent server is left for another", arguments: Vendor.underTest)
    func silence(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let proxies = [try TestProxy(to: server.port), try TestProxy(to: server.port)]
        var configuration = try server.configuration(timeout: .seconds(3))
        configuration.connectString = try ConnectString(
            endpoints: proxies.map { Endpoint(host: "127.0.0.1", port: $0.port) })
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let id = client.identity?.id
            let first = proxies.first { $0.openCount == 1 }!
            var states = client.states.makeAsyncIterator()
            #expect(await states.next() == .connected)
            first.hold(true)
            let begin = ContinuousClock.now
            #expect(await states.next() == .suspended)
            let silence = ContinuousClock.now - begin
            // Two thirds of the timeout, less what had passed since the last heartbeat.
            #expect((.milliseconds(900)...(.milliseconds(2600))).contains(silence), "\(silence)")
            #expect(await states.next() == .connected)
            #expect(client.identity?.id == id)
            #expect(await eventually { first.openCount == 0 }, "the silent connection is given up")
            await client.close()
        }
    }

    @Test("an idle session lives by its heartbeat", arguments: Vendor.underTest)
    func heartbeat(vendor: Vendor) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration(timeout: .seconds(1))
        let root = LiveServer.freshPath("idle")
        try await within {
            try await ZooKeeper.withSession(configuration) { client in
                try await client.create(root, mode: .ephemeral)
                try await Task.sleep(for: .milliseconds(3500))
                #expect(client.state == .connected)
                #expect(try await client.exists(root) != nil)
            }
        }
    }

    @Test("a session that expired at the server ends the client", arguments: Vendor.underTest)
    func expiry(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration(timeout: .seconds(1))
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        configuration.expiresLocally = false
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let witness = try await ZooKeeper.connect(server.configuration())
            let path = try await client.create(LiveServer.freshPath("expiry"), mode: .ephemeral)
            let (_, gone) = try await witness.existsAndWatch(path)
            let (_, orphan) = try await client.existsAndWatch(path)
            proxy.refuse(true)
            proxy.cut()
            #expect(try await gone.next()?.kind == .deleted)
            #expect(client.state == .suspended)
            let waiting = client.submit(.getData(path))
            proxy.refuse(false)
            try await client.wait(for: .expired)
            await #expect(throws: ZooKeeperError(.sessionExpired, operation: .getData, path: path)) {
                try await waiting.value
            }
            await #expect(throws: ZooKeeperError(.sessionExpired, operation: .exists, path: path)) {
                try await client.exists(path)
            }
            await #expect(throws: ZooKeeperError(.sessionExpired, path: path)) { try await orphan.next() }
            await client.close()
            await witness.close()
        }
    }

    @Test("a client that is cut off knows by itself when its session has expired")
    func localExpiry() async throws {
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration(timeout: .seconds(1))
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            proxy.refuse(true)
            proxy.cut()
            let begin = ContinuousClock.now
            try await client.wait(for: .expired)
            #expect(ContinuousClock.now - begin < .seconds(2))
        }
    }

    @Test("a server that comes back finds the session and the watches again", arguments: Vendor.underTest)
    func restart(vendor: Vendor) async throws {
        let server = try ServerUnderTest(vendor)
        var configuration = try server.configuration(timeout: .seconds(60))
        configuration.attemptTimeout = .seconds(2)
        try await within(.seconds(60)) { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            try await client.create("/a")
            try await client.create("/e", mode: .ephemeral)
            let (_, watch) = try await client.getDataAndWatch("/a")
            let persistent = try await client.addWatch("/a", .persistentRecursive)
            server.kill()
            try await client.wait(for: .suspended)
            try server.start()
            try await client.wait(for: .connected)
            #expect(try await client.exists("/e")?.ephemeralOwner == client.identity?.id)
            #expect(try await persistent.next()?.kind == .gap)
            try await client.setData("/a", [1])
            #expect(try await watch.next()?.kind == .dataChanged)
            #expect(try await persistent.next()?.kind == .dataChanged)
            try await client.create("/a/b")
            let zxid = vendor == .apache ? -1 : client.identity?.lastZxid
            let created = try await persistent.next()
            #expect(created == ZnodeEvent(kind: .created, path: "/a/b", zxid: zxid ?? 0))
            await client.close()
        }
    }

    @Test("digest credentials hold on the next connection", arguments: Vendor.underTest)
    func credentials(vendor: Vendor) async throws {
        try await withProxy(vendor) { client, proxy, root in
            try await client.authenticate(.digest(user: "someone", password: "secret"))
            let creatorOnly = [ACL(permissions: Permission.all, identity: Identity(scheme: "auth", id: ""))]
            try await client.create("\(root)/mine", acl: creatorOnly)
            for _ in 0..<3 {
                proxy.cut()
                try await client.wait(for: .suspended)
                try await client.wait(for: .connected)
                _ = try await client.getData("\(root)/mine")
            }
        }
    }

    @Test("a refused credential ends the client", arguments: Vendor.underTest)
    func refusedCredential(vendor: Vendor) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration()
        try await within {
            let client = try await ZooKeeper.connect(configuration)
            await #expect(throws: ZooKeeperError(.server(.authFailed), operation: .auth)) {
                try await client.authenticate(Credential(scheme: "nonsense", secret: []))
            }
            #expect(client.state == .authenticationFailed)
            await #expect(throws: ZooKeeperError(.authenticationFailed, operation: .sync, path: "/")) {
                try await client.sync()
            }
        }
    }

    @Test("another client comes back to the session with its identity", arguments: Vendor.underTest)
    func identity(vendor: Vendor) async throws {
        try await withProxy(vendor) { client, proxy, root in
            try await client.create("\(root)/e", mode: .ephemeral)
            try await client.create("\(root)-beside", mode: .ephemeral)
            var configuration = try await LiveServer.shared(vendor).configuration(chroot: root)
            configuration.resuming = client.identity
            // The old one must not fight for the session.
            proxy.refuse(true)
            let second = try await ZooKeeper.connect(configuration)
            #expect(second.identity?.id == client.identity?.id)
            #expect(try await second.getEphemerals() == ["/e"], "what is beside the chroot is not below it")
            await second.close()
            let third = try await ZooKeeper.connect(LiveServer.shared(vendor).configuration())
            #expect(try await third.exists("\(root)/e") == nil)
            await third.close()
        }
    }

    @Test("close ends the session behind what was submitted", arguments: Vendor.underTest)
    func close(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let root = LiveServer.freshPath("close")
        try await within {
            let client = try await ZooKeeper.connect(server.configuration())
            let creations = (0..<50).map { client.submit(.create("\(root)-\($0)", mode: .ephemeral)) }
            await client.close()
            for creation in creations { _ = try await creation.value }
            #expect(client.state == .closed)
            await #expect(throws: ZooKeeperError(.closed, operation: .sync, path: "/")) { try await client.sync() }
            let witness = try await ZooKeeper.connect(server.configuration())
            #expect(try await !witness.getChildren("/").contains { "/\($0)".hasPrefix(root) })
            await witness.close()
        }
    }

    @Test("close in a cancelled task ends the session all the same before it returns", arguments: Vendor.underTest)
    func closeCancelled(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let root = LiveServer.freshPath("close-cancelled")
        try await within {
            let client = try await ZooKeeper.connect(server.configuration())
            try await client.create(root, mode: .ephemeral)
            let closing = Task {
                while !Task.isCancelled { await Task.yield() }
                await client.close()
                return client.state
            }
            closing.cancel()
            #expect(await closing.value == .closed)
            let witness = try await ZooKeeper.connect(server.configuration())
            #expect(try await witness.exists(root) == nil)
            await witness.close()
        }
    }

    @Test("a client that nobody holds any more ends its session", arguments: Vendor.underTest)
    func dropped(vendor: Vendor) async throws {
        let server = try await LiveServer.shared(vendor)
        let root = LiveServer.freshPath("dropped")
        try await within {
            let witness = try await ZooKeeper.connect(server.configuration())
            var client: ZooKeeper? = try await ZooKeeper.connect(server.configuration())
            try await client?.create(root, mode: .ephemeral)
            let (_, watch) = try await witness.existsAndWatch(root)
            client = nil
            #expect(try await watch.next()?.kind == .deleted)
            await witness.close()
        }
    }

    @Test("a cancelled task stops waiting; the connection goes on")
    func cancellation() async throws {
        try await withProxy(.corral) { client, proxy, root in
            proxy.hold(true)
            let reply = client.submit(.create("\(root)/a"))
            let task = Task { try await reply.value }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            await #expect(
                throws: ZooKeeperError(.cancelled, outcome: .unknown, operation: .create, path: "\(root)/a")
            ) {
                try await task.value
            }
            let watching = Task { try await client.addWatch(root, .persistent).next() }
            watching.cancel()
            await #expect(throws: ZooKeeperError.self) { try await watching.value }
            // Whoever else waits for it still does.
            #expect(!reply.isReady)
        }
        // Where replies come, each finds its request: the one nobody waits for any more, and those behind it.
        try await withProxy(.corral) { client, _, root in
            let replies = (0..<200).map { client.submit(.create("\(root)/n\($0)")) }
            let waiting = replies.map { reply in Task { try await reply.value } }
            for (index, task) in waiting.enumerated() where index % 2 == 0 { task.cancel() }
            for (index, task) in waiting.enumerated() where index % 2 == 1 {
                let path = try await task.value
                #expect(path == "\(root)/n\(index)")
            }
            for (index, reply) in replies.enumerated() {
                let path = try await reply.value
                #expect(path == "\(root)/n\(index)")
            }
        }
    }

    @Test("a request has its time, with a connection and without")
    func requestTimeout() async throws {
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        configuration.requestTimeout = .milliseconds(300)
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            proxy.hold(true)
            await #expect(
                throws: ZooKeeperError(.requestTimeout, outcome: .unknown, operation: .sync, path: "/")
            ) {
                try await client.sync()
            }
            #expect(client.state == .connected)
            proxy.refuse(true)
            proxy.cut()
            try await client.wait(for: .suspended)
            await #expect(throws: ZooKeeperError(.requestTimeout, operation: .sync, path: "/")) {
                try await client.sync()
            }
            proxy.hold(false)
            proxy.refuse(false)
            try await client.wait(for: .connected)
            try await client.sync()
            await client.close()
        }
    }

    @Test("connect gives up in time, and names that it is no use")
    func noServer() async throws {
        let proxy = try TestProxy(to: 1)
        let configuration = try ClientConfiguration("127.0.0.1:\(proxy.port)")
        try await within {
            await #expect(throws: ZooKeeperError(.connectionLoss)) {
                try await ZooKeeper.connect(configuration, within: .milliseconds(300))
            }
            return ()
        }
    }

    /// A client whose only server is behind a proxy, and a fresh znode.
    private func withProxy(
        _ vendor: Vendor, _ body: @escaping @Sendable (ZooKeeper, TestProxy, String) async throws -> Void
    ) async throws {
        let server = try await LiveServer.shared(vendor)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        let root = LiveServer.freshPath("sessions")
        try await within(.seconds(30)) { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            try await client.create(root)
            try await body(client, proxy, root)
            proxy.cut()
            await client.close()
        }
    }
}
