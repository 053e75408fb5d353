import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A plain blocking client for setting a workload up and clearing it away: requests are queued, sent together, and
/// their replies read in order. One owner; not thread-safe.
final class ControlClient {
    let server: ServerAddress
    private let descriptor: Int32
    private var output = WireBuffer()
    private var queued: [Int32] = []
    private var nextXid: Int32 = 1

    /// One reply: the error code and what follows the header.
    struct Reply {
        let zxid: Int64
        let code: Int32
        let body: [UInt8]
    }

    init(_ server: ServerAddress, sessionTimeoutMillis: Int32 = 30_000) throws(LoadError) {
        self.server = server
        descriptor = try Handshake.open(server, sessionTimeoutMillis: sessionTimeoutMillis).descriptor
    }

    deinit { close(descriptor) }

    /// A client of the first server that takes one.
    static func first(of servers: [ServerAddress]) throws(LoadError) -> ControlClient {
        for server in servers.dropLast() {
            if let client = try? ControlClient(server) { return client }
        }
        return try ControlClient(servers.last!)
    }

    private func begin(_ code: OpCode) -> Int {
        let start = output.count
        output.append(int32: 0)
        output.append(int32: nextXid)
        output.append(int32: code.rawValue)
        queued.append(nextXid)
        nextXid += 1
        return start
    }

    private func end(_ start: Int) { output.patch(int32: Int32(output.count - start - 4), at: start) }

    func queueCreate(_ path: String, value: [UInt8]) {
        let start = begin(.create)
        output.append(string: path)
        value.withUnsafeBytes { output.append(buffer: $0) }
        ACL.encode(ACL.open, to: &output)
        output.append(int32: 0)
        end(start)
    }

    func queueDelete(_ path: String) {
        let start = begin(.delete)
        output.append(string: path)
        output.append(int32: -1)
        end(start)
    }

    func queueSync(_ path: String) {
        let start = begin(.sync)
        output.append(string: path)
        end(start)
    }

    /// Of any version.
    func queueSet(_ path: String, value: [UInt8]) {
        let start = begin(.setData)
        output.append(string: path)
        value.withUnsafeBytes { output.append(buffer: $0) }
        output.append(int32: -1)
        end(start)
    }

    func queueData(_ path: String) {
        let start = begin(.getData)
        output.append(string: path)
        output.append(bool: false)
        end(start)
    }

    private func queueChildren(_ path: String) {
        let start = begin(.getChildren)
        output.append(string: path)
        output.append(bool: false)
        end(start)
    }

    var queuedBytes: Int { output.count }

    /// Sends what is queued and reads every reply, in order.
    ///
    /// - Parameter visit: called with each reply's position and content.
    func flush(_ visit: (Int, Reply) throws(LoadError) -> Void) throws(LoadError) {
        let xids = queued
        queued.removeAll(keepingCapacity: true)
        try Handshake.writeAll(descriptor, output.bytes, server: server)
        output.removeAll()
        for (position, xid) in xids.enumerated() {
            let reply = try readReply(expecting: xid)
            try visit(position, reply)
        }
    }

    private func readReply(expecting xid: Int32) throws(LoadError) -> Reply {
        var header = [UInt8](repeating: 0, count: 20)
        guard header.withUnsafeMutableBytes({ Handshake.readAll(descriptor, $0) }) == 20 else {
            throw .connection("\(server) gave no reply to a set-up request within \(Int(Handshake.deadlineSeconds)) s")
        }
        func integer(_ offset: Int, _ count: Int) -> Int64 {
            header[offset..<offset + count].reduce(0) { $0 << 8 | Int64($1) }
        }
        let length = Int(integer(0, 4))
        let got = Int32(truncatingIfNeeded: integer(4, 4))
        guard got == xid, length >= 16, length < 64 << 20 else {
            throw .connection("\(server) answered request \(xid) with xid \(got) and \(length) bytes")
        }
        var body = [UInt8](repeating: 0, count: length - 16)
        guard body.withUnsafeMutableBytes({ Handshake.readAll(descriptor, $0) }) == body.count else {
            throw .connection("\(server) broke off within a reply")
        }
        return Reply(zxid: integer(8, 8), code: Int32(truncatingIfNeeded: integer(16, 4)), body: body)
    }

    /// Creates znodes in order, in bounded batches. Existing ones are an error, except where `mayExist`.
    func create(_ count: Int, mayExist: Bool = false, _ node: (Int) -> (path: String, value: [UInt8])) throws(LoadError)
    {
        var done = 0
        while done < count {
            let first = done
            while done < count, queued.count < 1000, output.count < 1 << 20 {
                let entry = node(done)
                queueCreate(entry.path, value: entry.value)
                done += 1
            }
            try flush { (position, reply) throws(LoadError) in
                guard reply.code == 0 || (mayExist && reply.code == ErrorCode.nodeExists.rawValue) else {
                    throw .connection(
                        "creating \(node(first + position).path) on \(server) failed with \(Self.text(reply.code))")
                }
            }
        }
    }

    /// A znode's data; nil when there is no such znode.
    func data(of path: String) throws(LoadError) -> [UInt8]? {
        var data: [UInt8]?
        queueData(path)
        try flush { (_, reply) throws(LoadError) in
            if reply.code == ErrorCode.noNode.rawValue { return }
            guard reply.code == 0 else {
                throw .connection("reading \(path) on \(server) failed with \(Self.text(reply.code))")
            }
            data = reply.body.withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                return (try? reader.readBuffer()).map { $0.map { [UInt8]($0) } ?? [] } ?? []
            }
        }
        return data
    }

    /// The names below a znode.
    func children(of path: String) throws(LoadError) -> [String] {
        var names: [String] = []
        queueChildren(path)
        try flush { (_, reply) throws(LoadError) in
            guard reply.code == 0 else {
                throw .connection("listing \(path) on \(server) failed with \(Self.text(reply.code))")
            }
            names = Self.names(reply.body)
        }
        return names
    }

    /// Removes a znode and everything below; absent is fine.
    func deleteTree(_ path: String) throws(LoadError) {
        while true {
            var children: [String] = []
            queueChildren(path)
            var absent = false
            try flush { (_, reply) throws(LoadError) in
                absent = reply.code == ErrorCode.noNode.rawValue
                if reply.code == 0 { children = Self.names(reply.body) }
            }
            if absent { return }
            var remaining: [String] = []
            var start = 0
            while start < children.count {
                let batch = children[start..<min(start + 1000, children.count)]
                for child in batch { queueDelete("\(path)/\(child)") }
                try flush { (position, reply) in
                    if reply.code == ErrorCode.notEmpty.rawValue { remaining.append(children[start + position]) }
                }
                start += batch.count
            }
            for child in remaining { try deleteTree("\(path)/\(child)") }
            var code: Int32 = 0
            queueDelete(path)
            try flush { (_, reply) in code = reply.code }
            if code == 0 || code == ErrorCode.noNode.rawValue { return }
            guard code == ErrorCode.notEmpty.rawValue else {
                throw .connection("deleting \(path) on \(server) failed with \(Self.text(code))")
            }
        }
    }

    private static func names(_ body: [UInt8]) -> [String] {
        var names: [String] = []
        body.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            guard let count = try? reader.readVectorCount(minimumElementSize: 4) else { return }
            for _ in 0..<count {
                guard let name = try? reader.readString() else { return }
                names.append(name)
            }
        }
        return names
    }

    static func text(_ code: Int32) -> String {
        ErrorCode(rawValue: code).map { "\($0) (\(code))" } ?? "error \(code)"
    }
}
