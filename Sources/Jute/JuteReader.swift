/// What is wrong with bytes that claim to be a jute record.
public enum JuteError: Error, Equatable, Sendable {
    /// The record asks for more bytes than its frame holds.
    case truncated
    /// A string, buffer or vector has a length below -1, or one that cannot fit in what is left of the frame.
    case badLength
    /// A string is not UTF-8.
    case notUTF8
    /// A string that must be there is null.
    case unexpectedNull
}

/// A bounds-checked cursor over borrowed bytes in jute's wire form (big-endian, length-prefixed).
///
/// The bytes must outlive the cursor and everything it hands out: buffers and strings are views, not copies.
@frozen
public struct JuteReader {
    /// Where the next read starts.
    public var position: UnsafeRawPointer
    /// One past the last readable byte.
    public let end: UnsafeRawPointer

    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no base address; any non-null pointer serves, because nothing can be read.
        let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        position = base
        end = base + bytes.count
    }

    /// Bytes not yet read.
    @inlinable
    public var remaining: Int { end - position }

    /// Everything not yet read, as a view.
    @inlinable
    public var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: position, count: remaining) }

    @inlinable
    public mutating func skip(_ count: Int) throws(JuteError) {
        guard count >= 0, remaining >= count else { throw .truncated }
        position += count
    }

    @inlinable
    public mutating func readByte() throws(JuteError) -> UInt8 {
        guard remaining >= 1 else { throw .truncated }
        defer { position += 1 }
        return position.load(as: UInt8.self)
    }

    @inlinable
    public mutating func readBool() throws(JuteError) -> Bool { try readByte() != 0 }

    @inlinable
    public mutating func readInt32() throws(JuteError) -> Int32 {
        guard remaining >= 4 else { throw .truncated }
        defer { position += 4 }
        return Int32(bigEndian: position.loadUnaligned(as: Int32.self))
    }

    @inlinable
    public mutating func readInt64() throws(JuteError) -> Int64 {
        guard remaining >= 8 else { throw .truncated }
        defer { position += 8 }
        return Int64(bigEndian: position.loadUnaligned(as: Int64.self))
    }

    /// A length-prefixed buffer; nil when the length is -1 (jute's null).
    @inlinable
    public mutating func readBuffer() throws(JuteError) -> UnsafeRawBufferPointer? {
        let length = try Int(readInt32())
        if length == -1 { return nil }
        guard length >= 0 else { throw .badLength }
        guard remaining >= length else { throw .truncated }
        defer { position += length }
        return UnsafeRawBufferPointer(start: position, count: length)
    }

    /// A length-prefixed string as raw bytes; a null string reads as empty. The bytes are not checked to be UTF-8.
    @inlinable
    public mutating func readStringBytes() throws(JuteError) -> UnsafeRawBufferPointer {
        if let bytes = try readBuffer() { return bytes }
        return UnsafeRawBufferPointer(start: position, count: 0)
    }

    /// A length-prefixed string, copied; nil when null.
    public mutating func readString() throws(JuteError) -> String? {
        guard let bytes = try readBuffer() else { return nil }
        guard let string = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return string
    }

    /// A vector's element count; nil when null (-1).
    ///
    /// - Parameter minimumElementSize: the fewest bytes one element can take. A count that could not fit in what
    ///   is left of the frame is refused here, so that a hostile count never reserves memory.
    @inlinable
    public mutating func readVectorCount(minimumElementSize: Int) throws(JuteError) -> Int? {
        let count = try Int(readInt32())
        if count == -1 { return nil }
        guard count >= 0, count <= remaining / max(1, minimumElementSize) else { throw .badLength }
        return count
    }
}
