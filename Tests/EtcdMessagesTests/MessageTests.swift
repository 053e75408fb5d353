import EtcdMessages
import Testing

/// The codec of kv.proto against bytes written out by hand from protocol buffers' rules.
struct MessageTests {
    private func bytes(_ size: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: size)
        bytes.withUnsafeMutableBytes { write($0) }
        return bytes
    }

    // Untyped throws: the compiler does not survive these with typed ones.
    private func readValue(_ message: [UInt8]) throws -> Answer.Value? {
        try message.withUnsafeBytes { bytes throws -> Answer.Value? in try Answer.value(bytes) }
    }

    private func putRevision(_ message: [UInt8]) throws -> Int64 {
        try message.withUnsafeBytes { bytes throws -> Int64 in try Answer.putRevision(bytes) }
    }

    @Test("a serializable read is key and flag, a linearizable one the key alone")
    func rangeRequest() {
        let serializable = RangeRequest(key: Array("ab".utf8), serializable: true)
        #expect(bytes(serializable.size) { serializable.write(to: $0) } == [0x0a, 2, 0x61, 0x62, 0x38, 1])
        let linearizable = RangeRequest(key: Array("ab".utf8), serializable: false)
        #expect(bytes(linearizable.size) { linearizable.write(to: $0) } == [0x0a, 2, 0x61, 0x62])
    }

    @Test("a put carries its key and a stamped value", arguments: [24, 127, 128, 1024, 20_000])
    func putRequest(valueBytes: Int) throws {
        let stamp = ValueStamp(connection: 7, sequence: 41)
        let request = PutRequest(key: [1, 2, 3], filler: [UInt8](repeating: 65, count: valueBytes), stamp: stamp)
        let message = bytes(request.size) { request.write(to: $0) }
        #expect(Array(message[..<5]) == [0x0a, 3, 1, 2, 3])
        #expect(message[5] == 0x12)
        let value = Array(message.suffix(valueBytes))
        #expect(value.withUnsafeBytes { ValueStamp($0) } == stamp)
        // The length in one to three bytes between them, the last without the mark that more follow.
        let length = message[6..<message.count - valueBytes]
        #expect(length.reversed().reduce(0) { $0 << 7 | Int($1 & 0x7f) } == valueBytes)
        #expect(length.last! & 0x80 == 0)
    }

    /// A key-value as etcd writes it: all its fields.
    private func keyValue(_ value: [UInt8], modRevision: UInt8) -> [UInt8] {
        [0x0a, 1, 0x6b, 0x10, 2, 0x18, modRevision, 0x20, 3, 0x2a, UInt8(value.count)] + value
    }

    @Test func readsAnswers() throws {
        var value = [UInt8](repeating: 66, count: 40)
        let stamp = ValueStamp(connection: 1, sequence: 300)
        value.withUnsafeMutableBytes { stamp.write(to: $0) }
        let pair = keyValue(value, modRevision: 9)
        let header: [UInt8] = [0x0a, 7, 0x08, 0x96, 1, 0x18, 0xac, 0x02, 0x20]
        let range = header + [5, 0x12, UInt8(pair.count)] + pair + [0x20, 1]
        // The header is 8 bytes: cluster, revision 300, term.
        var whole = range
        whole[1] = 8
        let read = try readValue(whole)
        #expect(read == Answer.Value(modRevision: 9, length: 40, stamp: stamp))
        let put = Array(whole[..<10])
        let revision = try putRevision(put)
        #expect(revision == 300)
        let none = try readValue(put)
        #expect(none == nil)
    }

    @Test("an answer cut short anywhere is refused, or lacks its value")
    func cutShort() throws {
        let pair = keyValue([UInt8](repeating: 1, count: 30), modRevision: 4)
        let whole = [0x12, UInt8(pair.count)] + pair
        for count in 1..<whole.count {
            let part = Array(whole[..<count])
            #expect(throws: Answer.Malformed.self) { try readValue(part) }
        }
        #expect(throws: Answer.Malformed.self) { try putRevision([]) }
    }

    @Test("a stamp shows any changed byte of it, and a value cut short")
    func stampsShowDamage() {
        var value = [UInt8](repeating: 67, count: 64)
        value.withUnsafeMutableBytes { ValueStamp(connection: 3, sequence: 5).write(to: $0) }
        for index in Array(0..<24) + Array(56..<64) {
            var damaged = value
            damaged[index] ^= 0x10
            #expect(damaged.withUnsafeBytes { ValueStamp($0) } == nil, "byte \(index)")
        }
        #expect(Array(value[..<63]).withUnsafeBytes { ValueStamp($0) } == nil)
    }
}
