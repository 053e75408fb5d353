import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Single transactions")
struct ApplyTests {
    @Test("the empty path and / both name the root")
    func rootNames() {
        let tree = DataTree()
        #expect(tree.find("/") != nil)
        #expect(tree.find("") == tree.find("/"))
        #expect(tree.find("a") == nil)
    }

    @Test("the reader stands behind the record, at the digest")
    func digestStaysUnread() {
        let tree = DataTree()
        let records: [(OpCode, [UInt8])] = [
            (.create, TxnWriter.create("/a", [], parentCversion: 1)),
            (.setData, TxnWriter.setData("/a", [1], version: 1)),
            (.multi, TxnWriter.multi([(.check, TxnWriter.check("/a", version: 1))])),
            (.closeSession, TxnWriter.closeSession(["/gone"])),
            (.createSession, TxnWriter.bytes { $0.append(int32: 4000) }),
            (.error, TxnWriter.error(.noNode)),
        ]
        var fired = FiredEvents()
        var result = ApplyResult()
        for (position, (type, record)) in records.enumerated() {
            let header = TxnHeader(clientId: 1, cxid: 0, zxid: Int64(position + 1), time: 5, type: type.rawValue)
            (record + [0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]).withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                tree.apply(header: header, record: &reader, fired: &fired, result: &result)
                #expect(reader.remaining == 12)
                #expect((try? reader.readInt32()) == 2)
            }
            #expect(result.type == type.rawValue)
            #expect(result.error == (type == .error ? .noNode : .ok))
            #expect(result.sessionTimeoutMillis == (type == .createSession ? 4000 : 0))
        }
        #expect(tree.lastProcessedZxid == 6)
    }

    @Test("a create of 3.4.0's form raises the parent's cversion itself")
    func oldCreate() throws {
        let driver = TreeDriver()
        #expect(driver.create("/a") == .ok)
        #expect(driver.create("/a/b") == .ok)
        let node = try #require(driver.tree.find("/a"))
        #expect(driver.tree.stat(of: node).cversion == 1)
        #expect(driver.tree.stat(of: node).pzxid == 2)
    }

    @Test("what is not there answers noNode; the deletion's parent still moves its pzxid")
    func missing() throws {
        let driver = TreeDriver()
        driver.create("/a")
        #expect(driver.create("/x/y") == .noNode)
        #expect(driver.set("/x", "") == .noNode)
        #expect(driver.apply(.setACL, TxnWriter.setACL("/x", ACL.open, version: 1)) == .noNode)
        #expect(driver.delete("/x/y") == .noNode)
        #expect(driver.delete("/a/y") == .noNode)
        let node = try #require(driver.tree.find("/a"))
        #expect(driver.tree.stat(of: node).pzxid == driver.zxid)
        #expect(driver.tree.digest == TreeModel(of: driver.tree).digest)
    }

    @Test(
        "a creation replayed over its znode brings the ACL and the parent's counters",
        arguments: [OpCode.create, .create2])
    func existing(type: OpCode) throws {
        let driver = TreeDriver()
        driver.create("/p")
        driver.create("/p/c", "kept")
        let acl = [ACL(permissions: 3, identity: .anyone)]
        let record = TxnWriter.create("/p/c", [], acl: acl, parentCversion: 5)
        #expect(driver.apply(type, record) == .nodeExists)
        let parent = try #require(driver.tree.find("/p"))
        #expect(driver.tree.stat(of: parent).cversion == 5)
        #expect(driver.tree.stat(of: parent).pzxid == driver.zxid)
        let node = try #require(driver.tree.find("/p/c"))
        #expect(driver.tree.acl(of: node).entries == acl)
        #expect(driver.tree.worldPermissions(of: node) == 3)
        #expect(driver.tree.text("/p/c") == "kept")
        // An older creation takes nothing back.
        driver.apply(type, TxnWriter.create("/p/c", [], parentCversion: 2))
        #expect(driver.tree.stat(of: parent).cversion == 5)
        #expect(driver.tree.digest == TreeModel(of: driver.tree).digest)
    }

    @Test("the root survives its deletion and its creation")
    func rootIsSafe() {
        let driver = TreeDriver()
        #expect(driver.delete("/") == .noNode)
        #expect(driver.create("/") == .nodeExists)
        #expect(driver.tree.nodeCount == 5)
        #expect(driver.tree.digest == TreeModel(of: driver.tree).digest)
    }

    @Test("every truncated record is refused and changes nothing")
    func truncations() {
        let records: [(OpCode, [UInt8])] = [
            (.create2, TxnWriter.create("/n", [1, 2], parentCversion: 1)),
            (.createContainer, TxnWriter.createContainer("/n", [1], acl: ACL.open, parentCversion: 1)),
            (.createTTL, TxnWriter.createTTL("/n", [1], acl: ACL.open, parentCversion: 1, millis: 5)),
            (.createTTL, TxnWriter.createTTL("/n", [1], acl: ACL.open, parentCversion: 1, millis: -5)),
            (.delete, TxnWriter.delete("/a")), (.setData, TxnWriter.setData("/a", [9], version: 4)),
            (.setACL, TxnWriter.setACL("/a", ACL.open, version: 4)), (.check, TxnWriter.check("/a", version: 1)),
            (.multi, TxnWriter.multi([(.delete, TxnWriter.delete("/a"))])), (.error, TxnWriter.error(.noNode)),
        ]
        for (type, record) in records {
            let driver = TreeDriver()
            driver.create("/a", "text")
            let before = TreeModel(of: driver.tree)
            // A create without its last field is the old form, hence valid.
            let end = type == .create2 ? record.count - 4 : record.count
            for length in 0..<end {
                let error = driver.apply(type, Array(record[..<length]))
                #expect(error == .marshallingError, "\(type) cut at \(length)")
                #expect(TreeModel(of: driver.tree) == before)
            }
        }
    }

    @Test("a transaction of an unknown type is refused")
    func unknownType() {
        let driver = TreeDriver()
        #expect(driver.apply(.ping, []) == .marshallingError)
        #expect(driver.tree.lastProcessedZxid == 1)
    }

    @Test("null data is not empty data")
    func nullData() throws {
        let driver = TreeDriver()
        driver.create("/null", nil)
        driver.create("/empty", "")
        let null = try #require(driver.tree.find("/null"))
        let empty = try #require(driver.tree.find("/empty"))
        #expect(driver.tree.data(of: null) == nil)
        #expect(driver.tree.data(of: empty)?.count == 0)
        driver.set("/null", "now")
        #expect(driver.tree.text("/null") == "now")
        driver.set("/null", nil)
        #expect(driver.tree.data(of: null) == nil)
        #expect(driver.tree.clientStat(of: null).dataLength == 0)
    }

    @Test("ephemerals go with their session, the listed ones first and the forgotten ones after")
    func closeSession() {
        let driver = TreeDriver()
        for path in ["/p", "/p/e1", "/p/e2", "/p/e3"] { driver.create(path, ephemeral: path != "/p", session: 5) }
        driver.create("/other", ephemeral: true, session: 6)
        #expect(driver.tree.ephemeralCount == 4)
        driver.apply(.closeSession, TxnWriter.closeSession(["/p/e2", "/not/there"]), session: 5)
        #expect(driver.tree.find("/p/e1") == nil)
        #expect(driver.tree.ephemeralCount == 1)
        #expect(driver.tree.sessionsWithEphemerals == [6])
        // An emptied session stays on the list until it closes.
        driver.delete("/other")
        #expect(driver.tree.sessionsWithEphemerals == [6])
        driver.apply(.closeSession, [], session: 6)
        #expect(driver.tree.sessionsWithEphemerals.isEmpty)
    }

    @Test("getEphemerals selects by plain prefix")
    func ephemeralPrefix() throws {
        let driver = TreeDriver()
        for path in ["/a1", "/a2", "/b"] { driver.create(path, ephemeral: true) }
        func select(_ prefix: String) throws -> [String] {
            var buffer = WireBuffer()
            [UInt8](prefix.utf8).withUnsafeBytes {
                driver.tree.appendEphemerals(of: 7, prefix: $0, to: &buffer)
            }
            var reader = JuteReader(buffer.bytes)
            let count = try #require(try reader.readVectorCount(minimumElementSize: 4))
            return try (0..<count).map { _ in try reader.readString() ?? "" }.sorted()
        }
        #expect(try select("/a") == ["/a1", "/a2"])
        #expect(try select("/a1") == ["/a1"])
        for all in ["", " ", "/", " / "] { #expect(try select(all) == ["/a1", "/a2", "/b"]) }
        #expect(try select("//") == [])
    }

    @Test("containers and times to live are hidden from clients and reaped when their time has come")
    func reaping() throws {
        let driver = TreeDriver()
        let record = TxnWriter.createContainer("/c", [], acl: ACL.open, parentCversion: 1)
        driver.apply(.createContainer, record)
        driver.apply(
            .createTTL, TxnWriter.createTTL("/t", [], acl: ACL.open, parentCversion: 2, millis: 100))
        func candidates(_ nowMillis: Int64, maximum: Int = 10, neverUsed: Int64 = 0) -> [String] {
            driver.tree.reapCandidates(
                nowMillis: nowMillis, maximum: maximum, neverUsedIntervalMillis: neverUsed
            ).map { String(decoding: $0, as: UTF8.self) }
        }
        let container = try #require(driver.tree.find("/c"))
        #expect(driver.tree.clientStat(of: container).ephemeralOwner == 0)
        #expect(driver.tree.stat(of: container).ephemeralOwner == Int64.min)
        let timed = TreeDriver.time(2)
        #expect(candidates(timed + 100) == [])
        #expect(candidates(timed + 101) == ["/t"])
        // A container that never had a child is spared, unless for too long.
        #expect(candidates(timed + 50, neverUsed: 60) == [])
        #expect(candidates(timed + 51, neverUsed: 60) == ["/c"])
        driver.create("/c/x")
        driver.create("/t/x")
        #expect(candidates(timed + 1000) == [])
        driver.delete("/c/x")
        driver.delete("/t/x")
        #expect(candidates(timed + 1000) == ["/c", "/t"])
        #expect(candidates(timed + 1000, maximum: 1) == ["/c"])
        driver.apply(.deleteContainer, TxnWriter.delete("/c"))
        #expect(candidates(timed + 1000) == ["/t"])
    }

    @Test("without extended types a time to live is a session's number")
    func extendedTypesOff() throws {
        let driver = TreeDriver(DataTree(extendedTypesEnabled: false))
        let owner = EphemeralType.owner(ttlMillis: 100)
        driver.apply(
            .createTTL, TxnWriter.createTTL("/t", [], acl: ACL.open, parentCversion: 1, millis: 100))
        let node = try #require(driver.tree.find("/t"))
        #expect(driver.tree.clientStat(of: node).ephemeralOwner == owner)
        #expect(driver.tree.sessionsWithEphemerals == [owner])
        #expect(driver.tree.reapCandidates(nowMillis: .max, maximum: 9, neverUsedIntervalMillis: 0).isEmpty)
    }

    @Test("digests can be off")
    func noDigest() {
        let driver = TreeDriver(DataTree(digestEnabled: false))
        driver.create("/a", "x")
        #expect(driver.tree.digest == 0)
    }
}
