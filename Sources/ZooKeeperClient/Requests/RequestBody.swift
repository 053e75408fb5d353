import Jute
import ZooKeeperProtocol

/// What follows a request's header on the wire.
enum RequestBody: Sendable {
    case none
    case path
    /// A path, and whether the read sets a watch.
    case read
    /// A path and a number: a version, a mode, a type.
    case number(Int32)
    case create(data: [UInt8], acl: [ACL], mode: CreateMode)
    case setData([UInt8], version: Int32)
    case setACL([ACL], version: Int32)
    case multi([Operation])
    case multiRead([ReadOperation])
    case reconfigure(joining: String?, leaving: String?, members: String?, fromVersion: Int64)
    case auth(Credential)

    var partPaths: [String] {
        switch self {
        case .multi(let operations): operations.map(\.path)
        case .multiRead(let operations): operations.map(\.path)
        default: []
        }
    }

    /// What is wrong with the request; nil when nothing is.
    func problem(path: String?) -> ZooKeeperError.Reason? {
        switch self {
        case .create(_, let acl, let mode):
            return Self.problem(creating: path ?? "", mode, acl)
        case .setACL(let acl, _) where acl.isEmpty:
            return .invalidArgument("an ACL needs an entry")
        case .multi(let operations):
            for operation in operations {
                if let problem = operation.problem { return problem }
            }
        case .multiRead(let operations):
            for operation in operations {
                if let problem = PathRules.problem(with: operation.path) { return .invalidPath(problem) }
            }
        default: break
        }
        if let path, let problem = PathRules.problem(with: path) { return .invalidPath(problem) }
        return nil
    }

    static func problem(creating path: String, _ mode: CreateMode, _ acl: [ACL]) -> ZooKeeperError.Reason? {
        if let millis = mode.ttlMillis, !(1...EphemeralType.maximumTTLMillis).contains(millis) {
            return .invalidArgument("a time to live is 1 to \(EphemeralType.maximumTTLMillis) ms")
        }
        if acl.isEmpty { return .invalidArgument("an ACL needs an entry") }
        return PathRules.problem(with: path, isSequential: mode.isSequential).map { .invalidPath($0) }
    }

    func encode(to buffer: inout WireBuffer, path: String?, chroot: String, watch: Bool) {
        switch self {
        case .none: break
        case .path: buffer.append(path: path ?? "/", below: chroot)
        case .read:
            buffer.append(path: path ?? "/", below: chroot)
            buffer.append(bool: watch)
        case .number(let number):
            buffer.append(path: path ?? "/", below: chroot)
            buffer.append(int32: number)
        case .create(let data, let acl, let mode):
            buffer.append(creating: path ?? "/", below: chroot, data, acl, mode)
        case .setData(let data, let version):
            buffer.append(path: path ?? "/", below: chroot)
            buffer.append(bytes: data)
            buffer.append(int32: version)
        case .setACL(let acl, let version):
            buffer.append(path: path ?? "/", below: chroot)
            ACL.encode(acl, to: &buffer)
            buffer.append(int32: version)
        case .multi(let operations):
            for operation in operations { operation.encode(to: &buffer, chroot: chroot) }
            MultiHeader.end.encode(to: &buffer)
        case .multiRead(let operations):
            for operation in operations { operation.encode(to: &buffer, chroot: chroot) }
            MultiHeader.end.encode(to: &buffer)
        case .reconfigure(let joining, let leaving, let members, let version):
            buffer.append(string: joining)
            buffer.append(string: leaving)
            buffer.append(string: members)
            buffer.append(int64: version)
        case .auth(let credential): credential.encode(to: &buffer)
        }
    }
}

extension Credential {
    /// Apache's `AuthPacket`, whose first field means nothing.
    func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: 0)
        buffer.append(string: scheme)
        buffer.append(bytes: secret)
    }
}

extension WireBuffer {
    /// A client's path as the server's.
    mutating func append(path: String, below chroot: String) {
        if chroot.isEmpty { return append(string: path) }
        if path == "/" { return append(string: chroot) }
        append(int32: Int32(chroot.utf8.count + path.utf8.count))
        append(text: chroot)
        append(text: path)
    }

    /// A string's bytes without a length.
    private mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(raw: UnsafeRawBufferPointer($0)) }
    }

    mutating func append(
        creating path: String, below chroot: String, _ data: [UInt8], _ acl: [ACL], _ mode: CreateMode
    ) {
        append(path: path, below: chroot)
        append(bytes: data)
        ACL.encode(acl, to: &self)
        append(int32: mode.flags)
        if let ttlMillis = mode.ttlMillis { append(int64: ttlMillis) }
    }
}
