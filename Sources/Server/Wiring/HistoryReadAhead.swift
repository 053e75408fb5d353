import Dispatch
import RequestQueue
import ServerCore
import TxnLog

/// Reads history for a learner that catches up, some pieces ahead and on a thread of its own, so that the core never
/// waits for the disk, nor the reader for the core: a turn of a leader under load takes long, and what comes at one
/// piece a turn may be less than what clients write meanwhile.
///
/// The core asks; the log's reader belongs to the queue. A failed read is told once everything before it has been.
final class HistoryReadAhead: TxnHistory, @unchecked Sendable {
    private struct State {
        var ready: [TxnBatch] = []
        var isReading = false
        /// The core has been told that there is nothing yet.
        var isAwaited = false
        /// How far to read: what was asked for last.
        var upTo: Int64 = 0
        /// The log was found to end before this.
        var endedBefore: Int64?
        var failure: DiskError?
        var isClosed = false
    }

    private let history: any TxnHistory
    private let told: BatchQueue<LogItem>
    private let queue = DispatchQueue(label: "corral.history", qos: .utility)
    private let state = LockedValue(State())
    /// With the pieces that replication asks for, 2 MiB.
    private static let piecesAhead = 8

    /// - Parameters:
    ///   - history: used on this reader's own thread from here on.
    ///   - told: the core's inbox, which wakes it when something has been read.
    init(_ history: any TxnHistory, told: BatchQueue<LogItem>) {
        self.history = history
        self.told = told
    }

    func next(upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> HistoryPiece {
        var failure: DiskError?
        var mustRead = false
        let piece: HistoryPiece = state.withLock { state in
            state.upTo = max(state.upTo, zxid)
            let batch = state.ready.isEmpty ? nil : state.ready.removeFirst()
            if batch == nil {
                failure = state.failure
                if let end = state.endedBefore, end >= zxid { return .ended }
                state.isAwaited = true
            }
            let end = (state.ready.last ?? batch)?.lastZxid
            if !state.isReading, state.failure == nil, end.map({ $0 < zxid }) ?? true {
                state.isReading = true
                mustRead = true
            }
            return batch.map { .batch($0) } ?? .pending
        }
        if let failure { throw failure }
        if mustRead { queue.async { [self] in read(maximumBytes) } }
        return piece
    }

    private func read(_ maximumBytes: Int) {
        var upTo = state.withLock { $0.upTo }
        while true {
            let found: Result<HistoryPiece, DiskError>
            do throws(DiskError) {
                found = .success(try history.next(upTo: upTo, maximumBytes: maximumBytes))
            } catch {
                found = .failure(error)
            }
            let (goesOn, tells) = state.withLock { state in
                var goesOn = false
                switch found {
                case .success(.batch(let batch)):
                    state.ready.append(batch)
                    goesOn = !state.isClosed && state.ready.count < Self.piecesAhead && batch.lastZxid < state.upTo
                case .success(.ended): state.endedBefore = upTo
                case .success(.pending): break
                case .failure(let error): state.failure = error
                }
                upTo = state.upTo
                state.isReading = goesOn
                defer { state.isAwaited = false }
                return (goesOn, state.isAwaited)
            }
            // A full inbox has woken the core already.
            if tells { _ = told.tryPush(LogItem(.historyRead)) }
            if !goesOn { return }
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        queue.async { [self] in history.close() }
    }
}
