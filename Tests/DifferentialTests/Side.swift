import Foundation
import Jute
import TestSupport
import ZooKeeperProtocol

/// One server's part in a round: its sessions, and what they have seen.
///
/// Used by one thread at a time.
final class Side {
    let port: Int
    private var clients: [Int: ProtocolClient] = [:]
    private var tickets: [Int: SessionTicket] = [:]
    /// Every session ever opened: all must be closed at the end, lest one expires during a later round.
    private var opened: [Int64: SessionTicket] = [:]
    private(set) var canonical: Canonical
    /// Changes frames before they are read; only the comparer's own test sets it.
    var tamper: ((inout [UInt8]) -> Void)?

    /// - Parameter base: the round's own znode, made here, so that zxids can count from it.
    init(port: Int, base: String) throws {
        self.port = port
        let setup = try ProtocolClient(port: port)
        try setup.create(base)
        let last = try setup.call(.exists(base))
        canonical = Canonical(startZxid: last.zxid)
        try setup.close()
    }

    /// What the step made this server say, as canonical lines.
    func run(_ step: Step) throws -> [String] {
        var lines: [String] = []
        let session = step.session
        switch step {
        case .open(_, let timeout, let readOnlyByte):
            guard clients[session] == nil else { return [] }
            lines = try open(session, timeoutMillis: timeout, resuming: nil, readOnlyByte: readOnlyByte)
        case .drop:
            guard let client = clients.removeValue(forKey: session) else { return [] }
            client.drop()
        case .resume(_, let wrongPassword, let readOnlyByte):
            guard var ticket = tickets[session] else { return [] }
            let old = clients.removeValue(forKey: session)
            if wrongPassword { ticket.password[3] ^= 0x40 }
            lines = try open(session, timeoutMillis: 0, resuming: ticket, readOnlyByte: readOnlyByte)
            if let old { lines += try settleStolen(old, session: session, replaced: clients[session] != nil) }
        case .requests(_, let list):
            guard let client = clients[session] else { return [] }
            lines = try send(list, client: client, session: session)
        case .bytes(_, let bytes, _):
            guard let client = clients[session] else { return [] }
            try client.socket.send(bytes)
            lines = try drain(client, session: session)
        }
        for number in clients.keys.sorted() where number != session {
            if let client = clients[number] { lines += try drain(client, session: number) }
        }
        return step.closesSession ? Self.eventsSorted(lines) : lines
    }

    private func open(_ session: Int, timeoutMillis: Int32, resuming: SessionTicket?, readOnlyByte: Bool) throws
        -> [String]
    {
        do {
            let client = try ProtocolClient(
                port: port, timeoutMillis: timeoutMillis, resuming: resuming, withReadOnlyByte: readOnlyByte)
            clients[session] = client
            tickets[session] = client.session
            opened[client.session.id] = client.session
            canonical.sessionNumbers[client.session.id] = session
            let same = resuming.map { $0.id == client.session.id && $0.password == client.session.password }
            return [
                "s\(session) opened timeout=\(client.session.timeoutMillis) tail=\(client.handshakeTail)"
                    + " password=\(client.session.password.count) same=\(same.map(String.init) ?? "new")"
            ]
        } catch ProtocolClient.Failure.closed {
            return ["s\(session) handshake: closed"]
        } catch ProtocolClient.Failure.refusedSession {
            return ["s\(session) handshake: session refused"]
        }
    }

    /// After another connection took the session: the old one must be closed; after a refused attempt it lives on.
    private func settleStolen(_ old: ProtocolClient, session: Int, replaced: Bool) throws -> [String] {
        guard replaced else {
            clients[session] = old
            return try drain(old, session: session)
        }
        while true {
            switch try old.receive(within: 10) {
            case .closed: return ["s\(session) old connection closed"]
            case .event(let event): _ = event
            case .reply(let reply): return ["s\(session) old connection got reply \(reply.xid)"]
            }
        }
    }

