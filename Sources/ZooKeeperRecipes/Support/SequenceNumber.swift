/// The number that a server appends to a sequential znode's name: at least ten places, of 32 bits, and after the
/// largest comes the smallest.
struct SequenceNumber: Hashable, Sendable {
    var value: Int32
    /// The name without the number.
    var prefix: Substring

    /// nil when the name does not end with such a number.
    init?(_ name: String) {
        let bytes = name.utf8
        guard bytes.count >= 10 else { return nil }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let minus = UInt8(ascii: "-")
        var start = bytes.index(bytes.endIndex, offsetBy: -10)
        // Ten places hold negative numbers down to nine digits; larger ones have eleven.
        guard bytes[bytes.index(after: start)...].allSatisfy(digits.contains),
            digits.contains(bytes[start]) || bytes[start] == minus
        else { return nil }
        if bytes[start] != minus, start > bytes.startIndex {
            let before = bytes.index(before: start)
            if bytes[before] == minus, before > bytes.startIndex {
                // `lock-0000000001` is the first, `lock--2147483648` is negative: recipes' prefixes end with one
                // sign or underscore at most.
                let beforeThat = bytes[bytes.index(before: before)]
                if beforeThat == minus || beforeThat == UInt8(ascii: "_") { start = before }
            }
        }
        guard let value = Int32(name[start...]) else { return nil }
        self.value = value
        prefix = name[..<start]
    }

    /// Whether it was given away before another one; true across the overflow, as long as no one waits for 2^31 others.
    func precedes(_ other: SequenceNumber) -> Bool { value &- other.value < 0 }
}
