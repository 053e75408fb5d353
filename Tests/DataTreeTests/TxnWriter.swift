import DataTree
import Jute
import ZooKeeperProtocol

/// Records of transactions as the log has them, for tests.
enum TxnWriter {
    static func bytes(_ body: (inout WireBuffer) -> Void) -> [UInt8] {
        var buffer = WireBuffer()
        body(&buffer)
        return [UInt8](buffer.bytes)
    }

    static func append(_ data: [UInt8]?, to buffer: inout WireBuffer) {
        guard let data else { return buffer.append(int32: -1) }
        data.withUnsafeBytes { buffer.append(buffer: $0) }
    }

    static func append(_ acl: [ACL]?, to buffer: inout WireBuffer) {
        guard let acl else { return buffer.append(int32: -1) }
        ACL.encode(acl, to: &buffer)
    }

    static func create(
        _ path: String, _ data: [UInt8]?, acl: [ACL]? = ACL.open, ephemeral: Bool = false, parentCversion: Int32?
    ) -> [UInt8] {
        bytes { buffer in
            buffer.append(string: path)
            append(data, to: &buffer)
            append(acl, to: &buffer)
            buffer.append(bool: ephemeral)
            if let parentCversion { buffer.append(int32: parentCversion) }
        }
    }

    static func createContainer(_ path: String, _ data: [UInt8]?, acl: [ACL]?, parentCversion: Int32) -> [UInt8] {
        bytes { buffer in
            buffer.append(string: path)
            append(data, to: &buffer)
            append(acl, to: &buffer)
            buffer.append(int32: parentCversion)
        }
    }

    static func createTTL(
        _ path: String, _ data: [UInt8]?, acl: [ACL]?, parentCversion: Int32, millis: Int64
    ) -> [UInt8] {
        createContainer(path, data, acl: acl, parentCversion: parentCversion) + bytes { $0.append(int64: millis) }
    }

    static func delete(_ path: String) -> [UInt8] { bytes { $0.append(string: path) } }

    static func setData(_ path: String, _ data: [UInt8]?, version: Int32) -> [UInt8] {
        bytes { buffer in
            buffer.append(string: path)
            append(data, to: &buffer)
            buffer.append(int32: version)
        }
    }

    static func setACL(_ path: String, _ acl: [ACL]?, version: Int32) -> [UInt8] {
        bytes { buffer in
            buffer.append(string: path)
            append(acl, to: &buffer)
            buffer.append(int32: version)
        }
    }

    static func check(_ path: String, version: Int32) -> [UInt8] {
        bytes { buffer in
            buffer.append(string: path)
            buffer.append(int32: version)
        }
    }

    static func error(_ code: ErrorCode) -> [UInt8] { bytes { $0.append(int32: code.rawValue) } }

    static func closeSession(_ paths: [String]) -> [UInt8] {
        bytes { buffer in
            buffer.append(int32: Int32(paths.count))
            for path in paths { buffer.append(string: path) }
        }
    }

    static func multi(_ operations: [(OpCode, [UInt8])]) -> [UInt8] {
        bytes { buffer in
            buffer.append(int32: Int32(operations.count))
            for (type, record) in operations {
                buffer.append(int32: type.rawValue)
                append(record, to: &buffer)
            }
        }
    }
}

/// One transaction of a test's log.
struct LoggedTxn {
    var header: TxnHeader
    var record: [UInt8]
}

/// A tree that is fed transactions and remembers them.
final class TreeDriver {
    let tree: DataTree
    var log: [LoggedTxn] = []
    var zxid: Int64 = 0
    var fired = FiredEvents()
    var result = ApplyResult()

    init(_ tree: DataTree = DataTree(extendedTypesEnabled: true)) { self.tree = tree }

    static func time(_ zxid: Int64) -> Int64 { 1000 + zxid * 10 }

    @discardableResult
    func apply(_ type: OpCode, _ record: [UInt8], session: Int64 = 7) -> ErrorCode {
        zxid += 1
        let header = TxnHeader(
            clientId: session, cxid: 0, zxid: zxid, time: Self.time(zxid), type: type.rawValue)
        log.append(LoggedTxn(header: header, record: record))
        record.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            tree.apply(header: header, record: &reader, fired: &fired, result: &result)
        }
        return result.error
    }

    /// Creates with the parent's next cversion.
    @discardableResult
    func create(
        _ path: String, _ text: String? = "", acl: [ACL]? = ACL.open, ephemeral: Bool = false, session: Int64 = 7
    ) -> ErrorCode {
        apply(
            .create,
            TxnWriter.create(
                path, text.map { [UInt8]($0.utf8) }, acl: acl, ephemeral: ephemeral, parentCversion: nil),
            session: session)
    }

    @discardableResult
    func delete(_ path: String) -> ErrorCode { apply(.delete, TxnWriter.delete(path)) }

    @discardableResult
    func set(_ path: String, _ text: String?, version: Int32 = 1) -> ErrorCode {
        apply(.setData, TxnWriter.setData(path, text.map { [UInt8]($0.utf8) }, version: version))
    }

    /// The events since the last call, as `watcher type path`.
    func takeEvents() -> [String] {
        let lines = fired.events.map { event in
            "\(event.watcher) \(event.type) \(String(decoding: fired.path(of: event), as: UTF8.self))"
        }
        fired.removeAll()
        return lines
    }
}

extension DataTree {
    func find(_ path: String) -> NodeIndex? {
        var path = path
        return path.withUTF8 { find(UnsafeRawBufferPointer($0)) }
    }

    func text(_ path: String) -> String? {
        guard let node = find(path), let data = data(of: node) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    func children(_ node: NodeIndex) -> [String] {
        var buffer = WireBuffer()
        appendChildren(of: node, to: &buffer)
        var reader = JuteReader(buffer.bytes)
        var names: [String] = []
        let count = (try? reader.readInt32()) ?? 0
        for _ in 0..<count { names.append(((try? reader.readString()) ?? nil) ?? "?") }
        precondition(reader.remaining == 0)
        return names
    }
}
