import TestSupport
import ZooKeeperProtocol

/// Damages frames in the ways that break decoders. The same seed gives the same frames.
struct Mutator {
    var random: SeededGenerator
    private let seeds: [[UInt8]]
    private static let longest = 4096

    init(seed: UInt64, seeds: [Corpus.Seed]) {
        random = SeededGenerator(seed: seed)
        self.seeds = seeds.map(\.payload)
    }

    /// Numbers at the edges of what lengths, counts, versions, types, flags and opcodes may be.
    private static let edges: [Int32] = [
        -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 31, 100, 127, 128, 255, 256, 1000, 4095, 0x7fff, 0xffff, 0xfffff,
        0x100000, 0x3fff_ffff, 0x4000_0000, .max, 0x7fff_fff0, .min, -0x7fff_ffff, -2, -3, -4, -8, -10, -11, -100, 101,
        102, 103, 104, 105, 106, 107,
    ]

    /// A frame's content, without its length: at least 8 bytes, never with the xid of notifications, so that every
    /// one of them calls for one reply that can be told apart.
    mutating func request() -> [UInt8] {
        let original = random.pick(seeds)
        var payload = mutated(original)
        // Mostly an opcode that exists: behind an unknown one nothing is decoded.
        if random.chance(75), payload.count >= 8 { payload.replaceSubrange(4..<8, with: original[4..<8]) }
        while payload.count < 8 { payload.append(UInt8.random(in: 0...255, using: &random)) }
        if payload[..<4].allSatisfy({ $0 == 0xff }) { payload[3] = 1 }
        return payload
    }

    /// A whole frame of any content; one in a hundred has a length that lies.
    mutating func frame() -> [UInt8] {
        let content = random.chance(50) ? request() : mutated(random.pick(seeds))
        guard random.chance(1) else { return ProtocolClient.framed(content) }
        return bytes(of: random.pick(Self.edges)) + content
    }

    /// Changed in up to six places. One in ten stays whole: mutations should meet a state that valid requests made.
    mutating func mutated(_ original: [UInt8]) -> [UInt8] {
        var changed = original
        let count = random.chance(10) ? 0 : random.pick([1, 1, 1, 1, 2, 2, 3, 4, 6])
        for _ in 0..<count { mutate(&changed) }
        return changed
    }

    private mutating func mutate(_ payload: inout [UInt8]) {
        guard !payload.isEmpty else {
            payload = [UInt8.random(in: 0...255, using: &random)]
            return
        }
        let at = Int.random(in: 0..<payload.count, using: &random)
        switch Int.random(in: 0..<13, using: &random) {
        case 0: payload[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1:
            let any = UInt8.random(in: 0...255, using: &random)
            payload[at] = random.pick([0, 0xff, 0x7f, 0x80, UInt8(ascii: "/"), any])
        case 2, 3: overwrite(&payload, at: at, with: random.pick(Self.edges))
        case 4: overwrite(&payload, at: at & ~3, with: random.pick(Self.edges))
        case 5: payload.removeSubrange(at...)
        case 6: payload.removeSubrange(at..<min(payload.count, at + Int.random(in: 1...8, using: &random)))
        case 7:
            let length = random.pick([1, 2, 4, 8, 100])
            payload.insert(contentsOf: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }, at: at)
        case 8:
            // A piece of the frame again: parts of multis, elements of lists.
            let end = Int.random(in: at..<payload.count, using: &random)
            let times = random.pick([1, 1, 2, 30])
            for _ in 0..<times where payload.count < Self.longest {
                payload.insert(contentsOf: payload[at...end], at: end)
            }
        case 9:
            let other = random.pick(seeds)
            payload = Array(payload[..<at]) + other[min(at, other.count)...]
        case 10:
            // Another request's header over this body.
            payload.replaceSubrange(..<min(8, payload.count), with: random.pick(seeds).prefix(8))
        case 11: payload.insert(contentsOf: random.pick(seeds).dropFirst(8), at: at)
        default: overwrite(&payload, at: 4, with: random.pick(OpCode.allCases).rawValue)
        }
        if payload.count > Self.longest { payload.removeSubrange(Self.longest...) }
    }

    private func bytes(of number: Int32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private func overwrite(_ payload: inout [UInt8], at: Int, with number: Int32) {
        for (index, byte) in bytes(of: number).enumerated() where at + index < payload.count {
            payload[at + index] = byte
        }
    }
}
