/// The first bytes of every value a workload writes: who wrote it, as which of its writes, to which znode, and a
/// checksum over these and the value's length. The last eight bytes repeat the checksum, so that a value cut short
/// or put together from two shows too.
///
///     0 magic (4)   4 client (4)   8 sequence (8)   16 key (4)   20 checksum (4)   …   length-8 trailer (8)
struct ContentStamp: Equatable {
    var client: UInt32
    var sequence: UInt64
    var key: UInt32

    static let wireSize = 24
    static let magic: UInt32 = 0x3143_5243
    /// The key and client of the null server's one canned value.
    static let canned: UInt32 = .max
    /// Values shorter than this have no room for the trailer.
    static let minimumSizeWithTrailer = wireSize + 8

    @inline(__always)
    func checksum(length: Int) -> UInt64 {
        var hash = (sequence ^ 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 32
        hash = (hash ^ (UInt64(client) << 32 | UInt64(key))) &* 0xc4ce_b9fe_1a85_ec53
        hash ^= hash >> 29
        hash = (hash ^ UInt64(length)) &* 0x9e37_79b9_7f4a_7c15
        return hash ^ (hash >> 31)
    }

    @inline(__always)
    func write(to value: UnsafeMutableRawPointer, length: Int) {
        let sum = checksum(length: length)
        value.storeBytes(of: Self.magic, as: UInt32.self)
        value.storeBytes(of: client, toByteOffset: 4, as: UInt32.self)
        value.storeBytes(of: sequence, toByteOffset: 8, as: UInt64.self)
        value.storeBytes(of: key, toByteOffset: 16, as: UInt32.self)
        value.storeBytes(of: UInt32(truncatingIfNeeded: sum), toByteOffset: 20, as: UInt32.self)
        if length >= Self.minimumSizeWithTrailer {
            value.storeBytes(of: sum, toByteOffset: length - 8, as: UInt64.self)
        }
    }

    /// The stamp of a value of `length` bytes; nil when magic, checksum or trailer do not fit.
    @inline(__always)
    static func read(from value: UnsafeRawPointer, length: Int) -> ContentStamp? {
        guard length >= wireSize, value.loadUnaligned(as: UInt32.self) == magic else { return nil }
        let stamp = ContentStamp(
            client: value.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
            sequence: value.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            key: value.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        let sum = stamp.checksum(length: length)
        guard value.loadUnaligned(fromByteOffset: 20, as: UInt32.self) == UInt32(truncatingIfNeeded: sum) else {
            return nil
        }
        if length >= minimumSizeWithTrailer {
            guard value.loadUnaligned(fromByteOffset: length - 8, as: UInt64.self) == sum else { return nil }
        }
        return stamp
    }

    /// A value of `length` bytes with this stamp, its middle filled with printable noise.
    func makeValue(length: Int) -> [UInt8] {
        precondition(length >= Self.wireSize)
        var random = RandomSource(seed: 0x5eed)
        var value = (0..<length).map { _ in UInt8(33 + random.below(94)) }
        value.withUnsafeMutableBytes { write(to: $0.baseAddress!, length: length) }
        return value
    }
}
