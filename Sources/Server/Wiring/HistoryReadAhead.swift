import Dispatch
import RequestQueue
import ServerCore
import TxnLog

/// Reads history for a learner that catches up, one piece ahead and on a thread of its own, so that the core never
/// waits for the disk.
///
/// The core asks; the log's reader belongs to the queue. A failed read is told with the next question.
final class HistoryReadAhead: TxnHistory, @unchecked Sendable {
    private enum State {
        case idle
        case reading
        case ready(HistoryPiece, upTo: Int64)
        case failed(DiskError)
    }

    private let history: LogHistory
    private let told: BatchQueue<LogItem>
    private let queue = DispatchQueue(label: "corral.history", qos: .utility)
    private let state = LockedValue(State.idle)

    /// - Parameter told: the core's inbox, which wakes it when something has been read.
    init(_ history: LogHistory, told: BatchQueue<LogItem>) {
        self.history = history
        self.told = told
    }

    func next(upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> HistoryPiece {
        let found = state.withLock { state in
            let found = state
            if case .ready = state { state = .idle }
            return found
        }
        switch found {
        case .reading: return .pending
        case .failed(let error): throw error
        case .ready(.ended, let upTo) where upTo >= zxid: return .ended
        case .ready(.batch(let batch), _):
            if batch.lastZxid < zxid { read(upTo: zxid, maximumBytes) }
            return .batch(batch)
        case .idle, .ready:
            read(upTo: zxid, maximumBytes)
            return .pending
        }
    }

    private func read(upTo zxid: Int64, _ maximumBytes: Int) {
        state.withLock { $0 = .reading }
        queue.async { [self] in
            let result: State
            do throws(DiskError) {
                result = .ready(try history.next(upTo: zxid, maximumBytes: maximumBytes), upTo: zxid)
            } catch {
                result = .failed(error)
            }
            state.withLock { $0 = result }
            // A full inbox has woken the core already.
            _ = told.tryPush(LogItem(.historyRead))
        }
    }

    func close() { queue.async { [self] in history.close() } }
}
