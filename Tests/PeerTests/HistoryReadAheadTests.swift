import CPlatform
import Glibc
import RequestQueue
import ServerCore
import Testing
import TxnLog

@testable import Server

/// History read for a learner that catches up, beside the core's thread.
@Suite("History read ahead")
struct HistoryReadAheadTests {
    /// A log with one transaction in each piece.
    private final class Log: TxnHistory, @unchecked Sendable {
        private let last: Int64
        private let fails: Bool
        private let read = LockedValue<Int64>(0)

        init(last: Int64, fails: Bool = false) {
            self.last = last
            self.fails = fails
        }

        var piecesRead: Int64 { read.withLock { $0 } }

        func next(upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> HistoryPiece {
            let next = piecesRead + 1
            guard next <= min(last, zxid) else {
                if fails { throw DiskError(.read, "log", code: EIO) }
                return .ended
            }
            let batch = TxnBatch()
            [UInt8](repeating: 7, count: 40).withUnsafeBytes { batch.append(txn: $0, zxid: next) }
            read.withLock { $0 = next }
            return .batch(batch)
        }

        func close() {}
    }

    private let told = BatchQueue<LogItem>(capacity: 64, wakeUp: WakeUp())

    private func wait(_ condition: () throws -> Bool) rethrows -> Bool {
        let end = corral_monotonic_nanos() + 10_000_000_000
        while try !condition() {
            if corral_monotonic_nanos() > end { return false }
            usleep(1000)
        }
        return true
    }

    private func zxid(_ piece: HistoryPiece) -> Int64? {
        if case .batch(let batch) = piece { batch.lastZxid } else { nil }
    }

    /// At one piece a turn a learner gets less than what clients write in the turns of a leader under load.
    @Test("one question reads several pieces, and no more than there is room for")
    func piecesAhead() throws {
        let log = Log(last: 1000)
        let ahead = HistoryReadAhead(log, told: told)
        #expect(zxid(try ahead.next(upTo: 1000, maximumBytes: 1)) == nil)
        #expect(wait { log.piecesRead == 8 })
        #expect(wait { !told.isEmpty })
        // The eighth may be on its way.
        for expected in 1...7 as ClosedRange<Int64> {
            #expect(zxid(try ahead.next(upTo: 1000, maximumBytes: 1)) == expected)
        }
        #expect(log.piecesRead <= 16)
        var last: Int64 = 7
        let isWhole = try wait {
            if let next = zxid(try ahead.next(upTo: 1000, maximumBytes: 1)) {
                #expect(next == last + 1)
                last = next
            }
            return last == 1000
        }
        #expect(isWhole)
        ahead.close()
    }

    @Test("the log's end and a failed read are told behind everything before them", arguments: [false, true])
    func ends(fails: Bool) throws {
        let ahead = HistoryReadAhead(Log(last: 3, fails: fails), told: told)
        var found: [Int64] = []
        var end: HistoryPiece?
        var failure: DiskError?
        let isOver = wait {
            do throws(DiskError) {
                let piece = try ahead.next(upTo: 5, maximumBytes: 1)
                if let zxid = zxid(piece) { found.append(zxid) }
                if case .ended = piece { end = piece }
            } catch {
                failure = error
            }
            return end != nil || failure != nil
        }
        #expect(isOver && found == [1, 2, 3])
        #expect((failure != nil) == fails)
        ahead.close()
    }
}
