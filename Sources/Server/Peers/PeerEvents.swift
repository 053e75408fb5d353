import ServerCore
import Zab

/// What the network between servers tells, always on the core's thread and within a turn of its reactor. Bytes are
/// valid for the length of the call.
protocol PeerEvents: AnyObject {
    /// An election message, without its length. It may be anything: only its size has been checked.
    func electionMessage(_ bytes: UnsafeRawBufferPointer, from server: ServerID)
    /// A server can be reached on its election port, for the first time or again. Whatever is sent to it within this
    /// call takes the place of older messages; otherwise the newest older one is sent again.
    func electionLinkUp(_ server: ServerID)
    /// The connection of election ports to that server is gone.
    func electionLinkDown(_ server: ServerID)
    /// A connection of election ports shows something wrong with a server, or with somebody that calls itself so. May
    /// be told again and again.
    func peerProblem(_ problem: ReplicationProblem, of server: ServerID)
    /// A server has introduced itself as this server's member list has it.
    func peerInOrder(_ server: ServerID)
    /// A learner, or a stranger, has connected to the quorum port.
    func learnerConnected(_ link: any PeerLink)
    /// Everything received and not yet consumed, in order.
    ///
    /// - Returns: how many bytes were consumed; the rest is presented again with what arrives later.
    func linkReceived(_ bytes: UnsafeRawBufferPointer, from link: any PeerLink) -> Int
    /// The peer or the network ended a connection; what had arrived before has been presented.
    func linkClosed(_ link: any PeerLink, reason: String)
    /// Little is unsent any more, after `PeerLink.notifyWhenDrained`.
    func linkDrained(_ link: any PeerLink)
    /// The connection asked for with `PeerNetwork.connectToLeader` is open.
    func leaderConnected(_ link: any PeerLink, to server: ServerID)
    /// The leader's connection ended before a byte came from there: a forwarder stands before a port that does not
    /// listen yet. The search goes on; `leaderConnected` or `leaderConnectFailed` follows.
    func leaderTurnedAway(_ link: any PeerLink)
    /// No connection came about in time, or none can.
    func leaderConnectFailed(_ server: ServerID, reason: String)
}