    private func send(_ list: [PlannedRequest], client: ProtocolClient, session: Int) throws -> [String] {
        var bytes: [UInt8] = []
        for planned in list {
            var request = planned.request
            if let relative = planned.relativeZxid {
                let zxid = relative == Int64.max ? relative : canonical.startZxid + relative
                request.body.replaceSubrange(0..<8, with: withUnsafeBytes(of: zxid.bigEndian) { Array($0) })
            }
            bytes += ProtocolClient.framed(request.payload(xid: planned.xid ?? client.takeXid()))
        }
        try client.socket.send(bytes)
        var lines: [String] = []
        for (index, planned) in list.enumerated() {
            if lines.last?.hasSuffix(Self.skipped) == true, planned.request.opcode == OpCode.ping.rawValue { continue }
            let mayBeSilent = planned.request.opcode == OpCode.check.rawValue && index + 1 < list.count
            guard let more = try untilReply(client, session: session, planned: planned, mayBeSilent: mayBeSilent)
            else {
                clients[session] = nil
                return lines + ["s\(session) closed"]
            }
            lines += more
        }
        while list.contains(where: \.mayEndConnection), client.socket.waitForInput(seconds: 0.4) {
            switch try next(client) {
            case .event(let event): lines.append(canonical.text(event, session: session))
            case .reply(let reply): lines.append(canonical.text(reply, opcode: 0, session: session))
            case .closed:
                clients[session] = nil
                return lines + ["s\(session) closed"]
            }
        }
        return lines + (try drain(client, session: session))
    }

    /// The events a closing session causes come in no promised order (Apache: that of a hash set).
    private static func eventsSorted(_ lines: [String]) -> [String] {
        var result: [String] = []
        var run: [String] = []
        for line in lines + [""] {
            if line.contains(" event ") {
                run.append(line)
            } else {
                result += run.sorted() + [line]
                run = []
            }
        }
        return Array(result.dropLast())
    }

    /// Events, then one reply; nil when the connection ended.
    private func untilReply(_ client: ProtocolClient, session: Int, planned: PlannedRequest, mayBeSilent: Bool)
        throws -> [String]?
    {
        var lines: [String] = []
        while true {
            switch try next(client) {
            case .event(let event): lines.append(canonical.text(event, session: session))
            case .reply(let reply) where mayBeSilent && reply.xid == ReservedXid.ping:
                return lines + ["s\(session) \(Self.skipped)"]
            case .reply(let reply):
                lines.append(canonical.text(reply, opcode: planned.request.opcode, session: session))
                return lines
            case .closed: return nil
            }
        }
    }

    /// What a transcript says where a ping was answered but not the `check` before it.
    private static let skipped = "no reply to check"

    private func next(_ client: ProtocolClient) throws -> Incoming {
        do {
            guard var frame = try client.readFrame(within: 15) else { return .closed }
            tamper?(&frame)
            return try ProtocolClient.parse(frame)
        } catch SocketError.timedOut {
            TestEnvironment.note("port \(port) left a request without reply for 15 s")
            client.drop()
            return .closed
        }
    }

    /// Collects the events up to a ping's reply.
    private func drain(_ client: ProtocolClient, session: Int) throws -> [String] {
        try client.send(.ping, xid: ReservedXid.ping)
        var lines: [String] = []
        while true {
            switch try next(client) {
            case .event(let event): lines.append(canonical.text(event, session: session))
            case .reply(let reply):
                lines.append(canonical.text(reply, opcode: OpCode.ping.rawValue, session: session))
                return lines
            case .closed:
                clients[session] = nil
                return lines + ["s\(session) closed"]
            }
        }
    }

    /// Ends the round's sessions.
    func finish() throws {
        for client in clients.values {
            opened[client.session.id] = nil
            try? client.close()
        }
        for ticket in opened.values {
            if let client = try? ProtocolClient(port: port, resuming: ticket) { try? client.close() }
        }
        clients = [:]
        opened = [:]
    }
}
