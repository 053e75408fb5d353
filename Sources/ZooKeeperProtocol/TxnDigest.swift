import Jute

/// What a transaction says of the tree it leaves behind; it stands after the record (`TxnDigest` in Apache's records).
public struct TxnDigest: Equatable, Sendable {
    public var version: Int32
    public var value: UInt64

    public static let wireSize = 12

    /// Reads what is left of a transaction; nil when that is no digest.
    @inlinable
    public init?(_ reader: JuteReader) {
        var reader = reader
        guard let version = try? reader.readInt32(), let value = try? reader.readInt64() else { return nil }
        self.version = version
        self.value = UInt64(bitPattern: value)
    }
}
