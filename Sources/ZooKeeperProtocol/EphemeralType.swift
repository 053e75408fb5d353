/// How a znode's life ends, encoded in `ephemeralOwner` (`EphemeralType` of ZooKeeper 3.9).
public enum EphemeralType: Equatable, Sendable {
    /// Lives until deleted.
    case persistent
    /// Lives with the session.
    case ephemeral(sessionId: Int64)
    /// Reaped when its last child is gone.
    case container
    /// Reaped when unmodified and childless for this many milliseconds.
    case ttl(millis: Int64)

    public static let containerOwner = Int64.min
    /// The longest time to live: the low 40 bits.
    public static let maximumTTLMillis: Int64 = 0xff_ffff_ffff
    static let extendedMask = Int64(bitPattern: 0xff00_0000_0000_0000)
    static let extendedBitTTL: Int64 = 0x0000
    static let reservedBitsMask: Int64 = 0x00ff_ff00_0000_0000

    /// The owner field for a znode with this time to live.
    public static func owner(ttlMillis: Int64) -> Int64 {
        precondition(ttlMillis > 0 && ttlMillis <= maximumTTLMillis)
        return extendedMask | ttlMillis
    }

    /// - Parameter extendedTypesEnabled: without it, a TTL mark reads as a session id, as Apache's server reads it.
    public init(owner: Int64, extendedTypesEnabled: Bool) {
        if owner == 0 {
            self = .persistent
        } else if owner == Self.containerOwner {
            self = .container
        } else if extendedTypesEnabled, owner & Self.extendedMask == Self.extendedMask,
            owner & Self.reservedBitsMask == Self.extendedBitTTL
        {
            self = .ttl(millis: owner & Self.maximumTTLMillis)
        } else {
            self = .ephemeral(sessionId: owner)
        }
    }
}
