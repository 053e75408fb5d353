/// What a reactor calls, always on its own thread.
///
/// A turn goes: `turnWillBegin`, `drainInbox`, `accepted`, `closed`, `deadlinePassed` and `tick` (when due), `receive`
/// for each connection that has bytes, `closed`, `turnDidEnd`; then the reactor sends what the turn appended to
/// outputs. There are no calls outside a turn, except `inboxIsEmpty`.
public protocol ReactorHandler: AnyObject {
    /// A turn with work begins.
    func turnWillBegin()

    /// Take what other threads have left. Called once per turn, before anything is received.
    func drainInbox()

    /// Whether other threads have left nothing. Called after the reactor has announced that it will sleep and before it
    /// does, so the look must be sequentially consistent (`BatchQueue.isEmpty` is).
    var inboxIsEmpty: Bool { get }

    /// A new connection.
    ///
    /// - Returns: false refuses it; it is closed at once, without a call of `closed`. (To refuse with an answer, write
    ///   the answer, close after flush, and return true.)
    func accepted(_ connection: Connection) -> Bool

    /// Whether a connection with something to receive may be read now. A handler that says no pauses the connection,
    /// so that it is asked again only after `resumeReading`.
    func mayRead(_ connection: Connection) -> Bool

    /// Bytes have arrived. The handler may append to `connection.output` (and call `markDirty`), pause, or close.
    ///
    /// - Parameter bytes: everything not yet consumed, in order; valid for the length of the call.
    /// - Returns: how many bytes were consumed: whole frames. The rest is kept and presented again, when more has
    ///   arrived, or, if the handler stopped because the connection is paused or `outputIsFull`, when that is over.
    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int

    /// The connection is no more: the peer ended it, it failed, or the handler's own close is complete. Called exactly
    /// once for each accepted connection.
    func closed(_ connection: Connection, reason: CloseReason)

    /// All receives of the turn are done; outputs are sent after this.
    func turnDidEnd()

    /// Time has passed: called every `ReactorOptions.tickMillis`, by CLOCK_MONOTONIC.
    func tick(nowNanos: UInt64)

    /// The time in `Reactor.deadlineNanos` has come; the reactor has set it to never.
    func deadlinePassed(nowNanos: UInt64)

    /// Accepting is paused for a while because of an error, for the operator's log.
    func acceptingPaused(_ error: TransportError)
}

extension ReactorHandler {
    public func mayRead(_ connection: Connection) -> Bool { true }
    public func deadlinePassed(nowNanos: UInt64) {}
    public func acceptingPaused(_ error: TransportError) {}
}
