/// A wyhash-like 64-bit hash of path bytes. Keyed by a random seed per tree, so that clients cannot aim collisions.
public enum PathHash {
    @usableFromInline static let secret: UInt64 = 0xa076_1d64_78bd_642f
    @usableFromInline static let multiplier: UInt64 = 0xe703_7ed1_a0b4_28db

    @inlinable @inline(__always)
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inlinable @inline(__always)
    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = bytes.count
        guard count > 0, let base = bytes.baseAddress else { return mix(secret, seed ^ multiplier) }
        var state = seed ^ secret
        var first: UInt64
        var second: UInt64
        if count <= 16 {
            if count >= 8 {
                first = base.loadUnaligned(as: UInt64.self)
                second = (base + (count - 8)).loadUnaligned(as: UInt64.self)
            } else if count >= 4 {
                first = UInt64(base.loadUnaligned(as: UInt32.self))
                second = UInt64((base + (count - 4)).loadUnaligned(as: UInt32.self))
            } else {
                first = UInt64(base.load(as: UInt8.self)) << 16
                first |= UInt64((base + (count >> 1)).load(as: UInt8.self)) << 8
                first |= UInt64((base + (count - 1)).load(as: UInt8.self))
                second = 0
            }
        } else {
            var offset = 0
            while offset + 16 < count {
                let low = (base + offset).loadUnaligned(as: UInt64.self)
                let high = (base + (offset + 8)).loadUnaligned(as: UInt64.self)
                state = mix(low ^ multiplier, high ^ state)
                offset += 16
            }
            first = (base + (count - 16)).loadUnaligned(as: UInt64.self)
            second = (base + (count - 8)).loadUnaligned(as: UInt64.self)
        }
        return mix(multiplier ^ UInt64(count), mix(first ^ multiplier, second ^ state))
    }

    /// A hash of a pair of indices, for tables keyed by two of them.
    @inline(__always)
    static func hash(_ left: UInt32, _ right: UInt32, seed: UInt64) -> UInt64 {
        mix((UInt64(left) << 32 | UInt64(right)) ^ secret, seed ^ multiplier)
    }
}
