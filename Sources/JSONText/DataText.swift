/// A znode's data as text: JSON and terminals take no arbitrary bytes.
public enum DataText {
    /// The member `data` when the bytes are UTF-8, else `dataBase64`.
    public static func member(_ data: some Collection<UInt8>, alwaysBase64: Bool = false) -> JSONValue.Member {
        if !alwaysBase64, let text = String(validating: data, as: UTF8.self) {
            return JSONValue.Member("data", .string(text))
        }
        return JSONValue.Member("dataBase64", .string(base64(data)))
    }

    public static func base64(_ data: some Collection<UInt8>) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((data.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var pending = 0
        for byte in data {
            bits = bits << 8 | UInt32(byte)
            pending += 1
            guard pending == 3 else { continue }
            for shift in [18, 12, 6, 0] { text.append(alphabet[Int(bits >> UInt32(shift) & 63)]) }
            bits = 0
            pending = 0
        }
        if pending > 0 {
            bits <<= UInt32(8 * (3 - pending))
            for place in 0..<4 {
                text.append(place <= pending ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil when the text is no Base64 (RFC 4648, padded or not; white space is passed over).
    public static func fromBase64(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var pending = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { continue }
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = sextet(byte) else { return nil }
            bits = bits << 6 | value
            pending += 1
            guard pending == 4 else { continue }
            for shift in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift))) }
            bits = 0
            pending = 0
        }
        switch pending {
        case 0: return padding == 0 ? bytes : nil
        case 2 where padding == 0 || padding == 2: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3 where padding == 0 || padding == 1:
            bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
        default: return nil
        }
        return bytes
    }

    private static func sextet(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The first bytes between quotes, with what is not printable escaped (`\xff`, `\n`), for lines meant to be read.
    public static func preview(_ data: some Collection<UInt8>, maximumBytes: Int = 48) -> String {
        var text = "\""
        let shown = data.prefix(maximumBytes)
        if let string = String(validating: shown, as: UTF8.self) {
            for scalar in string.unicodeScalars { text += escaped(scalar) }
        } else {
            for byte in shown { text += byte < 0x80 ? escaped(Unicode.Scalar(byte)) : "\\x" + hexadecimal(byte) }
        }
        return text + (data.count > maximumBytes ? "\"..." : "\"")
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default:
            scalar.value < 0x20 || scalar.value == 0x7f
                ? "\\x" + hexadecimal(UInt8(scalar.value)) : String(Character(scalar))
        }
    }

    /// Two digits.
    public static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count == 2 ? digits : "0" + digits
    }
}
