import Jute
import ServerCore

/// A server's side of a client's connection.
final class SimulatedClientLink: ClientLink {
    private let end: StreamEnd
    private unowned(unsafe) let server: SimulatedServer
    private let outputLimitBytes: Int
    var connection: ClientConnection?

    init(_ end: StreamEnd, _ server: SimulatedServer, outputLimitBytes: Int) {
        self.end = end
        self.server = server
        self.outputLimitBytes = outputLimitBytes
    }

    func send(_ buffer: inout WireBuffer) {
        if server.isRunning { end.send(buffer.bytes) }
        buffer.removeAll()
    }

    var outputIsFull: Bool { end.unsentBytes > outputLimitBytes }
    var peerHasEnded: Bool { end.peerHasEnded }
    func pauseReading() { end.pauseReading() }
    func resumeReading() { end.resumeReading() }

    func close(afterFlush: Bool) {
        guard server.isRunning else { return }
        end.close(losesUnsent: !afterFlush)
        server.closed(end)
    }

    /// A host for each client, as the limit of connections per address would have it.
    var remoteHost: String { "10.0.0.\(end.other?.host ?? 0)" }
    var remotePort: Int { end.id }
}
