import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// Four-letter words are packets like others, in the connection's counters and in the server's.
@Suite struct AdminWordTests {
    /// Knows `stat`, and remembers what it found while it was answered.
    private final class Words: AdminCommands, @unchecked Sendable {
        struct Found: Equatable {
            var received: Int64
            var sent: Int64
            var isReading: Bool
        }

        /// By connection, in the order of their ids.
        var found: [Found] = []

        func argumentBytes(ofWord word: UInt32) -> Int? { word == Self.stat ? 0 : nil }

        func run(word: UInt32, argument: [UInt8], core: Core) -> String {
            found = core.registry.all().sorted { $0.watcher < $1.watcher }.map {
                Found(received: $0.statistics.received, sent: $0.statistics.sent, isReading: $0.isReading)
            }
            return "fine\n"
        }

        static let stat = "stat".utf8.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    @Test("a word and its answer are counted; the asking connection is not read", arguments: [0, 1])
    func counted(_ front: Int) throws {
        let harness = CoreHarness(fronts: 2)
        let words = Words()
        for front in harness.fronts { front.admin = words }
        _ = try harness.connect()
        let before = harness.fronts.map(\.statistics)
        let asking = try #require(CoreHarness.Client(harness, front: front))
        asking.sendRaw(Array("stat".utf8))
        harness.settle()
        #expect(asking.link.received == Array("fine\n".utf8) && asking.link.isClosed)
        // As Apache's server shows them: `[1](queued=0,recved=1,sent=1)` and `[0](queued=0,recved=1,sent=0)`.
        #expect(
            words.found == [
                .init(received: 1, sent: 1, isReading: true), .init(received: 1, sent: 0, isReading: false),
            ])
        #expect(harness.fronts[front].statistics.packetsReceived == before[front].packetsReceived + 1)
        #expect(harness.fronts[front].statistics.packetsSent == before[front].packetsSent + 1)
    }
}
