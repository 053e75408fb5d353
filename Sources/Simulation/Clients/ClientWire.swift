import Jute
import ZooKeeperProtocol

/// Requests and answers as they stand on the wire, from the client's side.
enum ClientWire {
    static func frame(_ body: (inout WireBuffer) -> Void) -> WireBuffer {
        var buffer = WireBuffer(capacity: 256)
        buffer.append(int32: 0)
        body(&buffer)
        buffer.patch(int32: Int32(buffer.count - 4), at: 0)
        return buffer
    }

    static func handshake(lastZxid: Int64, timeoutMillis: Int32, session: Int64, password: [UInt8]) -> WireBuffer {
        frame { buffer in
            buffer.append(int32: 0)
            buffer.append(int64: lastZxid)
            buffer.append(int32: timeoutMillis)
            buffer.append(int64: session)
            password.withUnsafeBytes { buffer.append(buffer: $0) }
            buffer.append(bool: false)
        }
    }

    static func ping() -> WireBuffer {
        frame { buffer in
            buffer.append(int32: ReservedXid.ping)
            buffer.append(int32: OpCode.ping.rawValue)
        }
    }

    /// A value as data: its number in decimal, with zeros before it.
    private static func append(value: Int, digits: Int, to buffer: inout WireBuffer) {
        let number = String(value)
        buffer.append(string: String(repeating: "0", count: max(0, digits - number.count)) + number)
    }

    /// - Parameter digits: of each value, at least.
    static func request(_ xid: Int32, _ kind: Operation.Kind, digits: Int) -> WireBuffer {
        frame { buffer in
            buffer.append(int32: xid)
            buffer.append(int32: opcode(kind).rawValue)
            switch kind {
            case .create(let path, let value, let flags):
                buffer.append(string: path)
                append(value: value, digits: digits, to: &buffer)
                ACL.encode(ACL.open, to: &buffer)
                buffer.append(int32: flags)
            case .setData(let path, let value, let version):
                buffer.append(string: path)
                append(value: value, digits: digits, to: &buffer)
                buffer.append(int32: version)
            case .delete(let path, let version):
                buffer.append(string: path)
                buffer.append(int32: version)
            case .multi(let steps): append(steps, digits, to: &buffer)
            case .getData(let path, let watch), .exists(let path, let watch), .getChildren(let path, let watch):
                buffer.append(string: path)
                buffer.append(bool: watch)
            case .sync: buffer.append(string: "/")
            case .closeSession: break
            }
        }
    }

    static func opcode(_ kind: Operation.Kind) -> OpCode {
        switch kind {
        case .create: .create2
        case .setData: .setData
        case .delete: .delete
        case .multi: .multi
        case .getData: .getData
        case .exists: .exists
        case .getChildren: .getChildren2
        case .sync: .sync
        case .closeSession: .closeSession
        }
    }

    private static func append(_ steps: [Operation.Step], _ digits: Int, to buffer: inout WireBuffer) {
        func header(_ type: OpCode) {
            buffer.append(int32: type.rawValue)
            buffer.append(bool: false)
            buffer.append(int32: -1)
        }
        for step in steps {
            switch step {
            case .create(let path, let value):
                header(.create2)
                buffer.append(string: path)
                append(value: value, digits: digits, to: &buffer)
                ACL.encode(ACL.open, to: &buffer)
                buffer.append(int32: 0)
            case .setData(let path, let value, let version):
                header(.setData)
                buffer.append(string: path)
                append(value: value, digits: digits, to: &buffer)
                buffer.append(int32: version)
            case .delete(let path, let version):
                header(.delete)
                buffer.append(string: path)
                buffer.append(int32: version)
            case .check(let path, let version):
                header(.check)
                buffer.append(string: path)
                buffer.append(int32: version)
            }
        }
        buffer.append(int32: -1)
        buffer.append(bool: true)
        buffer.append(int32: -1)
    }

    // MARK: answers

    /// Fills in what an answer's body tells.
    static func read(_ reader: inout JuteReader, into operation: inout Operation) throws {
        guard operation.outcome == .ok else {
            if case .multi(let steps) = operation.kind, reader.remaining > 0 {
                try readMulti(&reader, steps.count, into: &operation)
            }
            return
        }
        switch operation.kind {
        case .create:
            operation.createdPath = try reader.readString()
            operation.seen = seen(try Stat(from: &reader))
        case .setData, .exists: operation.seen = seen(try Stat(from: &reader))
        case .getData:
            operation.valueRead = try readValue(&reader)
            operation.seen = seen(try Stat(from: &reader))
        case .getChildren:
            let count = try reader.readVectorCount(minimumElementSize: 4) ?? 0
            var names: [String] = []
            for _ in 0..<count { names.append(try reader.readString() ?? "") }
            operation.children = names
            operation.seen = seen(try Stat(from: &reader))
        case .multi(let steps): try readMulti(&reader, steps.count, into: &operation)
        case .sync: _ = try reader.readString()
        case .delete, .closeSession: break
        }
    }

    private static func readValue(_ reader: inout JuteReader) throws -> Int { Int(try reader.readString() ?? "") ?? -1 }

    private static func seen(_ stat: Stat) -> Operation.Seen {
        Operation.Seen(
            czxid: stat.czxid, mzxid: stat.mzxid, version: stat.version, ephemeralOwner: stat.ephemeralOwner,
            pzxid: stat.pzxid)
    }

    private static func readMulti(_ reader: inout JuteReader, _ count: Int, into operation: inout Operation) throws {
        for _ in 0..<count {
            let type = try reader.readInt32()
            _ = try reader.readBool()
            var error = try reader.readInt32()
            var stat: Operation.Seen?
            switch OpCode(rawValue: type) {
            case .create2:
                _ = try reader.readString()
                stat = seen(try Stat(from: &reader))
            case .create: _ = try reader.readString()
            case .setData: stat = seen(try Stat(from: &reader))
            case .error: error = try reader.readInt32()
            default: break
            }
            operation.stepErrors.append(type == OpCode.error.rawValue ? error : 0)
            operation.stepSeen.append(stat)
        }
        if operation.stepErrors.contains(where: { $0 != 0 }) {
            operation.outcome = .error(operation.stepErrors.first { $0 != 0 }!)
        }
    }
}
