import TestSupport
import Testing
import ZooKeeperClient

/// Every request of the protocol against real servers of both kinds.
@Suite("Requests", .serialized)
struct RequestTests {
    @Test("create, read, change, delete", arguments: Vendor.underTest)
    func basics(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            #expect(try await client.create("\(root)/a", data: [1, 2]) == "\(root)/a")
            let read = try await client.getData("\(root)/a")
            #expect(read.data == [1, 2])
            #expect(read.stat.version == 0 && read.stat.dataLength == 2)

            let stat = try await client.setData("\(root)/a", [3], version: 0)
            #expect(stat.version == 1)
            #expect(try await client.exists("\(root)/a") == stat)
            #expect(try await client.exists("\(root)/b") == nil)

            let created = try await client.createAndStat("\(root)/a/b", data: [7])
            #expect(created.path == "\(root)/a/b")
            #expect(created.stat.dataLength == 1)
            #expect(try await client.getChildren(root) == ["a"])
            let children = try await client.getChildrenAndStat("\(root)/a")
            #expect(children.names == ["b"] && children.stat.numChildren == 1)
            #expect(try await client.getAllChildrenNumber(root) == 2)

            try await client.sync(root)
            try await client.delete("\(root)/a/b", version: 0)
            try await client.delete("\(root)/a")
            #expect(try await client.getChildren(root).isEmpty)
        }
    }

    @Test("each mode of creation", arguments: Vendor.underTest)
    func modes(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            #expect(
                try await client.create("\(root)/s-", mode: .persistentSequential) == "\(root)/s-0000000000")
            #expect(try await client.create("\(root)/", mode: .ephemeralSequential) == "\(root)/0000000001")
            try await client.create("\(root)/e", mode: .ephemeral)
            let owner = try #require(try await client.exists("\(root)/e")).ephemeralOwner
            #expect(owner == client.identity?.id)
            #expect(try await client.getEphemerals(below: root).sorted() == ["\(root)/0000000001", "\(root)/e"])

            let container = try await client.createAndStat("\(root)/c", mode: .container)
            #expect(container.path == "\(root)/c" && container.stat.czxid > 0)
            #expect(try await client.create("\(root)/c2", mode: .container) == "\(root)/c2")
            let timed = try await client.createAndStat("\(root)/t", mode: .ttl(millis: 60_000))
            #expect(timed.path == "\(root)/t" && timed.stat.czxid > container.stat.czxid)
            await #expect(throws: ZooKeeperError.self) {
                try await client.create("\(root)/never", mode: .ttl(millis: 0))
            }
            let numbered = try await client.create("\(root)/u-", mode: .ttlSequential(millis: 60_000))
            #expect(numbered.hasPrefix("\(root)/u-00000000"))
        }
    }

    @Test("errors name the request, the path and what has happened", arguments: Vendor.underTest)
    func errors(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            func failure(_ body: () async throws(ZooKeeperError) -> Void) async -> ZooKeeperError? {
                do { try await body() } catch { return error }
                return nil
            }
            let missing = await failure { () throws(ZooKeeperError) in _ = try await client.getData("\(root)/no") }
            #expect(
                missing == ZooKeeperError(.server(.noNode), operation: .getData, path: "\(root)/no"))
            #expect(missing?.code == .noNode && missing?.outcome == .notApplied)
            #expect("\(missing!)" == "getData \(root)/no: noNode")

            let exists = await failure { () throws(ZooKeeperError) in try await client.create(root) }
            #expect(exists?.reason == .server(.nodeExists) && exists?.path == root)
            let version = await failure { () throws(ZooKeeperError) in
                try await client.setData(root, [], version: 9)
            }
            #expect(version?.reason == .server(.badVersion))
            try await client.create("\(root)/x")
            let notEmpty = await failure { () throws(ZooKeeperError) in try await client.delete(root) }
            #expect(notEmpty?.reason == .server(.notEmpty))

            for path in ["", "x", "/x/", "//x", "/a/../b", "/a/.", "/a\u{1}", "/a\u{f700}"] {
                let invalid = await failure { () throws(ZooKeeperError) in _ = try await client.getData(path) }
                guard case .invalidPath = invalid?.reason else {
                    Issue.record("\(path.debugDescription): \(String(describing: invalid))")
                    continue
                }
                #expect(invalid?.path == path)
            }
            let large = await failure { () throws(ZooKeeperError) in
                try await client.setData(root, [UInt8](repeating: 0, count: 1 << 20))
            }
            guard case .requestTooLarge(let bytes, 0xfffff) = large?.reason else {
                throw large ?? ZooKeeperError(.overloaded)
            }
            #expect(bytes > 1 << 20)
            #expect(client.state == .connected, "the connection must not suffer")
        }
    }

    @Test("multi: all or none, with the culprit named", arguments: Vendor.underTest)
    func multi(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            let results = try await client.multi([
                .create("\(root)/a", data: [1]), .create("\(root)/n-", mode: .persistentSequential),
                .setData("\(root)/a", [2]), .check("\(root)/a", version: 1), .delete("\(root)/a"),
            ])
            #expect(results.count == 5)
            guard case .created(let path, _) = results[0], case .created(let numbered, _) = results[1] else {
                Issue.record("\(results)")
                return
            }
            #expect(path == "\(root)/a")
            #expect(numbered == "\(root)/n-0000000001")
            guard case .dataSet(let changed) = results[2] else {
                Issue.record("\(results)")
                return
            }
            #expect(changed.version == 1)
            #expect(results[3] == .checked && results[4] == .deleted)

            do throws(ZooKeeperError) {
                try await client.multi([.create("\(root)/b"), .check("\(root)/no", version: 3), .create("\(root)/c")])
                Issue.record("a multi with an impossible part succeeded")
            } catch {
                #expect(error.reason == .server(.noNode))
                #expect(error.index == 1 && error.path == "\(root)/no")
            }
            #expect(try await client.exists("\(root)/b") == nil)
            #expect(try await client.multi([]).isEmpty)

            let reads = try await client.multiRead([
                .getData(numbered), .getChildren(root), .getData("\(root)/no"),
            ])
            #expect(reads.count == 3)
            guard case .data(let data) = reads[0] else {
                Issue.record("\(reads)")
                return
            }
            #expect(data.data.isEmpty)
            #expect(reads[1] == .children(["n-0000000001"]))
            #expect(reads[2] == .failed(.noNode))
        }
    }

    @Test("identities and access control", arguments: Vendor.underTest)
    func accessControl(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            try await client.authenticate(.digest(user: "someone", password: "secret"))
            let creatorOnly = [ACL(permissions: Permission.all, identity: Identity(scheme: "auth", id: ""))]
            try await client.create("\(root)/mine", data: [1], acl: creatorOnly)
            let acl = try await client.getACL("\(root)/mine")
            #expect(acl.acl.count == 1 && acl.acl[0].identity.scheme == "digest")
            #expect(acl.acl[0].identity.id.hasPrefix("someone:"))
            #expect(try await client.getData("\(root)/mine").data == [1])
            #expect(try await client.whoAmI().contains(ClientInfo(scheme: "digest", user: "someone")))

            let stranger = try await ZooKeeper.connect(LiveServer.shared(vendor).configuration())
            await #expect(throws: ZooKeeperError(.server(.noAuth), operation: .getData, path: "\(root)/mine")) {
                try await stranger.getData("\(root)/mine")
            }
            let stat = try await client.setACL("\(root)/mine", ACL.open, version: 0)
            #expect(stat.aversion == 1)
            #expect(try await stranger.getData("\(root)/mine").data == [1])
            await stranger.close()
        }
    }

    @Test("a chroot is the client's root", arguments: Vendor.underTest)
    func chroot(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            let inner = try await ZooKeeper.connect(LiveServer.shared(vendor).configuration(chroot: root))
            #expect(try await inner.create("/a", data: [5]) == "/a")
            #expect(try await client.getData("\(root)/a").data == [5])
            #expect(try await inner.getChildren("/") == ["a"])
            #expect(try await inner.create("/e", mode: .ephemeral) == "/e")
            #expect(try await inner.getEphemerals() == ["/e"])
            let results = try await inner.multi([.create("/m"), .delete("/m")])
            guard case .created(let path, _) = results.first else {
                Issue.record("\(results)")
                return
            }
            #expect(path == "/m")
            let (_, watch) = try await inner.getDataAndWatch("/a")
            try await client.setData("\(root)/a", [6])
            #expect(try await within { try await watch.next() }?.path == "/a")
            await inner.close()
        }
    }

    @Test("many outstanding requests are answered in order", arguments: Vendor.underTest)
    func pipeline(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            let creations = (0..<1000).map { client.submit(.create("\(root)/\($0)", data: [UInt8($0 & 0xff)])) }
            let reads = (0..<1000).map { client.submit(.getData("\(root)/\($0)")) }
            let deletion = client.submit(.delete("\(root)/999"))
            let last = client.submit(.exists("\(root)/999"))
            #expect(try await last.value == nil)
            // What was submitted before is answered before.
            #expect(creations.allSatisfy(\.isReady) && reads.allSatisfy(\.isReady) && deletion.isReady)
            var zxid: Int64 = 0
            for (index, read) in reads.enumerated() {
                let value = try await read.value
                #expect(value.data == [UInt8(index & 0xff)])
                #expect(value.stat.czxid > zxid)
                zxid = value.stat.czxid
            }
        }
    }

    @Test("hundreds of tasks at once", arguments: Vendor.underTest)
    func manyTasks(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let path = try await client.create("\(root)/n\(number)", data: Array("\(number)".utf8))
                        for _ in 0..<5 {
                            #expect(try await client.getData(path).data == Array("\(number)".utf8))
                        }
                        try await client.delete(path)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.getChildren(root).isEmpty)
        }
    }

    @Test("large replies over many reads", arguments: Vendor.underTest)
    func largeReplies(vendor: Vendor) async throws {
        try await withClient(vendor) { client, root in
            let data = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await client.create("\(root)/large", data: data)
            let reads = (0..<8).map { _ in client.submit(.getData("\(root)/large")) }
            for read in reads { #expect(try await read.value.data == data) }
        }
    }

    /// A client and a fresh znode.
    private func withClient(
        _ vendor: Vendor, _ body: @escaping @Sendable (ZooKeeper, String) async throws -> Void
    ) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration()
        let root = LiveServer.freshPath("requests")
        try await within(.seconds(60)) {
            try await ZooKeeper.withSession(configuration) { client in
                try await client.create(root)
                try await body(client, root)
            }
        }
    }
}
