/// The rules for znode paths, on raw UTF-8, as ZooKeeper's `PathUtils.validatePath` has them on UTF-16.
public enum PathRules {
    @usableFromInline static let slash = UInt8(ascii: "/")
    @usableFromInline static let dot = UInt8(ascii: ".")

    /// Whether a path may name a znode.
    public static func isValid(_ path: UnsafeRawBufferPointer) -> Bool {
        let count = path.count
        guard count > 0, path[0] == slash else { return false }
        if count == 1 { return true }
        if path[count - 1] == slash { return false }
        var index = 1
        var componentStart = 1
        while index < count {
            let byte = path[index]
            if byte == slash {
                if !componentIsValid(path, componentStart, index) { return false }
                componentStart = index + 1
                index += 1
            } else if byte >= 0x80 {
                guard let length = validScalarLength(path, at: index) else { return false }
                index += length
            } else {
                if byte <= 0x1f || byte == 0x7f { return false }
                index += 1
            }
        }
        return componentIsValid(path, componentStart, count)
    }

    private static func componentIsValid(_ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        let length = end - start
        if length == 0 { return false }
        if length == 1, path[start] == dot { return false }
        if length == 2, path[start] == dot, path[start + 1] == dot { return false }
        return true
    }

    /// The length of the multi-byte scalar at an index; nil when malformed or outside what paths may hold.
    ///
    /// Apache's check runs over UTF-16 units, so it refuses 0x7f to 0x9f, surrogates (hence every scalar beyond the
    /// basic plane), the private use area and 0xfff0 to 0xffff.
    private static func validScalarLength(_ path: UnsafeRawBufferPointer, at index: Int) -> Int? {
        let first = path[index]
        let length: Int
        var scalar: UInt32
        if first & 0xe0 == 0xc0 {
            (length, scalar) = (2, UInt32(first & 0x1f))
        } else if first & 0xf0 == 0xe0 {
            (length, scalar) = (3, UInt32(first & 0x0f))
        } else {
            return nil
        }
        guard index + length <= path.count else { return nil }
        for offset in 1..<length {
            let next = path[index + offset]
            guard next & 0xc0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(next & 0x3f)
        }
        if length == 2 ? scalar < 0x80 : scalar < 0x800 { return nil }
        if scalar <= 0x9f || (0xd800...0xf8ff).contains(scalar) || scalar >= 0xfff0 { return nil }
        return length
    }

    /// The bytes before the last slash; empty for children of the root. Nil when there is no slash or a NUL.
    @inlinable
    public static func parent(of path: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var lastSlash = -1
        for index in 0..<path.count {
            let byte = path[index]
            if byte == slash { lastSlash = index }
            if byte == 0 { return nil }
        }
        guard lastSlash >= 0 else { return nil }
        return UnsafeRawBufferPointer(rebasing: path[0..<lastSlash])
    }

    /// The nodes that the server itself owns and no client may delete.
    public static func isReserved(_ path: UnsafeRawBufferPointer) -> Bool {
        guard path.count <= 17 else { return false }
        return equals(path, "/") || equals(path, "/zookeeper") || equals(path, "/zookeeper/quota")
            || equals(path, "/zookeeper/config")
    }

    static func equals(_ path: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        guard path.count == literal.utf8CodeUnitCount else { return false }
        for index in 0..<path.count where path[index] != literal.utf8Start[index] { return false }
        return true
    }
}
