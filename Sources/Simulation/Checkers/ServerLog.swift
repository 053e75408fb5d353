import Jute
import TxnLog
import ZooKeeperProtocol

/// What one server has in its log, as hashes, in order.
struct ServerLog {
    struct Entry: Equatable {
        var zxid: Int64
        var hash: UInt64
        /// Whose request it was, and which.
        var session: Int64
        var cxid: Int32
        var type: Int32
    }

    /// The snapshot the log goes on from.
    private(set) var startZxid: Int64 = 0
    private(set) var entries: [Entry] = []

    var lastZxid: Int64 { entries.last?.zxid ?? startZxid }

    mutating func restart(at zxid: Int64) {
        startZxid = zxid
        entries.removeAll(keepingCapacity: true)
    }

    mutating func append(_ zxid: Int64, _ bytes: UnsafeRawBufferPointer) {
        var entry = Entry(zxid: zxid, hash: Self.hash(bytes), session: 0, cxid: 0, type: 0)
        var reader = JuteReader(bytes)
        if let header = try? TxnHeader(from: &reader) {
            entry.session = header.clientId
            entry.cxid = header.cxid
            entry.type = isRefusedMulti(header, reader) ? OpCode.error.rawValue : header.type
        }
        entries.append(entry)
    }

    /// A multi that was refused is a transaction of errors, one for each operation.
    private func isRefusedMulti(_ header: TxnHeader, _ body: JuteReader) -> Bool {
        guard header.type == OpCode.multi.rawValue else { return false }
        var reader = body
        guard let count = try? reader.readInt32() else { return false }
        for _ in 0..<count {
            guard let type = try? reader.readInt32(), (try? reader.readBuffer()) != nil else { return false }
            if type == OpCode.error.rawValue { return true }
        }
        return false
    }

    /// - Parameter body: what follows the header.
    mutating func append(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) {
        var whole = WireBuffer(capacity: body.count + TxnHeader.wireSize)
        header.encode(to: &whole)
        whole.append(raw: body)
        append(header.zxid, whole.bytes)
    }

    mutating func append(_ batch: TxnBatch) {
        for index in 0..<batch.count { append(Self.zxid(of: batch.txn(at: index)), batch.txn(at: index)) }
    }

    mutating func truncate(to zxid: Int64) {
        while let last = entries.last, last.zxid > zxid { entries.removeLast() }
    }

    /// Index of the first entry after a zxid.
    func index(after zxid: Int64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].zxid <= zxid { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The third field of a transaction's header.
    static func zxid(of txn: UnsafeRawBufferPointer) -> Int64 {
        Int64(bigEndian: txn.loadUnaligned(fromByteOffset: 12, as: Int64.self))
    }

    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var trace = Trace()
        trace.mix(bytes)
        return trace.hash
    }
}
