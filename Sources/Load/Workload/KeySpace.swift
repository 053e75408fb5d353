#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The znodes of one workload. Paths of one kind have one length, so that a request is a template with digits in it.
///
///     ROOT/c00001                 one per connection: its own znode, and parent of what it creates
///     ROOT/c00001/n0000000001     created and deleted by the connection
///     ROOT/k0000001               shared znodes
struct KeySpace: Sendable {
    let root: [UInt8]

    /// The root's data: what tells a tree that this program made, and may delete, from any other.
    static let rootStamp = Array("made by corral-bench, which deletes it".utf8)

    static let connectionDigits = 6
    static let sharedDigits = 8
    static let nodeDigits = 10

    init(root: String) { self.root = Array(root.utf8) }

    var connectionPathLength: Int { root.count + 2 + Self.connectionDigits }
    var sharedPathLength: Int { root.count + 2 + Self.sharedDigits }
    var nodePathLength: Int { connectionPathLength + 2 + Self.nodeDigits }

    @inline(__always)
    static func writeDigits(_ value: Int, width: Int, to target: UnsafeMutableRawPointer) {
        var rest = UInt64(value)
        var position = width - 1
        while position >= 0 {
            target.storeBytes(of: UInt8(48 + rest % 10), toByteOffset: position, as: UInt8.self)
            rest /= 10
            position -= 1
        }
    }

    @inline(__always)
    private func writePrefix(_ letter: UInt8, to target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        root.withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        target.storeBytes(of: 47, toByteOffset: root.count, as: UInt8.self)
        target.storeBytes(of: letter, toByteOffset: root.count + 1, as: UInt8.self)
        return target + root.count + 2
    }

    @inline(__always)
    func writeConnectionPath(_ connection: Int, to target: UnsafeMutableRawPointer) {
        Self.writeDigits(connection, width: Self.connectionDigits, to: writePrefix(99, to: target))
    }

    @inline(__always)
    func writeSharedPath(_ key: Int, to target: UnsafeMutableRawPointer) {
        Self.writeDigits(key, width: Self.sharedDigits, to: writePrefix(107, to: target))
    }

    @inline(__always)
    func writeNodePath(_ connection: Int, node: Int, to target: UnsafeMutableRawPointer) {
        writeConnectionPath(connection, to: target)
        let tail = target + connectionPathLength
        tail.storeBytes(of: 47, as: UInt8.self)
        tail.storeBytes(of: 110, toByteOffset: 1, as: UInt8.self)
        Self.writeDigits(node, width: Self.nodeDigits, to: tail + 2)
    }

    func connectionPath(_ connection: Int) -> String {
        String(unsafeUninitializedCapacity: connectionPathLength) {
            writeConnectionPath(connection, to: UnsafeMutableRawPointer($0.baseAddress!))
            return connectionPathLength
        }
    }

    func sharedPath(_ key: Int) -> String {
        String(unsafeUninitializedCapacity: sharedPathLength) {
            writeSharedPath(key, to: UnsafeMutableRawPointer($0.baseAddress!))
            return sharedPathLength
        }
    }

    var rootPath: String { String(decoding: root, as: UTF8.self) }
}
