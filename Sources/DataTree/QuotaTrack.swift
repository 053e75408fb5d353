import Jute

/// The numbers in a quota znode's data, `count=3,bytes=5=;byteHardLimit=9;countHardLimit=4`
/// (`StatsTrack` of ZooKeeper 3.9). -1 means not given.
public struct QuotaTrack: Equatable, Sendable {
    public var count: Int64 = -1
    public var bytes: Int64 = -1
    public var countHardLimit: Int64?
    public var byteHardLimit: Int64?

    public init() {}

    /// Reads pairs separated by `,` or `;`. What does not parse is left out.
    public init(_ data: UnsafeRawBufferPointer?) {
        guard let data else { return }
        var start = 0
        for position in 0...data.count {
            let atEnd = position == data.count
            guard atEnd || data[position] == UInt8(ascii: ",") || data[position] == UInt8(ascii: ";") else { continue }
            read(pair: UnsafeRawBufferPointer(rebasing: data[start..<position]))
            start = position + 1
        }
    }

    private mutating func read(pair: UnsafeRawBufferPointer) {
        guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return }
        let key = pair.prefix(length: equals)
        guard let value = Self.number(pair.suffix(from: equals + 1)) else { return }
        if key.equals(UnsafeRawBufferPointer("count")) {
            count = value
        } else if key.equals(UnsafeRawBufferPointer("bytes")) {
            bytes = value
        } else if key.equals(UnsafeRawBufferPointer("countHardLimit")) {
            countHardLimit = value
        } else if key.equals(UnsafeRawBufferPointer("byteHardLimit")) {
            byteHardLimit = value
        }
    }

    /// A decimal number, up to a further `=` (old readers need one after the bytes). Empty is -1.
    private static func number(_ text: UnsafeRawBufferPointer) -> Int64? {
        var value: Int64 = 0
        var negative = false
        var digits = 0
        for (position, byte) in text.enumerated() {
            if byte == UInt8(ascii: "=") { break }
            if position == 0, byte == UInt8(ascii: "-") {
                negative = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
            digits += 1
        }
        if digits == 0 { return negative ? nil : -1 }
        return negative ? -value : value
    }

    /// The text, keys in the order that old readers need.
    public func encode(to buffer: inout WireBuffer) {
        Self.append("count=", count, to: &buffer)
        Self.append(",bytes=", bytes, to: &buffer)
        if byteHardLimit != nil || countHardLimit != nil { buffer.append(raw: UnsafeRawBufferPointer("=")) }
        if let byteHardLimit { Self.append(";byteHardLimit=", byteHardLimit, to: &buffer) }
        if let countHardLimit { Self.append(";countHardLimit=", countHardLimit, to: &buffer) }
    }

    private static func append(_ key: StaticString, _ value: Int64, to buffer: inout WireBuffer) {
        buffer.append(raw: UnsafeRawBufferPointer(key))
        var text = String(value)
        text.withUTF8 { buffer.append(raw: UnsafeRawBufferPointer($0)) }
    }
}
