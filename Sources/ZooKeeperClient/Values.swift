/// A znode's content and statistics.
public struct NodeData: Equatable, Sendable {
    public var data: [UInt8]
    public var stat: Stat

    public init(data: [UInt8], stat: Stat) {
        self.data = data
        self.stat = stat
    }
}

/// A znode's children and statistics.
public struct NodeChildren: Equatable, Sendable {
    /// Names, not paths, in no particular order.
    public var names: [String]
    public var stat: Stat

    public init(names: [String], stat: Stat) {
        self.names = names
        self.stat = stat
    }
}

/// A znode's access control list and statistics.
public struct NodeACL: Equatable, Sendable {
    public var acl: [ACL]
    public var stat: Stat

    public init(acl: [ACL], stat: Stat) {
        self.acl = acl
        self.stat = stat
    }
}

/// A znode just created.
public struct CreatedNode: Equatable, Sendable {
    /// With the number that the server appended to a sequential name.
    public var path: String
    public var stat: Stat

    public init(path: String, stat: Stat) {
        self.path = path
        self.stat = stat
    }
}
