import Jute

/// Transactions serialized once, in the log's own framing: the log, followers and the tree all use these bytes.
///
/// Owned by one thread at a time. Ownership passes with the reference: the core fills a batch, the log thread
/// patches checksums and writes, the core applies and recycles. Nobody keeps a reference after handing it on.
public final class TxnBatch: @unchecked Sendable {
    /// The frames, back to back. Between `beginTxn` and `endTxn` the owner appends the transaction here.
    public var bytes: WireBuffer
    /// Where each transaction's frame starts.
    public private(set) var offsets: [Int] = []
    public private(set) var firstZxid: Int64 = 0
    public private(set) var lastZxid: Int64 = 0
    private var isOpen = false

    /// - Parameter capacity: bytes to reserve at once.
    public init(capacity: Int = 64 << 10) {
        bytes = WireBuffer(capacity: capacity)
    }

    /// Transactions in the batch.
    public var count: Int { offsets.count }
    public var isEmpty: Bool { offsets.isEmpty }

    /// Starts a frame; the caller then appends header, record and digest to `bytes`.
    public func beginTxn() {
        precondition(!isOpen, "a transaction is still open")
        isOpen = true
        offsets.append(bytes.count)
        bytes.append(int64: 0)
        bytes.append(int32: 0)
    }

    /// Ends the frame: states its length and sets the end mark. The checksum stays zero until the log writes it.
    public func endTxn(zxid: Int64) {
        precondition(isOpen, "no transaction is open")
        precondition(count == 1 || zxid > lastZxid, "zxids of a batch must rise")
        isOpen = false
        let start = offsets[offsets.count - 1]
        let length = bytes.count - start - TxnFrame.prefixSize
        precondition(length >= TxnFrame.minimumTxnSize, "a transaction is at least its header")
        bytes.patch(int32: Int32(length), at: start + TxnFrame.checksumSize)
        bytes.append(byte: TxnFrame.endMark)
        if count == 1 { firstZxid = zxid }
        lastZxid = zxid
    }

    /// Appends a whole frame as the log holds it, checksum included.
    func append(frame: UnsafeRawBufferPointer, zxid: Int64) {
        precondition(!isOpen, "a transaction is still open")
        precondition(offsets.isEmpty || zxid > lastZxid, "zxids of a batch must rise")
        offsets.append(bytes.count)
        bytes.append(raw: frame)
        if count == 1 { firstZxid = zxid }
        lastZxid = zxid
    }

    /// Takes back the frame that `beginTxn` started.
    public func cancelTxn() {
        precondition(isOpen, "no transaction is open")
        isOpen = false
        bytes.truncate(to: offsets.removeLast())
    }

    /// A transaction's header, record and digest, without the framing. Valid until the batch changes.
    public func txn(at index: Int) -> UnsafeRawBufferPointer {
        let start = offsets[index] + TxnFrame.prefixSize
        let end = (index + 1 < offsets.count ? offsets[index + 1] : bytes.count) - 1
        return UnsafeRawBufferPointer(rebasing: bytes.bytes[start..<end])
    }

    /// A transaction's zxid: the third field of its header.
    public func zxid(at index: Int) -> Int64 {
        Int64(
            bigEndian: bytes.bytes.loadUnaligned(
                fromByteOffset: offsets[index] + TxnFrame.prefixSize + 12, as: Int64.self))
    }

    /// Takes back the transactions after a zxid.
    public func removeTxns(after zxid: Int64) {
        precondition(!isOpen, "a transaction is still open")
        while let start = offsets.last, self.zxid(at: offsets.count - 1) > zxid {
            bytes.truncate(to: start)
            offsets.removeLast()
        }
        lastZxid = offsets.isEmpty ? 0 : self.zxid(at: offsets.count - 1)
        if offsets.isEmpty { firstZxid = 0 }
    }

    /// Appends one whole transaction that was serialized elsewhere.
    public func append(txn: UnsafeRawBufferPointer, zxid: Int64) {
        beginTxn()
        bytes.append(raw: txn)
        endTxn(zxid: zxid)
    }

    /// Empties the batch and keeps its memory.
    public func removeAll() {
        precondition(!isOpen, "a transaction is still open")
        bytes.removeAll()
        offsets.removeAll(keepingCapacity: true)
        firstZxid = 0
        lastZxid = 0
    }

    /// Writes every frame's checksum.
    func seal() {
        precondition(!isOpen, "a transaction is still open")
        guard count > 0 else { return }
        let base = bytes.mutableBytes.baseAddress!
        let end = bytes.count
        offsets.withUnsafeBufferPointer { offsets in
            for index in 0..<offsets.count {
                let frame = base + offsets[index]
                let next = index + 1 < offsets.count ? offsets[index + 1] : end
                let sum = TxnFrame.checksum(frame + TxnFrame.prefixSize, next - offsets[index] - TxnFrame.overhead)
                frame.storeBytes(of: UInt64(sum).bigEndian, as: UInt64.self)
            }
        }
    }
}
