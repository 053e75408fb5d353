import Jute
import ZooKeeperProtocol

/// One part of a `multi`: all of its parts take effect, or none.
public enum Operation: Hashable, Sendable {
    case create(_ path: String, data: [UInt8] = [], mode: CreateMode = .persistent, acl: [ACL] = ACL.open)
    /// - version: nil for any.
    case delete(_ path: String, version: Int32? = nil)
    case setData(_ path: String, _ data: [UInt8], version: Int32? = nil)
    /// Nothing but the condition that the znode has this version; nil asks only that it is there.
    case check(_ path: String, version: Int32? = nil)

    public var path: String {
        switch self {
        case .create(let path, _, _, _), .delete(let path, _), .setData(let path, _, _), .check(let path, _): path
        }
    }

    var operation: OpCode {
        switch self {
        case .create(_, _, let mode, _): mode.creatingOperation
        case .delete: .delete
        case .setData: .setData
        case .check: .check
        }
    }

    var problem: ZooKeeperError.Reason? {
        if case .create(let path, _, let mode, let acl) = self {
            return RequestBody.problem(creating: path, mode, acl)
        }
        return PathRules.problem(with: path).map { .invalidPath($0) }
    }

    func encode(to buffer: inout WireBuffer, chroot: String) {
        MultiHeader(type: operation.rawValue, done: false, error: -1).encode(to: &buffer)
        switch self {
        case .create(let path, let data, let mode, let acl):
            buffer.append(creating: path, below: chroot, data, acl, mode)
        case .delete(let path, let version), .check(let path, let version):
            buffer.append(path: path, below: chroot)
            buffer.append(int32: version ?? -1)
        case .setData(let path, let data, let version):
            buffer.append(path: path, below: chroot)
            buffer.append(bytes: data)
            buffer.append(int32: version ?? -1)
        }
    }
}

extension CreateMode {
    /// The request that creates in this mode and answers with the path and the statistics.
    var creatingOperation: OpCode {
        switch self {
        case .container: .createContainer
        case .ttl, .ttlSequential: .createTTL
        default: .create2
        }
    }
}

/// What a part of a `multi` answered.
public enum OperationResult: Equatable, Sendable {
    /// - stat: some servers leave it out.
    case created(path: String, stat: Stat?)
    case deleted
    case dataSet(Stat)
    case checked
}

/// One part of a `multiRead`; each succeeds or fails on its own.
public enum ReadOperation: Hashable, Sendable {
    case getData(_ path: String)
    case getChildren(_ path: String)

    public var path: String {
        switch self {
        case .getData(let path), .getChildren(let path): path
        }
    }

    func encode(to buffer: inout WireBuffer, chroot: String) {
        let operation: OpCode =
            switch self {
            case .getData: .getData
            case .getChildren: .getChildren
            }
        MultiHeader(type: operation.rawValue, done: false, error: -1).encode(to: &buffer)
        buffer.append(path: path, below: chroot)
        buffer.append(bool: false)
    }
}

/// What a part of a `multiRead` answered.
public enum ReadResult: Equatable, Sendable {
    case data(NodeData)
    case children([String])
    case failed(ErrorCode)
}

/// The replies' forms.
enum MultiReply {
    static func results(_ reader: inout JuteReader, _ context: ReplyContext) throws -> [OperationResult] {
        var results: [OperationResult] = []
        // A refused multi has an error in each place: "rolled back" before the culprit, "not tried" behind it.
        var refusal: PartRefused?
        var index = 0
        while true {
            let header = try MultiHeader(from: &reader)
            if header.done { break }
            switch OpCode(rawValue: header.type) {
            case .create:
                results.append(.created(path: context.clientPath(try reader.readString() ?? ""), stat: nil))
            case .create2, .createContainer, .createTTL:
                let path = context.clientPath(try reader.readString() ?? "")
                results.append(.created(path: path, stat: try Stat(from: &reader)))
            case .delete: results.append(.deleted)
            case .setData: results.append(.dataSet(try Stat(from: &reader)))
            case .check: results.append(.checked)
            case .error:
                let code = try reader.readInt32()
                let isCulprit = code != 0 && code != ErrorCode.runtimeInconsistency.rawValue
                if refusal == nil, isCulprit { refusal = PartRefused(index: index, code: code) }
            default: throw MalformedReply(description: "a part of type \(header.type)")
            }
            index += 1
        }
        if let refusal { throw refusal }
        guard results.count == index else {
            throw PartRefused(index: results.count, code: ErrorCode.runtimeInconsistency.rawValue)
        }
        return results
    }

    static func reads(_ reader: inout JuteReader, _ context: ReplyContext) throws -> [ReadResult] {
        var results: [ReadResult] = []
        while true {
            let header = try MultiHeader(from: &reader)
            if header.done { return results }
            switch OpCode(rawValue: header.type) {
            case .getData:
                results.append(.data(NodeData(data: try reader.readBytes(), stat: try Stat(from: &reader))))
            case .getChildren: results.append(.children(try reader.readStrings()))
            case .error: results.append(.failed(ErrorCode(rawValue: try reader.readInt32()) ?? .systemError))
            default: throw MalformedReply(description: "a part of type \(header.type)")
            }
        }
    }
}

struct MalformedReply: Error, CustomStringConvertible {
    var description: String
}
