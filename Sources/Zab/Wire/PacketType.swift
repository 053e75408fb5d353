/// The types of packets on the quorum port, numbered as Apache's servers number them (`Leader`).
public enum PacketType: Int32, Sendable, CaseIterable {
    case request = 1
    case proposal = 2
    case ack = 3
    case commit = 4
    case ping = 5
    case revalidate = 6
    case sync = 7
    case inform = 8
    case commitAndActivate = 9
    case newLeader = 10
    case followerInfo = 11
    case upToDate = 12
    case diff = 13
    case trunc = 14
    case snap = 15
    case observerInfo = 16
    case leaderInfo = 17
    case ackEpoch = 18
    case informAndActivate = 19

    /// Whether the packet carries out a reconfiguration of the ensemble, which Corral refuses.
    public var isReconfiguration: Bool { self == .commitAndActivate || self == .informAndActivate }
}

/// What a server says it is doing, numbered as in election notifications (`ServerState`).
public enum PeerState: Int32, Sendable, CaseIterable {
    case looking = 0
    case following = 1
    case leading = 2
    case observing = 3
}
