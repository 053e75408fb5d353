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
    private let handshakeSeeds: [Corpus.Seed]
    let journal = Journal()
    private(set) var delivered = 0
    private(set) var cores = 0
    private(set) var replies = 0
    private(set) var errors = 0
    private(set) var closes = 0
    private(set) var handshakes = 0
    private(set) var problems: [String] = []

    init(seed: UInt64) throws {
        let corpus = try Corpus.load()
        mutator = Mutator(seed: seed, seeds: corpus.requests)
        handshakeSeeds = corpus.handshakes
    }

    /// Frames against one core, with another session that must be served within the same turn.
    func runOneCore(frames: Int) {
        let core = CoreTarget(seed: mutator.random.next())
        core.fill()
        let bystander = core.connect()
        var victim = core.connect()
        let end = delivered + frames
        cores += 1
        while delivered < end, problems.isEmpty {
            victim = group(core, victim, bystander)
            if mutator.random.chance(1) {
                core.pass(millis: 5000)
                if victim.isEnded { victim = replaced(victim, core) }
                // What deletions took away comes back, so that frames go on meeting something.
                core.fill()
            }
        }
    }

    /// A few frames in one turn or two, and the other session's request among them; the connection to go on with.
    private func group(_ core: CoreTarget, _ victim: CoreTarget.Client, _ bystander: CoreTarget.Client)
        -> CoreTarget.Client
    {
        let requests = (0..<Int.random(in: 1...8, using: &mutator.random)).map { _ in mutator.request() }
        var bytes = requests.flatMap(ProtocolClient.framed)
        let hasOddLength = mutator.random.chance(2)
        if hasOddLength { damageLength(&bytes) }
        journal.write(bytes, number: delivered)
        delivered += requests.count

        let cut = mutator.random.chance(20) ? Int.random(in: 0...bytes.count, using: &mutator.random) : bytes.count
        core.turn {
            victim.deliver(bytes[..<cut])
            bystander.deliver(ProtocolClient.framed(Request.getData("/").payload(xid: 4711)))
        }
        let answers = bystander.takeFrames()
        if answers.count != 1 || answers[0].prefix(4) != [0, 0, 0x12, 0x67] {
            problem("the other session got \(answers.count) replies in its turn")
        }
        if cut < bytes.count { core.turn { victim.deliver(bytes[cut...]) } }
        core.settle()
        let frames = victim.takeFrames()
        tally(frames)
        if !hasOddLength {
            if let wrong = ExpectedReplies(to: requests).problem(with: frames, hasEnded: victim.isEnded) {
                problem(wrong)
            }
            if !victim.isEnded, !victim.pending.isEmpty {
                problem("\(victim.pending.count) bytes of whole frames were not taken")
            }
        }
        guard victim.isEnded || hasOddLength else { return victim }
        if victim.isEnded { closes += 1 }
        return replaced(victim, core)
    }

    private func tally(_ frames: [[UInt8]]) {
        for frame in frames where frame.count >= 16 && !ExpectedReplies.isNotification(frame) {
            replies += 1
            if frame[12..<16].contains(where: { $0 != 0 }) { errors += 1 }
        }
    }

    /// Another length before the first of the frames.
    private func damageLength(_ bytes: inout [UInt8]) {
        let length: Int32 = mutator.random.pick([
            -1, 0, 4, 7, 8, 9, 0x000f_ffff, 0x0010_0000, 0x03ff_ffff, 0x0400_0000, 0x0400_0001, .max, .min,
            Int32.random(in: 8...300, using: &mutator.random),
        ])
        withUnsafeBytes(of: length.bigEndian) { source in bytes.replaceSubrange(0..<4, with: source) }
    }

    /// Drops a connection; a few damaged handshakes, then one that is right.
    private func replaced(_ victim: CoreTarget.Client, _ core: CoreTarget) -> CoreTarget.Client {
        core.drop(victim)
        for _ in 0..<Int.random(in: 0...2, using: &mutator.random) {
            handshakes += 1
            let client = core.accept()
            var bytes = ProtocolClient.framed(mutator.mutated(mutator.random.pick(handshakeSeeds).payload))
            if mutator.random.chance(20) { bytes = mutator.mutated(bytes) }
            journal.write(bytes, number: delivered)
            core.turn { client.deliver(bytes) }
            core.settle()
            if client.takeFrames().isEmpty, !client.isEnded, client.pending.isEmpty, !bytes.isEmpty {
                problem("a handshake without an answer")
            }
            core.drop(client)
        }
        core.settle()
        return core.connect()
    }

    private func problem(_ text: String) {
        guard problems.count < 5 else { return }
        problems.append(text)
        Issue.record("frame \(delivered): \(text); last delivered: \(journal.lastText)")
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
