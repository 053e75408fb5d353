import CDeflate
import ZooKeeperProtocol

/// A transaction's frame in the log: checksum (8 bytes, an Adler-32 in the low half), length (4 bytes), the
/// transaction (header, record, digest), one end mark. The checksum covers the transaction only.
enum TxnFrame {
    static let checksumSize = 8
    static let prefixSize = 12
    static let overhead = prefixSize + 1
    static let endMark: UInt8 = 0x42

    /// No record is shorter than its header.
    static let minimumTxnSize = TxnHeader.wireSize

    @inline(__always)
    static func checksum(_ txn: UnsafeRawPointer, _ count: Int) -> UInt32 {
        libdeflate_adler32(1, txn, count)
    }

    /// Whether a frame at `bytes` is whole and its checksum right; `length` is the one the frame states.
    static func isValid(_ bytes: UnsafeRawPointer, length: Int) -> Bool {
        guard bytes.load(fromByteOffset: prefixSize + length, as: UInt8.self) == endMark else { return false }
        let stored = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        return stored == UInt64(checksum(bytes + prefixSize, length))
    }

    @inline(__always)
    static func length(_ bytes: UnsafeRawPointer) -> Int {
        Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: checksumSize, as: Int32.self)))
    }
}

/// Adler-32 over bytes that come in pieces.
struct RunningChecksum {
    private(set) var value: UInt32 = 1

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        value = libdeflate_adler32(value, bytes.baseAddress, bytes.count)
    }
}
