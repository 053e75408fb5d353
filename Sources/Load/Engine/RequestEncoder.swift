import Jute
import ZooKeeperProtocol

/// Writes requests straight into an output buffer. The value and the ACL are prebuilt; a request is one or two copies
/// and a few stores.
struct RequestEncoder: ~Copyable {
    let keys: KeySpace
    let valueBytes: Int
    private let value: UnsafeMutableRawPointer
    /// `world:anyone` with every permission and flags 0: the end of every create.
    private let createTail: UnsafeMutableRawPointer
    private let createTailBytes: Int
    /// The most bytes one request takes.
    let maximumRequestBytes: Int

    init(keys: KeySpace, valueBytes: Int) {
        self.keys = keys
        self.valueBytes = valueBytes
        let fill = ContentStamp(client: 0, sequence: 0, key: 0).makeValue(length: valueBytes)
        let image = UnsafeMutableRawPointer.allocate(byteCount: valueBytes, alignment: 16)
        fill.withUnsafeBytes { image.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        value = image
        var tail = WireBuffer()
        ACL.encode(ACL.open, to: &tail)
        tail.append(int32: 0)
        createTailBytes = tail.count
        createTail = .allocate(byteCount: tail.count, alignment: 16)
        createTail.copyMemory(from: tail.bytes.baseAddress!, byteCount: tail.count)
        maximumRequestBytes = 4 + 8 + 4 + keys.nodePathLength + 4 + valueBytes + createTailBytes + 64
    }

    deinit {
        value.deallocate()
        createTail.deallocate()
    }

    @inline(__always)
    private static func store(_ value: Int32, _ target: UnsafeMutableRawPointer, _ offset: Int) {
        target.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self)
    }

    /// Frame length, xid, opcode and the path's length.
    @inline(__always)
    private func head(
        _ target: UnsafeMutableRawPointer, frameBytes: Int, xid: Int32, code: OpCode, pathBytes: Int
    ) -> UnsafeMutableRawPointer {
        Self.store(Int32(truncatingIfNeeded: frameBytes - 4), target, 0)
        Self.store(xid, target, 4)
        Self.store(code.rawValue, target, 8)
        Self.store(Int32(truncatingIfNeeded: pathBytes), target, 12)
        return target + 16
    }

    /// `getData`, `exists` or `getChildren` without a watch. Returns the request's bytes.
    @inline(__always)
    func query(_ code: OpCode, xid: Int32, key: Int, shared: Bool, to target: UnsafeMutableRawPointer) -> Int {
        let pathBytes = shared ? keys.sharedPathLength : keys.connectionPathLength
        let frame = 16 + pathBytes + 1
        let path = head(target, frameBytes: frame, xid: xid, code: code, pathBytes: pathBytes)
        if shared { keys.writeSharedPath(key, to: path) } else { keys.writeConnectionPath(key, to: path) }
        (path + pathBytes).storeBytes(of: 0, as: UInt8.self)
        return frame
    }

    @inline(__always)
    func set(xid: Int32, key: Int, shared: Bool, stamp: ContentStamp, to target: UnsafeMutableRawPointer) -> Int {
        let pathBytes = shared ? keys.sharedPathLength : keys.connectionPathLength
        let frame = 16 + pathBytes + 4 + valueBytes + 4
        let path = head(target, frameBytes: frame, xid: xid, code: .setData, pathBytes: pathBytes)
        if shared { keys.writeSharedPath(key, to: path) } else { keys.writeConnectionPath(key, to: path) }
        let data = path + pathBytes + 4
        Self.store(Int32(truncatingIfNeeded: valueBytes), path, pathBytes)
        data.copyMemory(from: value, byteCount: valueBytes)
        stamp.write(to: data, length: valueBytes)
        Self.store(-1, data, valueBytes)
        return frame
    }

    @inline(__always)
    func create(
        xid: Int32, connection: Int, node: Int, stamp: ContentStamp, to target: UnsafeMutableRawPointer
    ) -> Int {
        let pathBytes = keys.nodePathLength
        let frame = 16 + pathBytes + 4 + valueBytes + createTailBytes
        let path = head(target, frameBytes: frame, xid: xid, code: .create, pathBytes: pathBytes)
        keys.writeNodePath(connection, node: node, to: path)
        let data = path + pathBytes + 4
        Self.store(Int32(truncatingIfNeeded: valueBytes), path, pathBytes)
        data.copyMemory(from: value, byteCount: valueBytes)
        stamp.write(to: data, length: valueBytes)
        (data + valueBytes).copyMemory(from: createTail, byteCount: createTailBytes)
        return frame
    }

    @inline(__always)
    func delete(xid: Int32, connection: Int, node: Int, to target: UnsafeMutableRawPointer) -> Int {
        let pathBytes = keys.nodePathLength
        let frame = 16 + pathBytes + 4
        let path = head(target, frameBytes: frame, xid: xid, code: .delete, pathBytes: pathBytes)
        keys.writeNodePath(connection, node: node, to: path)
        Self.store(-1, path, pathBytes)
        return frame
    }

    /// A ping: xid -2, no body.
    static func ping(to target: UnsafeMutableRawPointer) -> Int {
        store(8, target, 0)
        store(-2, target, 4)
        store(OpCode.ping.rawValue, target, 8)
        return 12
    }
}
