/// What happened, as one number: equal seeds must give equal numbers. On demand also as readable lines.
public struct Trace {
    public enum Kind: UInt8 {
        case event, stream, streamBreak, election, electionLoss, disk, diskFault, power, client, fault, commit, role
    }

    /// FNV-1a over words.
    public private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Takes a line of the readable trace; nil for none.
    var sink: ((String) -> Void)?

    mutating func mix(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01b3 ^ (hash >> 47) }

    mutating func mix(_ kind: Kind, _ time: UInt64, _ first: Int64, _ second: Int64) {
        mix(UInt64(kind.rawValue))
        mix(time)
        mix(UInt64(bitPattern: first))
        mix(UInt64(bitPattern: second))
    }

    mutating func mix(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        while offset < bytes.count {
            mix(UInt64(bytes[offset]))
            offset += 1
        }
        mix(UInt64(bytes.count))
    }
}
