import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Watches")
struct WatchTests {
    private func with<Result>(_ path: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        [UInt8](path.utf8).withUnsafeBytes(body)
    }

    private func watch(_ driver: TreeDriver, _ path: String, _ kind: WatchTable.Kind, _ watcher: WatcherID) {
        with(path) { driver.tree.watches.add(path: $0, kind: kind, watcher: watcher) }
    }

    private func contains(_ driver: TreeDriver, _ path: String, _ type: WatcherType, _ watcher: WatcherID) -> Bool {
        with(path) { driver.tree.watches.contains(path: $0, type: type, watcher: watcher) }
    }

    private func remove(_ driver: TreeDriver, _ path: String, _ type: WatcherType, _ watcher: WatcherID) -> Bool {
        with(path) { driver.tree.watches.remove(path: $0, type: type, watcher: watcher) }
    }

    @Test("data and exists watches fire once, for creation, change and deletion")
    func standardData() {
        let driver = TreeDriver()
        watch(driver, "/a", .data, 1)
        driver.create("/a")
        #expect(driver.takeEvents() == ["1 nodeCreated /a"])
        driver.set("/a", "x")
        #expect(driver.takeEvents() == [])
        watch(driver, "/a", .data, 1)
        driver.create("/a/b")
        driver.apply(.setACL, TxnWriter.setACL("/a", ACL.open, version: 1))
        #expect(driver.takeEvents() == [])
        driver.set("/a", "y")
        driver.set("/a", "z")
        #expect(driver.takeEvents() == ["1 nodeDataChanged /a"])
        watch(driver, "/a/b", .data, 1)
        driver.delete("/a/b")
        #expect(driver.takeEvents() == ["1 nodeDeleted /a/b"])
        #expect(driver.tree.watches.isEmpty)
    }

    @Test("child watches fire once, for children and for the znode's deletion")
    func standardChild() {
        let driver = TreeDriver()
        driver.create("/a")
        watch(driver, "/a", .child, 1)
        driver.set("/a", "x")
        #expect(driver.takeEvents() == [])
        driver.create("/a/b")
        driver.create("/a/c")
        #expect(driver.takeEvents() == ["1 nodeChildrenChanged /a"])
        watch(driver, "/a", .child, 1)
        driver.delete("/a/b")
        #expect(driver.takeEvents() == ["1 nodeChildrenChanged /a"])
        driver.delete("/a/c")
        watch(driver, "/a", .child, 1)
        watch(driver, "/", .child, 2)
        driver.delete("/a")
        #expect(driver.takeEvents() == ["1 nodeDeleted /a", "2 nodeChildrenChanged /"])
    }

    @Test("a deletion is told once to a watcher of both data and children")
    func suppression() {
        let driver = TreeDriver()
        driver.create("/a")
        watch(driver, "/a", .data, 1)
        watch(driver, "/a", .child, 1)
        watch(driver, "/a", .child, 2)
        driver.delete("/a")
        #expect(driver.takeEvents() == ["1 nodeDeleted /a", "2 nodeDeleted /a"])
        #expect(driver.tree.watches.isEmpty)
    }

    @Test("a recursive watch above suppresses the child watcher's deletion too")
    func suppressionByRecursive() {
        let driver = TreeDriver()
        driver.create("/a")
        driver.create("/a/b")
        watch(driver, "/a", .persistentRecursive, 1)
        watch(driver, "/a/b", .child, 1)
        driver.delete("/a/b")
        #expect(driver.takeEvents() == ["1 nodeDeleted /a/b"])
    }

