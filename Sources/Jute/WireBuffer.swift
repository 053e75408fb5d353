#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A growable byte buffer that its owner fills from the back and drains from the front, in jute's wire form.
///
/// One owner; not thread-safe. Memory comes from malloc, so that the linked allocator's statistics count it.
@frozen
public struct WireBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawPointer?
    @usableFromInline var reserved: Int
    @usableFromInline var written: Int

    /// Bytes the storage can hold before it grows.
    @inlinable
    public var capacity: Int { reserved }

    /// Bytes written, counted from the start of the storage.
    @inlinable
    public var count: Int { written }

    @inlinable
    public init() {
        storage = nil
        reserved = 0
        written = 0
    }

    public init(capacity: Int) {
        precondition(capacity >= 0)
        storage = capacity > 0 ? malloc(capacity)! : nil
        reserved = capacity
        written = 0
    }

    deinit { free(storage) }

    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The bytes written so far. Valid until the next mutation.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: count) }

    /// The bytes written so far, for patching in place. Valid until the next mutation.
    @inlinable
    public var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: storage, count: count)
    }

    /// Forgets the content, keeps the memory.
    @inlinable
    public mutating func removeAll() { written = 0 }

    /// Forgets the content and gives the memory back.
    public mutating func release() {
        free(storage)
        storage = nil
        reserved = 0
        written = 0
    }

    /// Drops bytes from the front by moving the rest down.
    public mutating func removeFirst(_ amount: Int) {
        precondition(amount >= 0 && amount <= count)
        written -= amount
        if count > 0 { memmove(storage!, storage! + amount, count) }
    }

    /// Drops bytes from the back.
    @inlinable
    public mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count)
        written = newCount
    }

    @inlinable
    public mutating func reserve(_ extra: Int) {
        if capacity - count < extra { grow(extra) }
    }

    @usableFromInline
    mutating func grow(_ extra: Int) {
        precondition(extra >= 0)
        let wanted = max(count + extra, max(256, capacity * 2))
        guard let moved = realloc(storage, wanted) else {
            fatalError("out of memory: \(wanted) bytes for a wire buffer")
        }
        storage = moved
        reserved = wanted
    }

    /// Space for `amount` uninitialized bytes at the back, already counted. The caller must fill all of it.
    @inlinable
    public mutating func appendUninitialized(_ amount: Int) -> UnsafeMutableRawPointer {
        reserve(amount)
        let start = storage.unsafelyUnwrapped + count
        written += amount
        return start
    }

    @inlinable
    public mutating func append(byte: UInt8) {
        appendUninitialized(1).storeBytes(of: byte, as: UInt8.self)
    }

    @inlinable
    public mutating func append(bool: Bool) { append(byte: bool ? 1 : 0) }

    @inlinable
    public mutating func append(int32: Int32) {
        appendUninitialized(4).storeBytes(of: int32.bigEndian, as: Int32.self)
    }

    @inlinable
    public mutating func append(int64: Int64) {
        appendUninitialized(8).storeBytes(of: int64.bigEndian, as: Int64.self)
    }

    /// Raw bytes without a length.
    @inlinable
    public mutating func append(raw bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        memcpy(appendUninitialized(bytes.count), bytes.baseAddress!, bytes.count)
    }

    /// A length-prefixed buffer or string; nil writes length -1.
    @inlinable
    public mutating func append(buffer bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return append(int32: -1) }
        append(int32: Int32(bytes.count))
        append(raw: bytes)
    }

    /// A length-prefixed string; nil writes length -1.
    public mutating func append(string: String?) {
        guard var string else { return append(int32: -1) }
        string.withUTF8 { append(buffer: UnsafeRawBufferPointer($0)) }
    }

    /// Overwrites four bytes written before.
    @inlinable
    public mutating func patch(int32 value: Int32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count)
        (storage.unsafelyUnwrapped + offset).storeBytes(of: value.bigEndian, as: Int32.self)
    }

    /// Overwrites eight bytes written before.
    @inlinable
    public mutating func patch(int64 value: Int64, at offset: Int) {
        precondition(offset >= 0 && offset + 8 <= count)
        (storage.unsafelyUnwrapped + offset).storeBytes(of: value.bigEndian, as: Int64.self)
    }
}

/// A wire buffer is a unique owner of its memory, so it may move between threads.
extension WireBuffer: @unchecked Sendable {}
