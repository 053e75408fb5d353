import Jute

/// Permission bits of an ACL entry (`ZooDefs.Perms`).
public enum Permission {
    public static let read: Int32 = 1
    public static let write: Int32 = 2
    public static let create: Int32 = 4
    public static let delete: Int32 = 8
    public static let admin: Int32 = 16
    public static let all: Int32 = 31
}

/// An identity under an authentication scheme.
public struct Identity: Hashable, Sendable {
    public var scheme: String
    public var id: String

    public init(scheme: String, id: String) {
        self.scheme = scheme
        self.id = id
    }

    public static let anyone = Identity(scheme: "world", id: "anyone")
}

/// One entry of an access control list.
public struct ACL: Hashable, Sendable {
    /// Bits of `Permission`.
    public var permissions: Int32
    public var identity: Identity

    public init(permissions: Int32, identity: Identity) {
        self.permissions = permissions
        self.identity = identity
    }

    /// `world:anyone` with every permission.
    public static let open = [ACL(permissions: Permission.all, identity: .anyone)]

    public init(from reader: inout JuteReader) throws(JuteError) {
        permissions = try reader.readInt32()
        guard let scheme = try reader.readString(), let id = try reader.readString() else { throw .unexpectedNull }
        identity = Identity(scheme: scheme, id: id)
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: permissions)
        buffer.append(string: identity.scheme)
        buffer.append(string: identity.id)
    }

    /// A vector of entries; nil when the vector is null (-1).
    public static func decodeList(from reader: inout JuteReader) throws(JuteError) -> [ACL]? {
        guard let count = try reader.readVectorCount(minimumElementSize: 12) else { return nil }
        var list: [ACL] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try ACL(from: &reader)) }
        return list
    }

    public static func encode(_ list: [ACL], to buffer: inout WireBuffer) {
        buffer.append(int32: Int32(list.count))
        for entry in list { entry.encode(to: &buffer) }
    }
}
