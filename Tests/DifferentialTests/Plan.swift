import TestSupport
import ZooKeeperProtocol

/// One request of a plan, free of anything that a server's replies would decide.
struct PlannedRequest: Sendable {
    var request: Request
    /// Nil: the next number in order.
    var xid: Int32?
    /// For `setWatches`: the body's first eight bytes are this, counted from the round's start.
    var relativeZxid: Int64?
    /// Apache's server closes the connection a moment after its reply, so the next request may or may not be served.
    var mayEndConnection = false

    /// Whether the first path in the body is the root's, by either of its names.
    var isOfRoot: Bool { request.body.starts(with: [0, 0, 0, 1, UInt8(ascii: "/")]) || request.body == [0, 0, 0, 0] }

    init(_ request: Request, xid: Int32? = nil, relativeZxid: Int64? = nil) {
        self.request = request
        self.xid = xid
        self.relativeZxid = relativeZxid
    }
}

/// A line of what a server said in a step.
struct SaidLine: Equatable, CustomStringConvertible {
    var text: String
    /// The index of the request in its step that it answers or precedes; behind them all, their count.
    var part: Int

    var description: String { text }
}

/// One step of a plan. Sessions go by number; a step that does not fit its session's state does nothing.
enum Step: Sendable {
    case open(session: Int, timeoutMillis: Int32, readOnlyByte: Bool)
    /// The connection breaks, the session lives on.
    case drop(session: Int)
    /// Back to the session on a new connection, also when the old one is still there.
    case resume(session: Int, wrongPassword: Bool, readOnlyByte: Bool)
    /// Sent in one go, without waiting for replies in between.
    case requests(session: Int, [PlannedRequest])
    /// Bytes that are no frame.
    case bytes(session: Int, [UInt8], label: String)

    var session: Int {
        switch self {
        case .open(let session, _, _), .drop(let session), .resume(let session, _, _), .requests(let session, _),
            .bytes(let session, _, _):
            session
        }
    }

    var requestCount: Int {
        if case .requests(_, let list) = self { list.count } else { 1 }
    }

    /// How many real requests, pings not among them, both servers answered in these of the step's exchanges.
    func requestCount(answeredIn exchanges: ArraySlice<Exchange>) -> Int {
        guard case .requests(_, let list) = self else { return 0 }
        return exchanges.indices.count { index in
            index < list.count && list[index].request.opcode != OpCode.ping.rawValue
                && [exchanges[index].left, exchanges[index].right].allSatisfy { $0.contains { $0.contains(" reply") } }
        }
    }

    /// What was said in the step, request by request, then what came behind all of them.
    func exchanges(left: [SaidLine], right: [SaidLine]) -> [Exchange] {
        var result = requestTexts.map { Exchange(request: $0, left: [], right: []) }
        result.append(Exchange(request: Exchange.events, left: [], right: []))
        for line in left { result[line.part].left.append(line.text) }
        for line in right { result[line.part].right.append(line.text) }
        return result
    }

    var closesSession: Bool {
        guard case .requests(_, let list) = self else { return false }
        return list.contains { $0.request.opcode == OpCode.closeSession.rawValue }
    }

    /// The step as a transcript shows it.
    var description: String { requestTexts.joined(separator: "\n") }

    /// Each request as a transcript shows it; a step of no requests is one.
    var requestTexts: [String] {
        switch self {
        case .open(let session, let timeout, let byte):
            return ["s\(session) open timeout=\(timeout) readOnlyByte=\(byte)"]
        case .drop(let session): return ["s\(session) drop the connection"]
        case .resume(let session, let wrong, let byte):
            return ["s\(session) resume wrongPassword=\(wrong) readOnlyByte=\(byte)"]
        case .bytes(let session, let bytes, let label): return ["s\(session) raw \(label): \(bytes.prefix(64))"]
        case .requests(let session, let list):
            return list.map { planned in
                let xid = planned.xid.map { " xid=\($0)" } ?? ""
                return "s\(session) \(planned.request.label)\(xid)\(planned.relativeZxid.map { " since=+\($0)" } ?? "")"
            }
        }
    }

    /// The same step for another base path of the same length.
    func moved(from old: [UInt8], to new: [UInt8]) -> Step {
        guard case .requests(let session, let list) = self else { return self }
        return .requests(
            session: session,
            list.map { planned in
                var copy = planned
                copy.request.body = replacing(old, by: new, in: planned.request.body)
                return copy
            })
    }
}

/// Replaces every occurrence; both patterns have one length, so that no length field changes.
func replacing(_ old: [UInt8], by new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    precondition(old.count == new.count)
    guard bytes.count >= old.count else { return bytes }
    var result = bytes
    var index = 0
    while index + old.count <= result.count {
        if result[index] == old[0], result[index..<index + old.count].elementsEqual(old) {
            result.replaceSubrange(index..<index + old.count, with: new)
            index += old.count
        } else {
            index += 1
        }
    }
    return result
}
