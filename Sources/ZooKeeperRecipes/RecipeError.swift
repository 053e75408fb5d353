import ZooKeeperClient

/// Why a recipe did not succeed, and at which znode.
///
/// What a lost connection interrupts is tried again by the recipe itself, so `ZooKeeperError.isTransient` is not among
/// the reasons: what is left is final for the session, or a mistake.
public struct RecipeError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// A request failed, or the session has ended.
        case zooKeeper(ZooKeeperError)
        /// The task was cancelled while it waited.
        case cancelled
        /// What was waited for did not come in the time given.
        case timedOut
        /// The lease was lost, or was in doubt where that is not tolerated, before its use had ended.
        case leaseLost
        /// Another session has what only one can have: a member's name.
        case taken(bySession: Int64)
        /// Another writer has begun a newer version; what this one wrote nobody will see.
        case superseded
        /// A znode's content is not of the recipe's form.
        case unexpectedContent(String)
        case invalidArgument(String)
    }

    public var reason: Reason
    /// The recipe's znode, or the one below it that the reason is about.
    public var path: String

    public init(_ reason: Reason, path: String) {
        self.reason = reason
        self.path = path
    }

    init(_ error: ZooKeeperError, path: String) {
        self.init(error.reason == .cancelled ? .cancelled : .zooKeeper(error), path: error.path ?? path)
    }

    /// Whether the session has ended, and with it everything held through it: only another client can go on.
    public var isSessionEnded: Bool {
        guard case .zooKeeper(let error) = reason else { return false }
        return error.reason == .sessionExpired || error.reason == .closed || error.reason == .authenticationFailed
    }
}

extension RecipeError: CustomStringConvertible {
    public var description: String {
        switch reason {
        case .zooKeeper(let error): "\(path): \(error)"
        case .cancelled: "\(path): cancelled"
        case .timedOut: "\(path): not in time"
        case .leaseLost: "\(path): the lease was lost or in doubt"
        case .taken(let session): "\(path): taken by session 0x\(String(UInt64(bitPattern: session), radix: 16))"
        case .superseded: "\(path): another writer has begun a newer version"
        case .unexpectedContent(let problem): "\(path): unexpected content: \(problem)"
        case .invalidArgument(let problem): "\(path): \(problem)"
        }
    }
}