    @Test("persistent watches stay, for data and children of this znode only")
    func persistent() {
        let driver = TreeDriver()
        watch(driver, "/a", .persistent, 1)
        driver.create("/a")
        driver.create("/a/b")
        driver.create("/a/b/c")
        driver.set("/a", "x")
        driver.set("/a/b", "x")
        driver.delete("/a/b/c")
        driver.delete("/a/b")
        driver.delete("/a")
        #expect(
            driver.takeEvents() == [
                "1 nodeCreated /a", "1 nodeChildrenChanged /a", "1 nodeDataChanged /a", "1 nodeChildrenChanged /a",
                "1 nodeDeleted /a",
            ])
        driver.create("/a")
        #expect(driver.takeEvents() == ["1 nodeCreated /a"])
    }

    @Test("recursive watches see everything below but no change of children")
    func recursive() {
        let driver = TreeDriver()
        watch(driver, "/a", .persistentRecursive, 1)
        for path in ["/a", "/a/b", "/a/b/c", "/ab"] { driver.create(path) }
        driver.set("/a/b/c", "x")
        driver.delete("/a/b/c")
        #expect(
            driver.takeEvents() == [
                "1 nodeCreated /a", "1 nodeCreated /a/b", "1 nodeCreated /a/b/c", "1 nodeDataChanged /a/b/c",
                "1 nodeDeleted /a/b/c",
            ])
    }

    @Test("recursive watches on the root and on several levels tell once")
    func recursiveLevels() {
        let driver = TreeDriver()
        driver.create("/a")
        watch(driver, "/", .persistentRecursive, 1)
        watch(driver, "/a", .persistentRecursive, 1)
        watch(driver, "/a/b", .data, 1)
        watch(driver, "/", .persistentRecursive, 2)
        driver.create("/a/b")
        driver.set("/", "x")
        #expect(
            driver.takeEvents().sorted() == [
                "1 nodeCreated /a/b", "1 nodeDataChanged /", "2 nodeCreated /a/b", "2 nodeDataChanged /",
            ])
        #expect(!contains(driver, "/a/b", .data, 1))
    }

    @Test("a standard watch beside a persistent one ends alone")
    func mixedModes() {
        let driver = TreeDriver()
        driver.create("/a")
        watch(driver, "/a", .persistent, 1)
        watch(driver, "/a", .data, 1)
        driver.set("/a", "x")
        #expect(driver.takeEvents() == ["1 nodeDataChanged /a"])
        #expect(!contains(driver, "/a", .data, 1))
        #expect(contains(driver, "/a", .persistent, 1))
        driver.set("/a", "y")
        #expect(driver.takeEvents() == ["1 nodeDataChanged /a"])
    }

    @Test("events carry the znode's ACL, the parent's for its children, and the zxid")
    func aclAndZxid() throws {
        let driver = TreeDriver()
        let parent = [ACL(permissions: 1, identity: Identity(scheme: "ip", id: "1.2.3.4"))]
        let child = [ACL(permissions: 2, identity: Identity(scheme: "ip", id: "1.2.3.4"))]
        driver.create("/a", acl: parent)
        for change in ["create", "set", "delete"] {
            watch(driver, "/a", .child, 1)
            watch(driver, "/a/b", .data, 1)
            switch change {
            case "create": driver.create("/a/b", acl: child)
            case "set": driver.set("/a/b", "x")
            default: driver.delete("/a/b")
            }
            for event in driver.fired.events {
                let wanted = event.type == .nodeChildrenChanged ? parent : child
                #expect(event.acl?.entries == wanted, "\(change) \(event.type)")
                #expect(event.zxid == driver.zxid)
            }
            #expect(driver.fired.events.count == (change == "set" ? 1 : 2))
            driver.fired.removeAll()
        }
    }

    @Test("the end of a session tells its znodes' watchers, in the list's order")
    func closeSession() {
        let driver = TreeDriver()
        for path in ["/e1", "/e2", "/e3"] {
            driver.create(path, ephemeral: true)
            watch(driver, path, .data, 1)
        }
        driver.apply(.closeSession, TxnWriter.closeSession(["/e2", "/e1"]))
        #expect(driver.takeEvents() == ["1 nodeDeleted /e2", "1 nodeDeleted /e1", "1 nodeDeleted /e3"])
    }

    @Test("a multi that fails fires nothing; one that succeeds fires per operation")
    func multi() {
        let driver = TreeDriver()
        watch(driver, "/a", .persistent, 1)
        let create = (OpCode.create, TxnWriter.create("/a", [], parentCversion: 1))
        let set = (OpCode.setData, TxnWriter.setData("/a", [1], version: 1))
        driver.apply(.multi, TxnWriter.multi([create, (.error, TxnWriter.error(.noNode))]))
        #expect(driver.takeEvents() == [])
        driver.apply(.multi, TxnWriter.multi([create, set]))
        #expect(driver.takeEvents() == ["1 nodeCreated /a", "1 nodeDataChanged /a"])
    }

    @Test("checkWatches and removeWatches by type")
    func types() {
        let types: [WatcherType] = [.children, .data, .any, .persistent, .persistentRecursive]
        let expected: [(WatchTable.Kind, [WatcherType])] = [
            (.data, [.data, .any]), (.child, [.children, .any]), (.persistent, [.any, .persistent]),
            (.persistentRecursive, [.any, .persistentRecursive]),
        ]
        for (kind, matching) in expected {
            for type in types {
                let driver = TreeDriver()
                watch(driver, "/a", kind, 3)
                #expect(contains(driver, "/a", type, 3) == matching.contains(type), "\(kind) \(type)")
                #expect(!contains(driver, "/a", type, 2))
                #expect(!contains(driver, "/b", type, 3))
                #expect(!remove(driver, "/b", type, 3))
                #expect(remove(driver, "/a", type, 3) == matching.contains(type), "\(kind) \(type)")
                #expect(driver.tree.watches.isEmpty == matching.contains(type))
            }
        }
    }

    @Test("removing one type leaves the others")
    func removeOne() {
        let driver = TreeDriver()
        for kind in [.data, .child, .persistent, .persistentRecursive] as [WatchTable.Kind] {
            watch(driver, "/a", kind, 1)
        }
        #expect(remove(driver, "/a", .data, 1))
        #expect(remove(driver, "/a", .persistent, 1))
        #expect(!contains(driver, "/a", .persistent, 1))
        #expect(contains(driver, "/a", .children, 1))
        #expect(contains(driver, "/a", .persistentRecursive, 1))
        #expect(remove(driver, "/a", .any, 1))
        #expect(!remove(driver, "/a", .any, 1))
        driver.create("/a")
        driver.create("/a/b")
        #expect(driver.takeEvents() == [])
    }

    @Test("counts and reports by manager")
    func reports() {
        let driver = TreeDriver()
        let watches = driver.tree.watches
        watch(driver, "/a", .data, 1)
        watch(driver, "/a", .data, 1)
        watch(driver, "/a", .child, 1)
        watch(driver, "/b", .persistent, 2)
        watch(driver, "/a", .persistentRecursive, 2)
        func summary(_ manager: WatchManager) -> [Int] {
            let summary = watches.summary(manager)
            return [summary.watchers, summary.paths, summary.watches]
        }
        #expect(summary(.data) == [2, 2, 3])
        #expect(summary(.child) == [2, 2, 2])
        #expect(watches.watchCount == 5)
        #expect(watches.pathCount == 4)
        let byPath = watches.watchersByPath(.data).map { (String(decoding: $0.path, as: UTF8.self), $0.watchers) }
        #expect(byPath.first { $0.0 == "/a" }?.1.sorted() == [1, 2])
        #expect(byPath.first { $0.0 == "/b" }?.1 == [2])
        let byWatcher = watches.pathsByWatcher(.child).sorted { $0.watcher < $1.watcher }
        #expect(byWatcher.map(\.watcher) == [1, 2])
        #expect(byWatcher.map(\.paths) == [[[UInt8]("/a".utf8)], [[UInt8]("/b".utf8)]])
        // A watcher whose last watch has fired stays listed, one that removed its last does not.
        driver.create("/a")
        #expect(summary(.data) == [2, 2, 2])
        #expect(remove(driver, "/a", .children, 1))
        #expect(summary(.child) == [1, 1, 1])
        watches.removeWatcher(1)
        #expect(summary(.data) == [1, 2, 2])
        watches.removeWatcher(2)
        #expect(summary(.data) == [0, 0, 0])
        #expect(summary(.child) == [0, 0, 0])
        #expect(watches.isEmpty)
    }

    @Test("setWatches tells what happened meanwhile and sets the rest")
    func setWatches() {
        let driver = TreeDriver()
        for path in ["/same", "/changed", "/parent"] { driver.create(path) }
        let seen = driver.zxid
        driver.set("/changed", "x")
        driver.create("/parent/child")
        let lists: [[[UInt8]]] = [
            ["/same", "/changed", "/gone"], ["/same", "/later"], ["/same", "/parent", "/gone"], ["/p"], ["/r"],
        ].map { $0.map { [UInt8]($0.utf8) } }
        var kept: [UnsafeMutableRawBufferPointer] = []
        defer { for bytes in kept { bytes.deallocate() } }
        let views = lists.map { list in
            list.map { path in
                let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: path.count, alignment: 1)
                bytes.copyBytes(from: path)
                kept.append(bytes)
                return UnsafeRawBufferPointer(bytes)
            }
        }
        driver.tree.setWatches(
            relativeZxid: seen, data: views[0], exist: views[1], child: views[2], persistent: views[3],
            persistentRecursive: views[4], watcher: 4, fired: &driver.fired)
        #expect(driver.fired.events.allSatisfy { $0.zxid == -1 && $0.acl == nil })
        #expect(
            driver.takeEvents() == [
                "4 nodeDataChanged /changed", "4 nodeDeleted /gone", "4 nodeCreated /same",
                "4 nodeChildrenChanged /parent", "4 nodeDeleted /gone",
            ])
        #expect(contains(driver, "/same", .data, 4))
        #expect(contains(driver, "/same", .children, 4))
        #expect(contains(driver, "/later", .data, 4))
        #expect(contains(driver, "/p", .persistent, 4))
        #expect(contains(driver, "/r", .persistentRecursive, 4))
        #expect(!contains(driver, "/changed", .any, 4))
        #expect(!contains(driver, "/parent", .any, 4))
    }

    @Test("registration by many threads loses nothing")
    func threads() async {
        let tree = DataTree()
        await withTaskGroup(of: Void.self) { group in
            for watcher in 0..<8 as Range<WatcherID> {
                group.addTask {
                    for number in 0..<200 {
                        for path in ["/shared", "/own\(watcher)/\(number)"] {
                            [UInt8](path.utf8).withUnsafeBytes {
                                tree.watches.add(path: $0, kind: .data, watcher: watcher)
                            }
                        }
                    }
                }
            }
        }
        #expect(tree.watches.watchCount == 8 * 200 + 8)
        #expect(tree.watches.summary().paths == 8 * 200 + 1)
        for watcher in 0..<8 as Range<WatcherID> { tree.watches.removeWatcher(watcher) }
        #expect(tree.watches.isEmpty)
    }
}
