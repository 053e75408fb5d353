import Foundation
import Jute
import ZooKeeperProtocol

/// A reply's header and the bytes after it.
public struct Reply: Sendable, Equatable {
    public var xid: Int32
    public var zxid: Int64
    public var error: Int32
    public var body: [UInt8]

    public init(xid: Int32, zxid: Int64, error: Int32, body: [UInt8]) {
        self.xid = xid
        self.zxid = zxid
        self.error = error
        self.body = body
    }

    public var errorCode: ErrorCode? { ErrorCode(rawValue: error) }

    /// Reads the body.
    public func read<Value>(_ take: (inout JuteReader) throws -> Value) throws -> Value {
        try body.withUnsafeBytes {
            var reader = JuteReader($0)
            return try take(&reader)
        }
    }

    public func path() throws -> String { try read { try $0.readString() ?? "" } }
    public func stat() throws -> Stat { try read { try Stat(from: &$0) } }
    public func dataAndStat() throws -> ([UInt8], Stat) {
        try read { (Array(try $0.readBuffer() ?? UnsafeRawBufferPointer(start: nil, count: 0)), try Stat(from: &$0)) }
    }
    public func strings() throws -> [String] {
        try read { reader in
            let count = try reader.readVectorCount(minimumElementSize: 4) ?? 0
            return try (0..<count).map { _ in try reader.readString() ?? "" }
        }
    }
}

/// A watch event as it arrived.
public struct WatchEvent: Sendable, Equatable {
    public var zxid: Int64
    /// The header's error field, which says nothing here and is zero.
    public var error: Int32
    public var type: Int32
    public var state: Int32
    public var path: String
}

/// What a connection yields next.
public enum Incoming: Sendable, Equatable {
    case reply(Reply)
    case event(WatchEvent)
    case closed
}

/// What a client needs to come back to its session.
public struct SessionTicket: Sendable, Equatable {
    public var id: Int64
    public var password: [UInt8]
    public var timeoutMillis: Int32
}

/// A bare client of the wire protocol: blocking, one thread, nothing hidden, nothing repaired.
///
/// Used by one thread at a time.
public final class ProtocolClient: @unchecked Sendable {
    public let socket: Socket
    public private(set) var session: SessionTicket
    /// What the handshake answered after the password, verbatim (the read-only byte, when there).
    public private(set) var handshakeTail: [UInt8] = []
    /// Events met while waiting for replies, in order of arrival.
    public var events: [WatchEvent] = []
    public private(set) var lastZxid: Int64 = 0
    /// The number of its next request.
    public private(set) var nextXid: Int32
    public var defaultSeconds: Double = 30

    public enum Failure: Error, Equatable {
        case closed
        case refusedSession
        case wrongXid(expected: Int32, got: Int32)
        case server(Int32)
    }

