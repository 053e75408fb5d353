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
        let all = try setup.call(.path(.getAllChildrenNumber, "/"))
        let count = try all.body.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            return try reader.readInt32()
        }
        canonical = Canonical(startZxid: last.zxid, startCount: count)
        try setup.close()
    }

    /// What the step made this server say, as canonical lines.
    func run(_ step: Step) throws -> [SaidLine] {
        var lines: [SaidLine] = []
        let session = step.session
        func whole(_ texts: [String]) -> [SaidLine] { texts.map { SaidLine(text: $0, part: 0) } }
        switch step {
        case .open(_, let timeout, let readOnlyByte):
            guard clients[session] == nil else { return [] }
            lines = whole(
                try open(session, timeoutMillis: timeout, resuming: nil, readOnlyByte: readOnlyByte))
        case .drop:
            guard let client = clients.removeValue(forKey: session) else { return [] }
            client.drop()
        case .resume(_, let wrongPassword, let readOnlyByte):
            guard var ticket = tickets[session] else { return [] }
            let old = clients.removeValue(forKey: session)
            if wrongPassword { ticket.password[3] ^= 0x40 }
            lines = whole(try open(session, timeoutMillis: 0, resuming: ticket, readOnlyByte: readOnlyByte))
            if let old {
                lines += whole(try settleStolen(old, session: session, replaced: clients[session] != nil))
            }
        case .requests(_, let list):
            guard let client = clients[session] else { return [] }
            lines = try send(list, client: client, session: session)
        case .bytes(_, let bytes, _):
            guard let client = clients[session] else { return [] }
            try client.socket.send(bytes)
            lines = whole(try drain(client, session: session))
        }
        for number in clients.keys.sorted() where number != session {
            guard let client = clients[number] else { continue }
            lines += try drain(client, session: number).map { SaidLine(text: $0, part: step.requestCount) }
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

    private func send(_ list: [PlannedRequest], client: ProtocolClient, session: Int) throws -> [SaidLine] {
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
        var lines: [SaidLine] = []
        var pingIsAnswered = false
        for (index, planned) in list.enumerated() {
            if pingIsAnswered, planned.request.opcode == OpCode.ping.rawValue {
                pingIsAnswered = false
                continue
            }
            let mayBeSilent = planned.request.opcode == OpCode.check.rawValue && index + 1 < list.count
            guard let more = try untilReply(client, session: session, planned: planned, mayBeSilent: mayBeSilent)
            else {
                clients[session] = nil
                return lines + [SaidLine(text: "s\(session) closed", part: index)]
            }
            pingIsAnswered = more.pingIsAnswered
            lines += more.texts.map { SaidLine(text: $0, part: index) }
            if pingIsAnswered { lines[lines.count - 1].part = index + 1 }
        }
        // What comes behind a step's only request can be nobody else's doing.
        let behind = list.count == 1 ? 0 : list.count
        while list.contains(where: \.mayEndConnection), client.socket.waitForInput(seconds: 0.4) {
            let text: String
            switch try next(client) {
            case .event(let event): text = canonical.text(event, session: session)
            case .reply(let reply): text = canonical.text(reply, opcode: 0, session: session)
            case .closed:
                clients[session] = nil
                return lines + [SaidLine(text: "s\(session) closed", part: behind)]
            }
            lines.append(SaidLine(text: text, part: behind))
        }
        return lines + (try drain(client, session: session).map { SaidLine(text: $0, part: behind) })
    }

    /// The events a closing session causes come in no promised order (Apache: that of a hash set).
    private static func eventsSorted(_ lines: [SaidLine]) -> [SaidLine] {
        var result: [SaidLine] = []
        var run: [SaidLine] = []
        for line in lines + [SaidLine(text: "", part: 0)] {
            if line.text.contains(" event "), run.last.map({ $0.part == line.part }) ?? true {
                run.append(line)
            } else {
                result += run.sorted { $0.text < $1.text }
                run = []
                if line.text.contains(" event ") { run = [line] } else { result.append(line) }
            }
        }
        return Array(result.dropLast())
    }

    /// Events, then one reply; nil when the connection ended. Where a `check` had no reply, the last text is that of
    /// the ping's behind it.
    private func untilReply(_ client: ProtocolClient, session: Int, planned: PlannedRequest, mayBeSilent: Bool)
        throws -> (texts: [String], pingIsAnswered: Bool)?
    {
        var lines: [String] = []
        while true {
            switch try next(client) {
            case .event(let event): lines.append(canonical.text(event, session: session))
            case .reply(let reply) where mayBeSilent && reply.xid == ReservedXid.ping:
                lines.append("s\(session) \(Self.skipped)")
                lines.append(canonical.text(reply, opcode: OpCode.ping.rawValue, session: session))
                return (lines, true)
            case .reply(let reply):
                lines.append(
                    canonical.text(
                        reply, opcode: planned.request.opcode, session: session, isOfRoot: planned.isOfRoot))
                return (lines, false)
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
