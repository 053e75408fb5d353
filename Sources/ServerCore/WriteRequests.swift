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
            self = .list(try Self.decodeList(from: &reader))
        }
    }

    /// Stands for a null text: jute allows it, and Apache answers it differently from scheme to scheme.
    static let nullText = "\u{0}"

    /// As `ACL.decodeList`, null texts kept apart.
    static func decodeList(from reader: inout JuteReader) throws(JuteError) -> [ACL]? {
        guard let count = try reader.readVectorCount(minimumElementSize: 12) else { return nil }
        var list: [ACL] = []
        list.reserveCapacity(count)
        for _ in 0..<count {
            let permissions = try reader.readInt32()
            let scheme = try reader.readString() ?? nullText
            let id = try reader.readString() ?? nullText
            list.append(ACL(permissions: permissions, identity: Identity(scheme: scheme, id: id)))
        }
        return list
    }
}

struct CreateRequest {
    var path: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer?
    var acl: RequestACL
    var flags: Int32
    var ttlMillis: Int64

    /// - Parameter hasTTL: createTTL's record has one field more.
    init(from reader: inout JuteReader, hasTTL: Bool) throws(JuteError) {
        path = try reader.readPath()
        data = try reader.readBuffer()
        acl = try RequestACL(from: &reader)
        flags = try reader.readInt32()
        ttlMillis = hasTTL ? try reader.readInt64() : -1
    }
}

extension JuteReader {
    /// A path. A null one reads as a path that no rule admits.
    mutating func readPath() throws(JuteError) -> UnsafeRawBufferPointer {
        if let bytes = try readBuffer() { return bytes }
        return NullPath.bytes
    }
}

/// What a null path is taken for. Apache trips over one, and answers a marshalling error, wherever it does not merely
/// look it up; checks for it are by identity.
enum NullPath {
    nonisolated(unsafe) static let bytes: UnsafeRawBufferPointer = {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        memory[0] = 0
        return UnsafeRawBufferPointer(memory)
    }()

    static func `is`(_ path: UnsafeRawBufferPointer) -> Bool { path.baseAddress == bytes.baseAddress }
}

/// Path and expected version: delete and check.
struct VersionedPathRequest {
    var path: UnsafeRawBufferPointer
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readPath()
        version = try reader.readInt32()
    }
}

struct SetDataRequest {
    var path: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer?
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readPath()
        data = try reader.readBuffer()
        version = try reader.readInt32()
    }
}

struct SetACLRequest {
    var path: UnsafeRawBufferPointer
    var acl: [ACL]?
    var version: Int32

    init(from reader: inout JuteReader) throws(JuteError) {
        path = try reader.readPath()
        acl = try RequestACL.decodeList(from: &reader)
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

    var path: UnsafeRawBufferPointer {
        switch self {
        case .create(_, let request): request.path
        case .delete(let request), .check(let request): request.path
        case .setData(let request): request.path
        }
    }

    /// All operations of a multi request; anything else than the known writes is malformed, as in Apache.
    ///
    /// - Throws: `unexpectedNull` for a null ACL, which Apache trips over before it gives out a zxid.
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
                guard let mode = CreateMode(flags: request.flags) else { throw .badLength }
                if case .list(nil) = request.acl { throw .unexpectedNull }
                if mode.hasTTL { throw .badLength }
                operations.append(.create(mode.isContainer ? .createContainer : opcode, request))
            case .createTTL:
                var request = try CreateRequest(from: &reader, hasTTL: true)
                // Here, unlike in a request of its own, the mode decides and a needless time to live is ignored.
                let mode = CreateMode(flags: request.flags)
                if mode?.hasTTL != true { request.ttlMillis = -1 }
                let opcode = mode?.hasTTL == true ? OpCode.createTTL : .create
                operations.append(.create(mode?.isContainer == true ? .createContainer : opcode, request))
            case .delete: operations.append(.delete(try VersionedPathRequest(from: &reader)))
            case .setData: operations.append(.setData(try SetDataRequest(from: &reader)))
            case .check: operations.append(.check(try VersionedPathRequest(from: &reader)))
            default: throw .badLength
            }
        }
    }
}
