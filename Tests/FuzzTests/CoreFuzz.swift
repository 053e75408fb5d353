import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#endif

/// One run of damaged frames over fresh cores. One thread.
final class CoreFuzz {
    private var mutator: Mutator
    private let corpus: Corpus
    let journal = Journal()
    private(set) var delivered = 0
    private(set) var cores = 0
    private(set) var replies = 0
    private(set) var errors = 0
    private(set) var closes = 0
    private(set) var handshakes = 0
    private(set) var problems: [String] = []

    init(seed: UInt64) throws {
        corpus = try Corpus()
        mutator = Mutator(seed: seed, corpus: corpus.requests)
    }

    /// The znodes that the corpus speaks of.
    static func fill(_ core: FuzzCore) {
        let peer = core.connected()
        let paths = ["/f", "/f/a", "/f/b", "/f/b/c", "/f/container"]
        let answers = core.run(paths.map { .create($0, data: Array("seed".utf8)) }, on: peer)
        precondition(answers.count == paths.count)
        core.drop(peer)
    }

    /// Frames against one core, with another session that must be served within the same turn.
    func runOneCore(frames: Int) {
        let core = FuzzCore(seed: mutator.random.next())
        Self.fill(core)
        let bystander = core.connected()
        var victim = core.connected()
        let end = delivered + frames
        cores += 1
        while delivered < end, problems.isEmpty {
            victim = group(core, victim, bystander)
            if mutator.random.chance(1) {
                core.pass(millis: 5000)
                if victim.isEnded { victim = replaced(victim, core) }
                // What deletions took away comes back, so that frames go on meeting something.
                Self.fill(core)
            }
        }
    }

    /// A few frames in one turn or two, and the other session's request among them; the connection to go on with.
    private func group(_ core: FuzzCore, _ victim: FuzzCore.Peer, _ bystander: FuzzCore.Peer) -> FuzzCore.Peer {
        let count = Int.random(in: 1...8, using: &mutator.random)
        var bytes: [UInt8] = []
        for _ in 0..<count { bytes += ProtocolClient.framed(mutator.request()) }
        let hasOddLength = mutator.random.chance(2)
        if hasOddLength { damageLength(&bytes) }
        journal.write(bytes, number: delivered)
        delivered += count

        let cut = mutator.random.chance(20) ? Int.random(in: 0...bytes.count, using: &mutator.random) : bytes.count
        core.turn {
            victim.deliver(bytes[..<cut])
            let question = Request.getData("/f").payload(xid: 4711)
            bystander.deliver(ProtocolClient.framed(question)[...])
        }
        let answers = bystander.takeFrames()
        if answers.count != 1 || Array(answers[0].prefix(4)) != [0, 0, 0x12, 0x67] {
            problem("the other session got \(answers.count) replies in its turn")
        }
        if cut < bytes.count { core.turn { victim.deliver(bytes[cut...]) } }
        core.settle()
        tally(victim.takeFrames(), of: count, victim, mayBeIncomplete: hasOddLength)
        guard victim.isEnded || hasOddLength else { return victim }
        if victim.isEnded { closes += 1 }
        return replaced(victim, core)
    }

    private func tally(
        _ frames: [ArraySlice<UInt8>], of sent: Int, _ victim: FuzzCore.Peer, mayBeIncomplete: Bool
    ) {
        var answered = 0
        for frame in frames {
            let head = Array(frame.prefix(16))
            guard head.count == 16 else {
                problem("a reply of \(head.count) bytes")
                continue
            }
            if head[..<4].allSatisfy({ $0 == 0xff }) { continue }
            answered += 1
            if head[12...].contains(where: { $0 != 0 }) { errors += 1 }
        }
        replies += answered
        if mayBeIncomplete || victim.isEnded { return }
        if answered != sent { problem("\(sent) frames, \(answered) replies, and the connection stays") }
        if !victim.pending.isEmpty { problem("\(victim.pending.count) bytes of whole frames were not taken") }
    }

    /// Puts another length before one of the frames, or the last of them.
    private func damageLength(_ bytes: inout [UInt8]) {
        let length: Int32 = mutator.random.pick([
            -1, 0, 4, 7, 8, 9, 0x000f_ffff, 0x0010_0000, 0x03ff_ffff, 0x0400_0000, 0x0400_0001, .max, .min,
            Int32.random(in: 8...300, using: &mutator.random),
        ])
        withUnsafeBytes(of: length.bigEndian) { source in bytes.replaceSubrange(0..<4, with: source) }
    }

    /// Drops a connection; a few damaged handshakes, then one that is right.
    private func replaced(_ victim: FuzzCore.Peer, _ core: FuzzCore) -> FuzzCore.Peer {
        core.drop(victim)
        for _ in 0..<Int.random(in: 0...2, using: &mutator.random) {
            handshakes += 1
            let peer = FuzzCore.Peer(core.front)
            var bytes = ProtocolClient.framed(mutator.mutated(mutator.random.pick(corpus.handshakes)))
            if mutator.random.chance(20) { bytes = mutator.mutated(bytes) }
            journal.write(bytes, number: delivered)
            core.turn { peer.deliver(bytes[...]) }
            core.settle()
            let answers = peer.takeFrames().count
            if answers == 0, !peer.isEnded, peer.pending.isEmpty, !bytes.isEmpty { problem("a handshake without an answer") }
            core.drop(peer)
        }
        core.settle()
        return core.connected()
    }

    private func problem(_ text: String) {
        guard problems.count < 5 else { return }
        let journalText = journal.lastText
        problems.append(text)
        Issue.record("frame \(delivered): \(text); last delivered: \(journalText)")
    }
}

/// The bytes delivered last, in a file that a trap of this process leaves behind.
final class Journal {
    let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("corral-fuzz-\(getpid())-\(UInt32.random(in: 0 ... .max)).journal").path
    private let descriptor: Int32
    private var last: [UInt8] = []

    init() {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        precondition(descriptor >= 0, "cannot write \(path)")
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8], number: Int) {
        last = bytes
        let head = withUnsafeBytes(of: (Int64(number).bigEndian, Int64(bytes.count).bigEndian)) { Array($0) }
        let record = head + bytes
        _ = record.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    var lastText: String { last.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
