import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Access control lists")
struct ACLTests {
    private static let secret = [ACL(permissions: Permission.all, identity: Identity(scheme: "digest", id: "u:p"))]

    @Test("znodes share one object; numbers grow and are not given again")
    func sharing() throws {
        let driver = TreeDriver()
        driver.create("/a", acl: Self.secret)
        driver.create("/b", acl: Self.secret)
        let first = try driver.tree.acl(of: #require(driver.tree.find("/a")))
        #expect(try first === driver.tree.acl(of: #require(driver.tree.find("/b"))))
        #expect(driver.tree.intern(Self.secret) === first)
        #expect(try driver.tree.intern(wire: first.wire) === first)
        #expect(first.id == 2)
        #expect(driver.tree.aclCount == 2)
        driver.delete("/a")
        #expect(driver.tree.aclCount == 2)
        driver.apply(.setACL, TxnWriter.setACL("/b", nil, version: 1))
        #expect(driver.tree.aclCount == 1)
        #expect(driver.tree.intern(Self.secret).id == ACLSet.unassignedId)
        driver.create("/c", acl: Self.secret)
        #expect(try driver.tree.acl(of: #require(driver.tree.find("/c"))).id == 3)
        #expect(try driver.tree.acl(of: #require(driver.tree.find("/b"))).id == ACLSet.openId)
    }

    @Test("asking for a list does not bring it into the tree")
    func internIsFree() {
        let tree = DataTree()
        #expect(tree.intern(Self.secret).entries == Self.secret)
        #expect(tree.aclCount == 1)
    }

    @Test("what the world may do")
    func worldPermissions() {
        let tree = DataTree()
        let anyone = { (bits: Int32) in ACL(permissions: bits, identity: .anyone) }
        #expect(tree.intern(Self.secret).worldPermissions == 0)
        #expect(tree.intern(Self.secret + [anyone(1), anyone(4)]).worldPermissions == 5)
        #expect(tree.intern([]).worldPermissions == Permission.all)
        #expect(ACLSet.open.worldPermissions == Permission.all)
    }

    @Test("a list with texts that are not UTF-8 keeps its bytes")
    func rawTexts() throws {
        let tree = DataTree()
        let wire: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 31, 0, 0, 0, 1, 0xff, 0, 0, 0, 1, 0xfe]
        let list = try wire.withUnsafeBytes { try tree.intern(wire: $0) }
        #expect([UInt8](list.wire) == wire)
        #expect(list.entries.count == 1)
    }
}
