import Server

extension CorralServer {
    /// What a server is to its ensemble.
    public enum Role: String, Sendable {
        /// It has none.
        case standalone
        /// It looks for a leader.
        case looking
        case leading, following, observing
    }

    /// What a server is and has, at one moment.
    public struct Status: Sendable {
        public let role: Role
        /// Whether it takes clients: it stands alone, leads, or is in step with its leader.
        public let isServing: Bool
        /// `CorralServer.id` of the leader, which may be itself; nil without one.
        public let leaderID: Int?
        /// The last transaction applied.
        public let zxid: Int64
        /// The sessions it knows of, which are those of the whole ensemble.
        public let sessionIDs: [Int64]
        public let connectionCount: Int
        public let znodeCount: Int
        public let watchCount: Int

        init(_ status: ServerStatus) {
            role =
                switch status.role {
                case .standalone: .standalone
                case .looking: .looking
                case .leading: .leading
                case .following: .following
                case .observing: .observing
                }
            isServing = status.isServing
            leaderID = status.leaderID.map(Int.init)
            zxid = status.zxid
            sessionIDs = status.sessionIDs
            connectionCount = status.connectionCount
            znodeCount = status.znodeCount
            watchCount = status.watchCount
        }
    }
}
