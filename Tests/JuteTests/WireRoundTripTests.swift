import Jute
import Testing

@Suite("Wire primitives")
struct WireRoundTripTests {
    @Test("every primitive reads back as written")
    func roundTrip() throws {
        var buffer = WireBuffer()
        buffer.append(int32: -7)
        buffer.append(int64: 0x0102_0304_0506_0708)
        buffer.append(bool: true)
        buffer.append(string: "znode")
        buffer.append(string: nil)
        var reader = JuteReader(buffer.bytes)
        #expect(try reader.readInt32() == -7)
        #expect(try reader.readInt64() == 0x0102_0304_0506_0708)
        #expect(try reader.readBool())
        #expect(try reader.readString() == "znode")
        #expect(try reader.readString() == nil)
        #expect(reader.remaining == 0)
    }

    @Test("every truncation of a record is refused", arguments: 0..<17)
    func truncation(length: Int) {
        var buffer = WireBuffer()
        buffer.append(int64: 1)
        buffer.append(string: "hello")
        var reader = JuteReader(UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<length]))
        #expect(throws: JuteError.truncated) {
            _ = try reader.readInt64()
            _ = try reader.readString()
        }
    }

    @Test("hostile lengths are refused before memory is reserved")
    func hostileLengths() {
        var buffer = WireBuffer()
        buffer.append(int32: -2)
        buffer.append(int32: .max)
        var reader = JuteReader(buffer.bytes)
        #expect(throws: JuteError.badLength) { _ = try reader.readBuffer() }
        #expect(throws: JuteError.badLength) { _ = try reader.readVectorCount(minimumElementSize: 4) }
    }
}
