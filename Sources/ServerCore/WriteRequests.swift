import DataTree
import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#endif

/// How a create request wants its znode (`CreateMode`).
struct CreateMode {
    var isEphemeral: Bool
    var isSequential: Bool
    var isContainer: Bool
    var hasTTL: Bool

    init?(flags: Int32) {
        guard (0...6).contains(flags) else { return nil }
        isEphemeral = flags == 1 || flags == 3
        isSequential = flags == 2 || flags == 3 || flags == 6
        isContainer = flags == 4
        hasTTL = flags == 5 || flags == 6
    }
}

/// The ACL of a request: the everyday one is recognized by its bytes and never decoded.
enum RequestACL {
    case open
    case list([ACL]?)

    /// `world:anyone` with every permission, as it stands on the wire.
    static let openWire: [UInt8] = {
        var buffer = WireBuffer()
        ACL.encode(ACL.open, to: &buffer)
        return Array(buffer.bytes)
    }()

    init(from reader: inout JuteReader) throws(JuteError) {
        let length = Self.openWire.count
        if reader.remaining >= length, memcmp(reader.position, Self.openWire, length) == 0 {
            try reader.skip(length)
            self = .open
        } else {
            self = .list(try ACL.decodeList(from: &reader))
        }
    }
}

struct CreateRequest {
    var path: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer?
    var acl: RequestACL
    var flags: Int32
    var ttlMillis: Int64

    init(from reader: inout JuteReader, hasTTL: Bool) throws(JuteError) {
        path = try reader.readStringBytes()
        data = try reader.readBuffer()
        acl = try RequestACL(from: &reader)
        flags = try reader.readInt32()
        ttlMillis = hasTTL ? try reader.readInt64() : -1
    }
}

/// Path and expected version: delete and check.
struct VersionedPathRequest {
    var path: UnsafeRawBufferPointer
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readStringBytes()
        version = try reader.readInt32()
    }
}

struct SetDataRequest {
    var path: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer?
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readStringBytes()
        data = try reader.readBuffer()
        version = try reader.readInt32()
    }
}

struct SetACLRequest {
    var path: UnsafeRawBufferPointer
    var acl: [ACL]?
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readStringBytes()
        acl = try ACL.decodeList(from: &reader)
        version = try reader.readInt32()
    }
}

/// One operation of a multi.
enum MultiOperation {
    case create(OpCode, CreateRequest)
    case delete(VersionedPathRequest)
    case setData(SetDataRequest)
    case check(VersionedPathRequest)

    var opcode: OpCode {
        switch self {
        case .create(let opcode, _): opcode
        case .delete: .delete
        case .setData: .setData
        case .check: .check
        }
    }

    /// All operations of a multi request; anything else than the known writes is malformed, as in Apache.
    static func decodeAll(from reader: inout JuteReader) throws(JuteError) -> [MultiOperation] {
        var operations: [MultiOperation] = []
        while true {
            let type = try reader.readInt32()
            let isDone = try reader.readBool()
            _ = try reader.readInt32()
            if isDone { return operations }
            guard operations.count < CoreLimits.multiOperationsMax else { throw .badLength }
            switch OpCode(rawValue: type) {
            case .some(let opcode) where opcode == .create || opcode == .create2 || opcode == .createContainer:
                let request = try CreateRequest(from: &reader, hasTTL: false)
                guard CreateMode(flags: request.flags) != nil else { throw .badLength }
                operations.append(.create(opcode, request))
            case .createTTL:
                let request = try CreateRequest(from: &reader, hasTTL: true)
                let hasTTL = CreateMode(flags: request.flags)?.hasTTL ?? false
                operations.append(.create(hasTTL ? .createTTL : .create, request))
            case .delete: operations.append(.delete(try VersionedPathRequest(from: &reader)))
            case .setData: operations.append(.setData(try SetDataRequest(from: &reader)))
            case .check: operations.append(.check(try VersionedPathRequest(from: &reader)))
            default: throw .badLength
            }
        }
    }
}
