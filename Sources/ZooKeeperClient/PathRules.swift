/// What a path must look like (`PathUtils.validatePath`), checked here so that a mistake is an error with words.
enum PathRules {
    /// What is wrong with a path; nil when nothing is.
    ///
    /// - Parameter isSequential: the server will append a number, so the path may end with a slash.
    static func problem(with path: String, isSequential: Bool = false) -> String? {
        var path = path
        return path.withUTF8 { bytes in
            guard bytes.first == UInt8(ascii: "/") else { return "must begin with a slash" }
            if bytes.count == 1 { return nil }
            var start = 1
            for index in 1..<bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: "/") {
                    if let problem = problem(withName: bytes, start..<index) { return problem }
                    start = index + 1
                } else if byte < 0x20 || byte == 0x7f {
                    return "has a control character at byte \(index)"
                } else if byte >= 0xc2, let problem = problem(withScalarAt: index, in: bytes) {
                    return problem
                }
            }
            if start == bytes.count { return isSequential ? nil : "must not end with a slash" }
            return problem(withName: bytes, start..<bytes.count)
        }
    }

    private static func problem(withName bytes: UnsafeBufferPointer<UInt8>, _ name: Range<Int>) -> String? {
        let dot = UInt8(ascii: ".")
        switch name.count {
        case 0: return "has an empty name at byte \(name.lowerBound)"
        case 1 where bytes[name.lowerBound] == dot: return "must not be relative"
        case 2 where bytes[name.lowerBound] == dot && bytes[name.lowerBound + 1] == dot: return "must not be relative"
        default: return nil
        }
    }

    /// C1 controls, private use, the specials at the end of the basic plane and everything beyond that plane are
    /// refused by servers, because Apache's check sees UTF-16.
    private static func problem(withScalarAt index: Int, in bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let second: UInt8 = index + 1 < bytes.count ? bytes[index + 1] : 0
        let third: UInt8 = index + 2 < bytes.count ? bytes[index + 2] : 0
        let refused =
            switch bytes[index] {
            case 0xc2: second < 0xa0
            case 0xee, 0xf0...: true
            case 0xef: second < 0xa4 || second == 0xbf && third >= 0xb0
            default: false
            }
        return refused ? "has a character that znode names must not have at byte \(index)" : nil
    }
}
