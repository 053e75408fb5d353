/// Whose connection it is. Clients' go to the reactor's handler, all others to its peer handler.
public enum ConnectionKind: UInt8, Sendable {
    case client
    /// Between servers, on an election port.
    case election
    /// Between a leader and its learners, on a quorum port.
    case quorum
}
