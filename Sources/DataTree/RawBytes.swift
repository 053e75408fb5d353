#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Big-endian fields at unaligned addresses, as in a wire image.
extension UnsafeRawPointer {
    @inline(__always)
    func wireInt32(at offset: Int) -> Int32 { Int32(bigEndian: (self + offset).loadUnaligned(as: Int32.self)) }

    @inline(__always)
    func wireInt64(at offset: Int) -> Int64 { Int64(bigEndian: (self + offset).loadUnaligned(as: Int64.self)) }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func storeWire(_ value: Int32, at offset: Int) { (self + offset).storeBytes(of: value.bigEndian, as: Int32.self) }

    @inline(__always)
    func storeWire(_ value: Int64, at offset: Int) { (self + offset).storeBytes(of: value.bigEndian, as: Int64.self) }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a literal, which live as long as the process.
    init(_ literal: StaticString) {
        self.init(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }

    @inline(__always)
    func equals(_ other: UnsafeRawPointer) -> Bool {
        guard let base = baseAddress, count > 0 else { return true }
        return memcmp(base, other, count) == 0
    }

    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let base = other.baseAddress else { return true }
        return equals(base)
    }

    func starts(withBytes prefix: UnsafeRawBufferPointer) -> Bool {
        count >= prefix.count && prefix.equals(UnsafeRawBufferPointer(start: baseAddress, count: prefix.count))
    }

    func ends(withBytes suffix: UnsafeRawBufferPointer) -> Bool {
        count >= suffix.count && suffix.equals(self.suffix(from: count - suffix.count))
    }

    /// The first `length` bytes, without the bounds bookkeeping of a slice.
    @inline(__always)
    func prefix(length: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: baseAddress, count: length) }

    @inline(__always)
    func suffix(from offset: Int) -> UnsafeRawBufferPointer {
        guard let base = baseAddress else { return self }
        return UnsafeRawBufferPointer(start: base + offset, count: count - offset)
    }

    /// Where the last `/` is; nil without one.
    @inline(__always)
    var lastSlash: Int? {
        var offset = count
        while offset > 0 {
            offset -= 1
            if self[offset] == UInt8(ascii: "/") { return offset }
        }
        return nil
    }

    /// Length in UTF-16 units, which is how Java measures a path.
    var utf16Length: Int {
        var length = 0
        for byte in self {
            if byte & 0xc0 != 0x80 { length += 1 }
            if byte >= 0xf0 { length += 1 }
        }
        return length
    }
}
