import TestSupport

/// Damages valid frames in the ways that break decoders. The same seed gives the same frames.
struct Mutator {
    var random: SeededGenerator
    let corpus: [[UInt8]]
    private static let longest = 4096

    init(seed: UInt64, corpus: [[UInt8]]) {
        random = SeededGenerator(seed: seed)
        self.corpus = corpus
    }

    /// A frame's content, without its length: at least 8 bytes, never with the xid of notifications, so that every
    /// one of them calls for one reply that can be told apart.
    mutating func request() -> [UInt8] {
        let original = random.pick(corpus)
        var frame = mutated(original)
        // Mostly an opcode that exists: behind an unknown one nothing is decoded.
        if random.chance(75), frame.count >= 8 { frame.replaceSubrange(4..<8, with: original[4..<8]) }
        while frame.count < 8 { frame.append(UInt8.random(in: 0...255, using: &random)) }
        if frame[..<4].allSatisfy({ $0 == 0xff }) { frame[3] = 1 }
        return frame
    }

    mutating func mutated(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        // One in ten stays whole: mutations should meet a state that valid requests have made.
        let count = random.chance(10) ? 0 : random.pick([1, 1, 1, 1, 2, 2, 3, 6])
        for _ in 0..<count { mutate(&bytes) }
        return bytes
    }

    /// Numbers at the edges of what lengths, counts, versions, types and flags may be.
    private static let edges: [Int32] = [
        -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 31, 127, 128, 255, 256, 1000, 4095, 65_535, 0x000f_ffff, 0x0010_0000,
        0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x7fff_fff0, .min, -2, -3, -4, -8, -100, 100, 101, 105,
    ]

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = [UInt8.random(in: 0...255, using: &random)]
            return
        }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: bytes[at] = random.pick([0, 0xff, 0x7f, 0x80, UInt8(ascii: "/"), UInt8.random(in: 0...255, using: &random)])
        case 2, 3: overwrite(&bytes, at: at, with: random.pick(Self.edges))
        case 4: overwrite(&bytes, at: at & ~3, with: random.pick(Self.edges))
        case 5: bytes.removeSubrange(at...)
        case 6: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...8, using: &random)))
        case 7:
            let length = random.pick([1, 2, 4, 8, 100])
            bytes.insert(contentsOf: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }, at: at)
        case 8:
            // A piece of the frame again: parts of multis, elements of lists.
            let end = Int.random(in: at..<bytes.count, using: &random)
            let times = random.pick([1, 1, 2, 30])
            for _ in 0..<times where bytes.count < Self.longest { bytes.insert(contentsOf: bytes[at...end], at: end) }
        case 9:
            let other = random.pick(corpus)
            bytes = Array(bytes[..<at]) + other[min(at, other.count)...]
        case 10:
            // Another request's header over this body.
            let other = random.pick(corpus)
            bytes.replaceSubrange(..<min(8, bytes.count), with: other.prefix(8))
        default:
            let other = random.pick(corpus)
            bytes.insert(contentsOf: other.dropFirst(8), at: at)
        }
        if bytes.count > Self.longest { bytes.removeSubrange(Self.longest...) }
    }

    private func overwrite(_ bytes: inout [UInt8], at: Int, with number: Int32) {
        withUnsafeBytes(of: number.bigEndian) { source in
            for (index, byte) in source.enumerated() where at + index < bytes.count { bytes[at + index] = byte }
        }
    }
}
