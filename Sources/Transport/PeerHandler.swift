/// What a reactor calls for connections between servers, on its own thread and within its turns.
///
/// Such connections differ from clients' in four ways. They are always read, however much of their output is unsent
/// (the handler bounds it, see `Connection.notifyWhenDrained`), so that two servers that send to each other cannot
/// block each other. Their end is told in the turn that learns of it, behind all bytes that arrived before. A failure
/// to send does not forfeit what was received. And they may be outgoing: `Reactor.connect`.
public protocol PeerHandler: AnyObject {
    /// Take what other threads have left. Called once per turn, after the reactor's handler has done the same.
    func drainInbox()

    /// As `ReactorHandler.inboxIsEmpty`.
    var inboxIsEmpty: Bool { get }

    /// A new incoming connection. False refuses it: it is closed at once, without a call of `closed`.
    func accepted(_ connection: Connection) -> Bool

    /// An outgoing connection is open: `send` to it from now on.
    func connected(_ connection: Connection)

    /// Bytes have arrived; as `ReactorHandler.receive`. What is not consumed is presented again, with what arrives.
    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int

    /// The connection is no more, or never came about. Called once for each connection accepted or made.
    func closed(_ connection: Connection, reason: CloseReason)

    /// Little output is unsent any more, after `Connection.notifyWhenDrained`.
    func drained(_ connection: Connection)

    /// The time in `Reactor.peerDeadlineNanos` has come; the reactor has set it to never.
    func deadlinePassed(nowNanos: UInt64)
}
