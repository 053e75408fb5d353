import Testing
import ZooKeeperClient

@testable import ZooKeeperRecipes

/// Sequence numbers and names, without servers.
@Suite("Contenders' names")
struct NamingTests {
    @Test(
        "numbers as servers append them",
        arguments: [
            ("_c_6f5b1b1e-lock-0000000001", 1, "_c_6f5b1b1e-lock-"),
            ("0123456789abcdef__lock__2147483647", Int32.max, "0123456789abcdef__lock__"),
            ("_c_x-__WRIT__-2147483648", Int32.min, "_c_x-__WRIT__"),
            ("lock--2147483648", Int32.min, "lock-"),
            ("lock--000000007", -7, "lock-"),
            ("a-__READ__-000000001", -1, "a-__READ__"),
            ("read-0000000012", 12, "read-"),
            ("0000000000", 0, ""),
        ])
    func numbers(name: String, value: Int32, prefix: String) {
        let number = SequenceNumber(name)
        #expect(number?.value == value)
        #expect(number.map { String($0.prefix) } == prefix)
    }

    @Test(
        "names without a number",
        arguments: [
            "ready", "", "lock000000001", "lock-00000000x1", "lock-0000000001x", "lock-9999999999", "ä000000001",
        ])
    func noNumber(name: String) {
        #expect(SequenceNumber(name) == nil)
    }

    @Test("the order goes on across the overflow")
    func overflow() throws {
        let last = try #require(SequenceNumber("lock-2147483647"))
        let next = try #require(SequenceNumber("lock--2147483648"))
        let zero = try #require(SequenceNumber("lock-0000000000"))
        #expect(last.precedes(next) && !next.precedes(last))
        #expect(zero.precedes(last) && !last.precedes(zero) && !zero.precedes(zero))
    }

    private func line(
        _ naming: ContenderNaming, _ waitsFor: @escaping @Sendable (Substring) -> Bool
    ) throws -> WaitingLine {
        WaitingLine(
            client: try ZooKeeper(try ClientConfiguration("127.0.0.1:1")), path: "/line", naming: naming, data: [],
            acl: ACL.open, waitsFor: waitsFor)
    }

    @Test("each waits for the nearest one before it, whoever named it")
    func predecessors() throws {
        let names = [
            "_c_x-lock-0000000003", "ready", "abc__lock__0000000001", "_c_y-lock-0000000007", "lock-0000000005", "ab-1",
        ]
        let line = try line(.curator) { _ in true }
        func predecessor(_ number: String) throws -> String? {
            line.predecessor(of: try #require(SequenceNumber("_c_z-lock-\(number)")), in: names)
        }
        #expect(try predecessor("0000000001") == nil)
        #expect(try predecessor("0000000003") == "abc__lock__0000000001")
        #expect(try predecessor("0000000007") == "lock-0000000005")
        #expect(try predecessor("0000000099") == "_c_y-lock-0000000007")
        // Beyond the overflow those with large numbers are still the earlier ones.
        #expect(
            line.predecessor(
                of: try #require(SequenceNumber("_c_z-lock--2147483648")),
                in: ["_c_x-lock-2147483646", "_c_y-lock-2147483647", "_c_v-lock--2147483647"])
                == "_c_y-lock-2147483647")
    }

    @Test("a reader waits for writers only, of all libraries")
    func readers() throws {
        let line = try line(ContenderNaming.curator.reader) { !ContenderNaming.isReader($0) }
        let own = try #require(SequenceNumber("_c_z-__READ__0000000009"))
        let readers = ["_c_x-__READ__0000000001", "ab__rlock__0000000002", "read-0000000003"]
        #expect(line.predecessor(of: own, in: readers) == nil)
        for writer in ["_c_x-__WRIT__0000000000", "ab__lock__0000000000", "write-0000000000", "_c_x-lock-0000000000"] {
            #expect(line.predecessor(of: own, in: readers + [writer]) == writer)
        }
    }

    @Test("names as Curator and kazoo make them")
    func names() throws {
        let curator = ProtectedName(.curator)
        #expect(try #/_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-/#.wholeMatch(in: curator.name) != nil)
        let kazoo = ProtectedName(.kazoo)
        #expect(try #/[0-9a-f]{32}__lock__/#.wholeMatch(in: kazoo.name) != nil)
        #expect(curator.isMine(curator.name + "0000000001") && !curator.isMine(kazoo.name))
        #expect(ProtectedName(ContenderNaming.curator.reader).name.hasSuffix("-__READ__"))
        #expect(ProtectedName(ContenderNaming.curator.writer).name.hasSuffix("-__WRIT__"))
        #expect(ProtectedName(ContenderNaming.kazoo.reader).name.hasSuffix("__rlock__"))
        #expect(ProtectedName(ContenderNaming.kazoo.writer).name.hasSuffix("__lock__"))
    }
}
