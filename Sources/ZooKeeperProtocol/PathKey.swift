/// A path as servers know it, as a key: equal are those of equal bytes, in the order of their bytes.
///
/// Swift's strings are equal when they look equal, and `é` has two spellings. To servers these are two znodes.
package struct PathKey: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: PathKey, right: PathKey) -> Bool { left.text.hasSameBytes(as: right.text) }

    package static func < (left: PathKey, right: PathKey) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}

extension StringProtocol where UTF8View: BidirectionalCollection {
    /// Where the last name of a path has its slash. As a character it may not be there: a name may begin with an
    /// accent, which makes one character with the slash before it.
    package var lastSlash: Index? { utf8.lastIndex(of: UInt8(ascii: "/")) }

    /// The names of a path.
    package var pathNames: [String] {
        utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }
}
