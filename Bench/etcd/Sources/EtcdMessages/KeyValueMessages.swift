/// A read of one key: `RangeRequest` of kv.proto.
public struct RangeRequest {
    public var key: [UInt8]
    public var serializable: Bool

    public init(key: [UInt8], serializable: Bool) {
        self.key = key
        self.serializable = serializable
    }

    public var size: Int { 1 + varintSize(key.count) + key.count + (serializable ? 2 : 0) }

    /// - Parameter target: room of `size` bytes.
    public func write(to target: UnsafeMutableRawBufferPointer) {
        var writer = WireWriter(target)
        writer.bytes(1, key)
        if serializable {
            writer.tag(7, wireType: 0)
            writer.varint(1)
        }
    }
}

/// A write of one key: `PutRequest` of kv.proto, its value stamped in place.
public struct PutRequest {
    public var key: [UInt8]
    /// What the value is made of behind its stamp.
    public var filler: [UInt8]
    public var stamp: ValueStamp

    public init(key: [UInt8], filler: [UInt8], stamp: ValueStamp) {
        self.key = key
        self.filler = filler
        self.stamp = stamp
    }

    public var size: Int {
        2 + varintSize(key.count) + key.count + varintSize(filler.count) + filler.count
    }

    /// - Parameter target: room of `size` bytes.
    public func write(to target: UnsafeMutableRawBufferPointer) {
        var writer = WireWriter(target)
        writer.bytes(1, key)
        writer.tag(2, wireType: 2)
        writer.varint(filler.count)
        let value = writer.room(filler.count)
        value.copyBytes(from: filler)
        stamp.write(to: value)
    }
}

/// What is read of an answer.
public enum Answer {
    /// No message, or one that lacks what it must have.
    public struct Malformed: Error {}

    /// A key as it was read: when it changed last and what is in it.
    public struct Value: Equatable, Sendable {
        public var modRevision: Int64
        public var length: Int
        /// nil when the value is none that this program writes.
        public var stamp: ValueStamp?

        public init(modRevision: Int64, length: Int, stamp: ValueStamp?) {
            self.modRevision = modRevision
            self.length = length
            self.stamp = stamp
        }
    }

    /// The revision that a put made.
    public static func putRevision(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int64 {
        do {
            var reader = WireReader(bytes)
            while let (number, field) = try reader.next() {
                guard number == 1, case .bytes(let range) = field else { continue }
                var header = WireReader(bytes, in: range)
                while let (number, field) = try header.next() {
                    if number == 3, case .varint(let revision) = field { return Int64(bitPattern: revision) }
                }
            }
        } catch {
            throw Malformed()
        }
        throw Malformed()
    }

    /// The first key of a range; nil when there is none.
    public static func value(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Value? {
        do {
            var reader = WireReader(bytes)
            while let (number, field) = try reader.next() {
                guard number == 2, case .bytes(let range) = field else { continue }
                return try keyValue(bytes, in: range)
            }
        } catch {
            throw Malformed()
        }
        return nil
    }

    private static func keyValue(
        _ bytes: UnsafeRawBufferPointer, in range: Range<Int>
    ) throws(WireReader.Failure) -> Value {
        var value = Value(modRevision: 0, length: 0, stamp: nil)
        var reader = WireReader(bytes, in: range)
        while let (number, field) = try reader.next() {
            switch (number, field) {
            case (3, .varint(let revision)): value.modRevision = Int64(bitPattern: revision)
            case (5, .bytes(let range)):
                value.length = range.count
                value.stamp = ValueStamp(UnsafeRawBufferPointer(rebasing: bytes[range]))
            default: continue
            }
        }
        return value
    }
}
