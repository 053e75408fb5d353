import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// Damaged frames against the core in this process. A trap ends the test process; the seed, and the frames last
/// delivered in the journal file, then tell which.
@Suite(.serialized) struct CoreFuzzTests {
    @Test(.enabled(if: TestEnvironment.string("CORRAL_FUZZ_RECORD") != nil, "the corpus is recorded on demand"))
    func recordCorpus() throws { try Corpus.record() }

    /// Every opcode that a client can send is there, and each frame is one that the server can read.
    @Test func corpusIsCompleteAndValid() throws {
        let corpus = try Corpus()
        let internalOnly: Set<OpCode> = [.notification, .error]
        for opcode in OpCode.allCases where !internalOnly.contains(opcode) {
            #expect(corpus.files["\(opcode)"]?.isEmpty == false, "\(opcode)")
        }
        #expect(corpus.handshakes.count > 1)
        let unreadable = [ErrorCode.marshallingError.rawValue, ErrorCode.runtimeInconsistency.rawValue]
        for frame in corpus.requests {
            let core = FuzzCore(seed: 1)
            CoreFuzz.fill(core)
            let peer = core.connected()
            core.turn { peer.deliver(ProtocolClient.framed(frame)[...]) }
            core.settle()
            let replies = peer.takeFrames()
            let label = "\(frame.prefix(8))"
            #expect(!replies.isEmpty, "\(label) was not answered")
            for case .reply(let reply) in try replies.map({ try ProtocolClient.parse(Array($0)) }) {
                #expect(!unreadable.contains(reply.error), "\(label) answered \(reply.error)")
            }
        }
    }

    @Test func damagedFramesAreAnsweredOrEndTheConnection() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_FRAMES", default: 100_000)
        let seed = TestEnvironment.seed("CORRAL_FUZZ_SEED")
        let fuzz = try CoreFuzz(seed: seed)
        TestEnvironment.note("core fuzz: \(frames) frames, CORRAL_FUZZ_SEED=\(seed), journal \(fuzz.journal.path)")
        let start = Date()
        var residentAfterWarmUp = 0
        while fuzz.delivered < frames, fuzz.problems.isEmpty {
            fuzz.runOneCore(frames: min(20_000, frames - fuzz.delivered))
            if fuzz.cores == 2 { residentAfterWarmUp = ownResidentBytes() }
        }
        let growth = fuzz.cores > 2 ? ownResidentBytes() - residentAfterWarmUp : 0
        #expect(fuzz.problems.isEmpty, "seed \(seed)")
        #expect(growth < 96 << 20, "resident memory grew by \(growth) bytes over \(fuzz.delivered) frames")
        TestEnvironment.note(
            "core fuzz: \(fuzz.delivered) frames in \(Int(Date().timeIntervalSince(start))) s; \(fuzz.replies) replies, "
                + "\(fuzz.errors) of them errors, \(fuzz.closes) connections ended, \(fuzz.handshakes) damaged "
                + "handshakes; resident memory grew by \(growth >> 10) KiB")
        #expect(fuzz.replies > frames / 2 && fuzz.errors > frames / 20 && fuzz.closes > frames / 1000)
        try? FileManager.default.removeItem(atPath: fuzz.journal.path)
    }
}

/// Resident memory of this process in bytes.
func ownResidentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
}
