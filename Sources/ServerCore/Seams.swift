import Jute
import TxnLog

/// The clock seam. The simulator's clock is virtual.
public protocol CoreClock: AnyObject {
    /// Never goes back; the clock of expiry and latency.
    func monotonicNanos() -> UInt64
    /// Milliseconds since the Unix epoch; the clock of ctime and mtime.
    func wallMillis() -> Int64
}

/// The disk seam as the core sees it: an ordered stream of batches, each reported durable in that order by a call to
/// `Core.durable(_:)` on the core's thread.
public protocol TxnSink: AnyObject {
    /// Takes a batch. The durability of everything before is not implied until reported.
    func submit(_ batch: TxnBatch)
    /// Writes a snapshot of the tree in the background, beginning a new log segment first.
    /// `Core.snapshotFinished()` follows on the core's thread.
    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)])
}

/// The network seam: one per client connection, used on its reactor's thread only.
public protocol ClientLink: AnyObject {
    /// Sends the bytes, or keeps what the socket does not take. Empties the buffer.
    func send(_ buffer: inout WireBuffer)
    /// Whether so much is unsent that no more shall be received. The front stops, and is called again with what it
    /// left.
    var outputIsFull: Bool { get }
    /// Whether the peer has already ended the connection, though there may be input left. Costs a system call.
    var peerHasEnded: Bool { get }
    func pauseReading()
    func resumeReading()
    /// Ends the connection once everything sent has left, or at once.
    func close(afterFlush: Bool)
    var remoteHost: String { get }
    var remotePort: Int { get }
}

/// The administrative words that a connection may send instead of a handshake.
public protocol AdminCommands: AnyObject, Sendable {
    /// Whether four bytes, read as a big-endian integer, name a word. `argumentBytes` follow it.
    func argumentBytes(ofWord word: UInt32) -> Int?
    /// Runs on the core's thread with the tree quiet. The answer is sent and the connection ended.
    func run(word: UInt32, argument: [UInt8], core: Core) -> String
}
