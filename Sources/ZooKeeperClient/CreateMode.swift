/// How a znode comes to be and how its life ends.
public enum CreateMode: Hashable, Sendable {
    /// Lives until it is deleted.
    case persistent
    /// Deleted by the server when this session ends.
    case ephemeral
    /// The server appends a number to the name, larger than that of every sibling before it.
    case persistentSequential
    case ephemeralSequential
    /// Deleted by the server some time after its last child.
    case container
    /// Deleted by the server once it has no children and nobody has changed it for so many milliseconds.
    case ttl(millis: Int64)
    case ttlSequential(millis: Int64)

    /// The wire's flags (`CreateMode.toFlag` of ZooKeeper 3.9).
    var flags: Int32 {
        switch self {
        case .persistent: 0
        case .ephemeral: 1
        case .persistentSequential: 2
        case .ephemeralSequential: 3
        case .container: 4
        case .ttl: 5
        case .ttlSequential: 6
        }
    }

    var isSequential: Bool {
        switch self {
        case .persistentSequential, .ephemeralSequential, .ttlSequential: true
        default: false
        }
    }

    var ttlMillis: Int64? {
        switch self {
        case .ttl(let millis), .ttlSequential(let millis): millis
        default: nil
        }
    }
}
