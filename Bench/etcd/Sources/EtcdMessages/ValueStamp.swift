/// The first bytes of every value the load writes: which connection wrote it, as which of its writes, and a checksum
/// over these and the value's length. Where there is room the last eight bytes repeat the checksum, so that a value cut
/// short or put together from two shows too.
///
///     0 magic (4)   4 connection (4)   8 sequence (8)   16 checksum (8)   …   length-8 trailer (8)
public struct ValueStamp: Equatable, Sendable {
    public var connection: UInt32
    public var sequence: UInt64

    public static let size = 24
    private static let magic: UInt32 = 0x3145_5243

    public init(connection: UInt32, sequence: UInt64) {
        self.connection = connection
        self.sequence = sequence
    }

    /// The stamp of a value; nil when magic, checksum or trailer do not fit.
    public init?(_ value: UnsafeRawBufferPointer) {
        guard value.count >= Self.size, value.loadUnaligned(as: UInt32.self) == Self.magic else { return nil }
        connection = value.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        sequence = value.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let sum = checksum(length: value.count)
        guard value.loadUnaligned(fromByteOffset: 16, as: UInt64.self) == sum else { return nil }
        if value.count >= Self.size + 8 {
            guard value.loadUnaligned(fromByteOffset: value.count - 8, as: UInt64.self) == sum else { return nil }
        }
    }

    public func write(to value: UnsafeMutableRawBufferPointer) {
        precondition(value.count >= Self.size)
        let sum = checksum(length: value.count)
        value.storeBytes(of: Self.magic, as: UInt32.self)
        value.storeBytes(of: connection, toByteOffset: 4, as: UInt32.self)
        value.storeBytes(of: sequence, toByteOffset: 8, as: UInt64.self)
        value.storeBytes(of: sum, toByteOffset: 16, as: UInt64.self)
        if value.count >= Self.size + 8 { value.storeBytes(of: sum, toByteOffset: value.count - 8, as: UInt64.self) }
    }

    private func checksum(length: Int) -> UInt64 {
        var hash = (sequence ^ 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 32) ^ UInt64(connection)) &* 0xc4ce_b9fe_1a85_ec53
        hash = (hash ^ (hash >> 29) ^ UInt64(length)) &* 0x9e37_79b9_7f4a_7c15
        return hash ^ (hash >> 31)
    }
}
