import Foundation
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// A session that outlives its connections: when one ends, it goes to the next server and takes its session along.
///
/// Used by one thread at a time.
public final class FollowingClient: @unchecked Sendable {
    public let ports: [Int]
    public private(set) var session: SessionTicket
    /// The highest zxid that any reply has shown.
    public private(set) var lastZxid: Int64 = 0
    /// Times it had to find another connection.
    public private(set) var moves = 0
    /// The longest time from losing a connection to having the next, in milliseconds.
    public private(set) var longestGapMillis = 0
    private var client: ProtocolClient?
    private var next: Int
    /// The number of its first request on the next connection.
    private var nextXid: Int32 = 1
    private let patienceSeconds: Double

    public enum Failure: Error, Equatable {
        /// A server says that the session is gone.
        case sessionLost
        /// No server took the session in time.
        case nobodyServes
        /// A reply's zxid was lower than one seen before.
        case wentBack(from: Int64, to: Int64)
    }

    /// - Parameter first: index among the ports of the server to begin with.
    public init(
        ports: [Int], first: Int = 0, timeoutMillis: Int32 = 30_000, patienceSeconds: Double = 60
    ) throws {
        self.ports = ports
        self.patienceSeconds = patienceSeconds
        next = first
        session = SessionTicket(id: 0, password: [UInt8](repeating: 0, count: 16), timeoutMillis: timeoutMillis)
        try connect()
        moves = 0
        longestGapMillis = 0
    }

    /// Sends one request; its reply, or nil when the connection ended before: then nobody knows whether it took effect,
    /// and the session is on another connection.
    public func attempt(_ request: Request) throws -> Reply? {
        if client == nil { try connect() }
        guard let client else { throw Failure.nobodyServes }
        do {
            let reply = try client.call(request, within: 8)
            if reply.zxid > 0 {
                guard reply.zxid >= lastZxid else { throw Failure.wentBack(from: lastZxid, to: reply.zxid) }
                lastZxid = reply.zxid
            }
            return reply
        } catch let error as Failure {
            throw error
        } catch {
            client.socket.disconnect()
            nextXid = client.nextXid
            self.client = nil
            try connect()
            return nil
        }
    }

    /// A request that may be repeated, until it is answered.
    public func repeated(_ request: Request) throws -> Reply {
        let deadline = Date().addingTimeInterval(patienceSeconds)
        while Date() < deadline {
            if let reply = try attempt(request) { return reply }
        }
        throw Failure.nobodyServes
    }

    /// Ends the session.
    public func close() throws {
        if client == nil { try connect() }
        try client?.close()
        client = nil
    }

    private func connect() throws {
        let start = Date()
        let deadline = start.addingTimeInterval(patienceSeconds)
        while Date() < deadline {
            let port = ports[next % ports.count]
            do {
                let isNew = session.id == 0
                let connection = try ProtocolClient(
                    port: port, timeoutMillis: session.timeoutMillis, resuming: isNew ? nil : session,
                    lastZxidSeen: lastZxid, firstXid: nextXid, within: 3)
                session = connection.session
                client = connection
                moves += 1
                longestGapMillis = max(longestGapMillis, Int(Date().timeIntervalSince(start) * 1000))
                return
            } catch ProtocolClient.Failure.refusedSession {
                throw Failure.sessionLost
            } catch {
                next += 1
                usleep(5000)
            }
        }
        throw Failure.nobodyServes
    }
}
