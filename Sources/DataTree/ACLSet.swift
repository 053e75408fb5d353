import Jute
import ZooKeeperProtocol

/// An immutable access control list, shared by every znode that has it.
///
/// The wire bytes belong to the object and never change, so it may be read by any thread.
public final class ACLSet: @unchecked Sendable {
    public let entries: [ACL]
    /// The list as a jute vector, ready for a reply or a transaction. Lives as long as the object.
    public let wire: UnsafeRawBufferPointer
    /// The number in snapshots: -1 for the open list, positive for the table's own, `unassignedId` for a list that
    /// no transaction has brought into the tree yet.
    public let id: Int64
    /// Permissions granted to `world:anyone`, all of them for an empty list (which forbids nothing).
    public let worldPermissions: Int32

    public static let openId: Int64 = -1
    public static let unassignedId: Int64 = 0

    /// What a znode without an own list has.
    public static let open = ACLSet(entries: ACL.open, id: openId)

    init(entries: [ACL], id: Int64) {
        self.entries = entries
        self.id = id
        var buffer = WireBuffer()
        ACL.encode(entries, to: &buffer)
        wire = Self.copy(buffer.bytes)
        worldPermissions = Self.worldPermissions(entries)
    }

    /// - Parameter wire: a well-formed jute vector, kept byte for byte even where a text is not UTF-8.
    init(wire bytes: UnsafeRawBufferPointer, id: Int64) throws(JuteError) {
        var reader = JuteReader(bytes)
        let count = try reader.readVectorCount(minimumElementSize: 12) ?? 0
        var list: [ACL] = []
        list.reserveCapacity(count)
        for _ in 0..<count {
            let permissions = try reader.readInt32()
            let scheme = String(decoding: try reader.readStringBytes(), as: UTF8.self)
            let name = String(decoding: try reader.readStringBytes(), as: UTF8.self)
            list.append(ACL(permissions: permissions, identity: Identity(scheme: scheme, id: name)))
        }
        entries = list
        self.id = id
        wire = Self.copy(bytes)
        worldPermissions = Self.worldPermissions(list)
    }

    deinit { UnsafeMutableRawPointer(mutating: wire.baseAddress!).deallocate() }

    private static func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        memory.copyMemory(from: bytes)
        return UnsafeRawBufferPointer(memory)
    }

    private static func worldPermissions(_ entries: [ACL]) -> Int32 {
        if entries.isEmpty { return Permission.all }
        return entries.reduce(0) { $1.identity == .anyone ? $0 | $1.permissions : $0 }
    }

    /// Steps over a jute vector of ACL entries and returns its bytes; nil for a null vector.
    static func readWire(from reader: inout JuteReader) throws(JuteError) -> UnsafeRawBufferPointer? {
        let start = reader.position
        guard let count = try reader.readVectorCount(minimumElementSize: 12) else { return nil }
        for _ in 0..<count {
            try reader.skip(4)
            _ = try reader.readBuffer()
            _ = try reader.readBuffer()
        }
        return UnsafeRawBufferPointer(start: start, count: reader.position - start)
    }
}
