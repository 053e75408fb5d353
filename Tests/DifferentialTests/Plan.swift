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

    init(_ request: Request, xid: Int32? = nil, relativeZxid: Int64? = nil) {
        self.request = request
        self.xid = xid
        self.relativeZxid = relativeZxid
    }
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

    var closesSession: Bool {
        guard case .requests(_, let list) = self else { return false }
        return list.contains { $0.request.opcode == OpCode.closeSession.rawValue }
    }

    /// The step as a transcript shows it.
    var description: String {
        switch self {
        case .open(let session, let timeout, let byte): "s\(session) open timeout=\(timeout) readOnlyByte=\(byte)"
        case .drop(let session): "s\(session) drop the connection"
        case .resume(let session, let wrong, let byte): "s\(session) resume wrongPassword=\(wrong) readOnlyByte=\(byte)"
        case .bytes(let session, let bytes, let label): "s\(session) raw \(label): \(bytes.prefix(64))"
        case .requests(let session, let list):
            list.map { planned in
                let xid = planned.xid.map { " xid=\($0)" } ?? ""
                return "s\(session) \(planned.request.label)\(xid)\(planned.relativeZxid.map { " since=+\($0)" } ?? "")"
            }.joined(separator: "\n")
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
