import Jute
import ZooKeeperProtocol

/// The everyday requests, appended to a buffer to send many at once.
extension CoreHarness.Client {
    func create(_ xid: Int32, _ path: String, flags: Int32 = 0, data: String = "x", to buffer: inout WireBuffer) {
        append(xid, OpCode.create.rawValue, to: &buffer) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            ACL.encode(ACL.open, to: &buffer)
            buffer.append(int32: flags)
        }
    }

    func setData(_ xid: Int32, _ path: String, _ data: String, to buffer: inout WireBuffer) {
        append(xid, OpCode.setData.rawValue, to: &buffer) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            buffer.append(int32: -1)
        }
    }

    func getData(_ xid: Int32, _ path: String, watch: Bool = false, to buffer: inout WireBuffer) {
        append(xid, OpCode.getData.rawValue, to: &buffer) { buffer in
            buffer.append(string: path)
            buffer.append(bool: watch)
        }
    }

    /// Sends all requests that `body` appends in one turn; returns how many bytes were used.
    @discardableResult
    func send(_ body: (inout WireBuffer) -> Void) -> Int {
        var buffer = WireBuffer()
        body(&buffer)
        return sendRaw(Array(buffer.bytes))
    }

    func takeReplies() -> [CoreHarness.Reply] {
        var replies: [CoreHarness.Reply] = []
        while let reply = takeReply() { replies.append(reply) }
        return replies
    }
}

extension CoreHarness.Reply {
    /// The data of a getData reply.
    var data: String? {
        guard body.count >= 4 else { return nil }
        let length = body.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        return body.count >= 4 + length ? String(decoding: body[4..<4 + length], as: UTF8.self) : nil
    }

    var isNotification: Bool { xid == ReservedXid.notification }
}