    /// Opens a session, or goes back to one.
    ///
    /// - Parameter firstXid: the number of its first request. Who takes a session along while requests are under way
    ///   goes on counting, as Apache's clients do: a learner knows the transaction that answers a request by session
    ///   and number alone, and a refusal of what an earlier connection sent may come late (ZOOKEEPER-2684).
    public init(
        port: Int, timeoutMillis: Int32 = 30_000, resuming: SessionTicket? = nil, lastZxidSeen: Int64 = 0,
        firstXid: Int32 = 1, withReadOnlyByte: Bool = true, within seconds: Double = 30,
        receiveBufferBytes: Int32? = nil
    ) throws {
        nextXid = firstXid
        socket = try Socket(port: port, receiveBufferBytes: receiveBufferBytes)
        session = SessionTicket(id: 0, password: [], timeoutMillis: 0)
        var request = WireBuffer()
        request.append(int32: 0)
        request.append(int64: lastZxidSeen)
        request.append(int32: resuming?.timeoutMillis ?? timeoutMillis)
        request.append(int64: resuming?.id ?? 0)
        request.append(data: resuming?.password ?? [UInt8](repeating: 0, count: 16))
        if withReadOnlyByte { request.append(bool: false) }
        try sendFrame(Array(request.bytes))
        guard let answer = try readFrame(within: seconds) else { throw Failure.closed }
        session = try answer.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            _ = try reader.readInt32()
            let timeout = try reader.readInt32()
            let id = try reader.readInt64()
            let password = Array(try reader.readBuffer() ?? UnsafeRawBufferPointer(start: nil, count: 0))
            handshakeTail = Array(reader.rest)
            return SessionTicket(id: id, password: password, timeoutMillis: timeout)
        }
        guard session.timeoutMillis > 0 else { throw Failure.refusedSession }
    }

    public func sendFrame(_ payload: [UInt8]) throws { try socket.send(Self.framed(payload)) }

    public static func framed(_ payload: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: Int32(payload.count).bigEndian) { Array($0) } + payload
    }

    /// The next frame's content; nil at the end of the stream.
    public func readFrame(within seconds: Double? = nil) throws -> [UInt8]? {
        let deadline = Date().addingTimeInterval(seconds ?? defaultSeconds)
        guard let prefix = try socket.receive(4, until: deadline) else { return nil }
        let length = prefix.reduce(0) { $0 << 8 | Int($1) }
        precondition(length <= 0x400_0000, "a reply frame of \(length) bytes")
        return try socket.receive(length, until: deadline)
    }

    public func takeXid() -> Int32 {
        defer { nextXid &+= 1 }
        return nextXid
    }

    @discardableResult
    public func send(_ request: Request, xid: Int32? = nil) throws -> Int32 {
        let number = xid ?? takeXid()
        try sendFrame(request.payload(xid: number))
        return number
    }

    /// The next reply or event.
    public func receive(within seconds: Double? = nil) throws -> Incoming {
        guard let frame = try readFrame(within: seconds) else { return .closed }
        return try Self.parse(frame) { self.lastZxid = max(self.lastZxid, $0) }
    }

    public static func parse(_ frame: [UInt8], zxid note: (Int64) -> Void = { _ in }) throws -> Incoming {
        try frame.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            let xid = try reader.readInt32()
            let zxid = try reader.readInt64()
            let error = try reader.readInt32()
            if xid == ReservedXid.notification {
                return .event(
                    WatchEvent(
                        zxid: zxid, error: error, type: try reader.readInt32(), state: try reader.readInt32(),
                        path: String(decoding: try reader.readStringBytes(), as: UTF8.self)))
            }
            note(zxid)
            return .reply(Reply(xid: xid, zxid: zxid, error: error, body: Array(reader.rest)))
        }
    }

    /// The next reply, events kept aside.
    public func receiveReply(within seconds: Double? = nil) throws -> Reply {
        while true {
            switch try receive(within: seconds) {
            case .reply(let reply): return reply
            case .event(let event): events.append(event)
            case .closed: throw Failure.closed
            }
        }
    }

    /// Sends one request and waits for its reply, whatever its error code.
    public func call(_ request: Request, within seconds: Double? = nil) throws -> Reply {
        let number = try send(request)
        let reply = try receiveReply(within: seconds)
        guard reply.xid == number else { throw Failure.wrongXid(expected: number, got: reply.xid) }
        return reply
    }

    /// Sends one request and expects it to succeed.
    @discardableResult
    public func perform(_ request: Request) throws -> Reply {
        let reply = try call(request)
        guard reply.error == 0 else { throw Failure.server(reply.error) }
        return reply
    }

    @discardableResult
    public func create(_ path: String, data: [UInt8] = [], flags: Int32 = 0) throws -> String {
        try perform(.create(path, data: data, flags: flags)).path()
    }

    /// A ping's reply comes behind every event caused before it was sent.
    public func ping(within seconds: Double? = nil) throws {
        try send(.ping, xid: ReservedXid.ping)
        let reply = try receiveReply(within: seconds)
        guard reply.xid == ReservedXid.ping else {
            throw Failure.wrongXid(expected: ReservedXid.ping, got: reply.xid)
        }
    }

    public func authenticate(scheme: String, _ credential: String) throws -> Reply {
        try send(.auth(scheme: scheme, credential), xid: ReservedXid.auth)
        return try receiveReply()
    }

    /// Waits for one event, kept aside or still to come.
    public func nextEvent(within seconds: Double = 10) throws -> WatchEvent {
        if !events.isEmpty { return events.removeFirst() }
        switch try receive(within: seconds) {
        case .event(let event): return event
        case .reply(let reply): throw Failure.wrongXid(expected: ReservedXid.notification, got: reply.xid)
        case .closed: throw Failure.closed
        }
    }

    /// Ends the session and the connection.
    public func close() throws {
        try send(.closeSession)
        _ = try receiveReply()
        socket.disconnect()
    }

    /// Breaks the connection; the session stays until it expires.
    public func drop() { socket.reset() }
}
