import Foundation
import TestSupport
import ZooKeeperProtocol

/// Opens a session, makes an ephemeral znode, closes it, again and again until the server dies.
///
/// Used by its own thread while it runs, then by the test's.
final class SessionChurn: @unchecked Sendable {
    private let base: String
    private let port: Int
    /// Sessions whose end was acknowledged.
    private var closed: [SessionTicket] = []
    /// The session whose ephemeral was acknowledged and whose end was not asked for.
    private var open: SessionTicket?
    private var violations: [String] = []

    init(port: Int, base: String) throws {
        self.port = port
        self.base = base
        let client = try ProtocolClient(port: port)
        try client.create(base)
        try client.close()
    }

    func run() {
        while true {
            open = nil
            guard let client = try? ProtocolClient(port: port, timeoutMillis: 60_000) else { return }
            do {
                try client.create("\(base)/\(client.session.id)", flags: CreateFlag.ephemeral)
                open = client.session
                // The server may die between these two; then the session must still be there.
                try client.ping()
                open = nil
                try client.close()
                closed.append(client.session)
            } catch ProtocolClient.Failure.closed {
                return
            } catch {
                violations.append("\(base): \(error)")
                return
            }
        }
    }

    /// Closed sessions and their ephemerals are gone, an open one is there.
    func check(_ reader: ProtocolClient, port: Int) throws -> [String] {
        var problems = violations
        let present = Set(try reader.perform(.getChildren(base)).strings())
        for ticket in closed where present.contains(String(ticket.id)) {
            problems.append("\(base)/\(ticket.id): its session's end was acknowledged")
        }
        if let open, !present.contains(String(open.id)) {
            problems.append("\(base)/\(open.id) was acknowledged and is lost")
        }
        if let last = closed.last {
            do {
                _ = try ProtocolClient(port: port, resuming: last)
                problems.append("session \(last.id) lives again after its acknowledged end")
            } catch ProtocolClient.Failure.refusedSession {}
        }
        return problems
    }
}
