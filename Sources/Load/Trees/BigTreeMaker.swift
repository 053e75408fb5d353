import Jute
import ZooKeeperProtocol

/// Reads and writes of a big tree's children, drawn evenly; each connection has its own part of them.
struct BigTreeMaker: RequestMaker {
    let kinds = ["read", "write"]
    let maximumReplyBytes: Int
    private let shape: TreeShape
    private let connections: Int
    private let valueBytes: Int
    private let readShare: Double
    private var random: RandomSource
    /// Of each child.
    private var versions: [Int32]
    private let rootBytes: [UInt8]

    init(_ shape: TreeShape, connections: Int, valueBytes: Int, readPercent: Double, seed: UInt64) {
        self.shape = shape
        self.connections = connections
        self.valueBytes = valueBytes
        readShare = readPercent / 100
        random = RandomSource(seed: seed)
        versions = [Int32](repeating: 0, count: shape.children)
        rootBytes = Array(shape.root.utf8)
        maximumReplyBytes = 16 + 4 + valueBytes + Stat.wireSize + 4096
    }

    mutating func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag {
        let own = (shape.children - connection + connections - 1) / connections
        let child = connection + connections * Int(random.below(UInt32(own)))
        let reads = random.unit() <= readShare
        let start = output.count
        output.append(int32: 0)
        output.append(int32: xid)
        output.append(int32: (reads ? OpCode.getData : OpCode.setData).rawValue)
        let path = output.count
        output.append(int32: 0)
        rootBytes.withUnsafeBytes { output.append(raw: $0) }
        Self.append("/p", child % shape.parents, to: &output)
        Self.append("/n", child / shape.parents, to: &output)
        output.patch(int32: Int32(output.count - path - 4), at: path)
        if reads {
            output.append(bool: false)
        } else {
            versions[child] += 1
            output.append(int32: Int32(valueBytes))
            output.appendUninitialized(valueBytes).initializeMemory(as: UInt8.self, repeating: 0x77, count: valueBytes)
            output.append(int32: -1)
        }
        output.patch(int32: Int32(output.count - start - 4), at: start)
        // Requests of a connection are carried out in order, and nobody else writes its znodes.
        return RequestTag(kind: reads ? 0 : 1, expected: Int(versions[child]))
    }

    private static func append(_ prefix: StaticString, _ number: Int, to output: inout WireBuffer) {
        output.append(raw: UnsafeRawBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            output.append(byte: UInt8(48 + number / divisor % 10))
            divisor /= 10
        }
    }

    mutating func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String? {
        let data = tag.kind == 0 ? 4 + valueBytes : 0
        guard bytes == data + Stat.wireSize else { return "a reply of \(bytes) bytes" }
        let version = ReplyBytes.integer(body, data + ReplyBytes.versionOffset)
        return version == tag.expected ? nil : "version \(version), there were \(tag.expected) writes"
    }
}
