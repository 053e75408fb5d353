/// What one request of a workload does.
public enum OperationKind: Int, CaseIterable, Codable, Sendable {
    /// `getData`, no watch.
    case read
    /// `setData`, any version.
    case set
    /// `create` of a persistent child with a full-size value.
    case create
    /// `delete`, any version, of the connection's oldest created child.
    case delete
    /// `exists`, no watch.
    case exists
    /// `getChildren` of the connection's own znode.
    case children

    public static let count = allCases.count

    public var name: String {
        switch self {
        case .read: "read"
        case .set: "set"
        case .create: "create"
        case .delete: "delete"
        case .exists: "exists"
        case .children: "children"
        }
    }

    /// True for requests that change the tree.
    public var isWrite: Bool { self == .set || self == .create || self == .delete }

    public init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }
}
