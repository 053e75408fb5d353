import Jute
import ZooKeeperProtocol

@testable import ServerCore

/// A client's connection to one member, and what it has been answered.
final class TestClient: ClientLink {
    struct Reply {
        var zxid: Int64
        var error: Int32
        var body: [UInt8]
    }

    let stage: Stage
    let member: Member
    private var connection: ClientConnection!
    private var received: [UInt8] = []
    private var hasHandshake = false
    private(set) var sessionId: Int64 = 0
    private(set) var password: [UInt8] = []
    private(set) var replies: [Int32: Reply] = [:]
    private var lastXid: Int32 = 0
    /// What a positive answer will tell about the tree.
    private var expected: [Int32: (path: String, data: String?)] = [:]
    var isGone = false
    private var unsent: [UInt8] = []
    private var isPaused = false

    init(_ stage: Stage, _ member: Member) throws {
        self.stage = stage
        self.member = member
        guard let front = member.process?.front, let accepted = front.accept(self) else { throw NoConnection() }
        connection = accepted
    }

    struct NoConnection: Error {}

    // MARK: requests

    func handshake(timeoutMillis: Int32, sessionId: Int64 = 0, password: [UInt8] = []) {
        var buffer = WireBuffer()
        buffer.append(int32: 0)
        buffer.append(int32: 0)
        buffer.append(int64: 0)
        buffer.append(int32: timeoutMillis)
        buffer.append(int64: sessionId)
        password.withUnsafeBytes { buffer.append(buffer: $0) }
        buffer.append(bool: false)
        buffer.patch(int32: Int32(buffer.count - 4), at: 0)
        write(Array(buffer.bytes))
    }

    @discardableResult
    func send(_ opcode: OpCode, xid: Int32? = nil, _ body: (inout WireBuffer) -> Void = { _ in }) -> Int32 {
        lastXid += 1
        var buffer = WireBuffer()
        buffer.append(int32: 0)
        buffer.append(int32: xid ?? lastXid)
        buffer.append(int32: opcode.rawValue)
        body(&buffer)
        buffer.patch(int32: Int32(buffer.count - 4), at: 0)
        write(Array(buffer.bytes))
        return lastXid
    }

    private func write(_ bytes: [UInt8]) {
        unsent += bytes
        _ = push()
    }

    /// Gives the server what it takes; whether it took anything.
    func push() -> Bool {
        guard !isGone, !isPaused, !unsent.isEmpty else { return false }
        var used = 0
        member.turn { process in
            used = unsent.withUnsafeBytes { process.front.receive($0, from: connection) }
        }
        unsent.removeFirst(min(used, unsent.count))
        return used > 0
    }

    /// Asks for a create, and does not wait.
    @discardableResult
    func create(_ path: String, _ data: String = "x", isEphemeral: Bool = false, acl: [ACL] = ACL.open) -> Int32 {
        expected[lastXid + 1] = isEphemeral ? nil : (path, data)
        return send(.create) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            ACL.encode(acl, to: &buffer)
            buffer.append(int32: isEphemeral ? 1 : 0)
        }
    }

    @discardableResult
    func set(_ path: String, _ data: String) -> Int32 {
        expected[lastXid + 1] = (path, data)
        return send(.setData) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            buffer.append(int32: -1)
        }
    }

    @discardableResult
    func delete(_ path: String) -> Int32 {
        expected[lastXid + 1] = (path, nil)
        return send(.delete) { buffer in
            buffer.append(string: path)
            buffer.append(int32: -1)
        }
    }

    /// Waits for the answer to a request; its error, nil when there is none in time.
    @discardableResult
    func wait(_ xid: Int32) -> Int32? {
        stage.wait("an answer to request \(xid) of a client of server \(member.id)") { replies[xid] != nil }
        return replies[xid]?.error
    }

    // MARK: answers

    func send(_ buffer: inout WireBuffer) {
        received += buffer.bytes
        buffer.removeAll()
        while received.count >= 4 {
            let length = received.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard received.count >= 4 + length else { return }
            take(Array(received[4..<4 + length]))
            received.removeFirst(4 + length)
        }
    }

    private func take(_ frame: [UInt8]) {
        frame.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            if !hasHandshake {
                hasHandshake = true
                _ = try? reader.readInt32()
                guard let timeout = try? reader.readInt32(), timeout > 0 else { return }
                sessionId = (try? reader.readInt64()) ?? 0
                password = (try? reader.readBuffer()).flatMap { $0 }.map { Array($0) } ?? []
                return
            }
            guard let xid = try? reader.readInt32(), let zxid = try? reader.readInt64(),
                let error = try? reader.readInt32()
            else { return }
            replies[xid] = Reply(zxid: zxid, error: error, body: Array(bytes[16...]))
            if error == 0, let (path, data) = expected[xid] { stage.acknowledged.updateValue(data, forKey: path) }
        }
    }

    // MARK: the link

    var outputIsFull: Bool { false }
    var peerHasEnded: Bool { false }
    func pauseReading() { isPaused = true }
    func resumeReading() { isPaused = false }
    func close(afterFlush: Bool) { isGone = true }
    let remoteHost = "127.0.0.1"
    let remotePort = 1
}
