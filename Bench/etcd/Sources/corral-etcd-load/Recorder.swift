import EtcdMessages
import Synchronization

/// What the connections of one event loop measured and saw. The loop's thread writes, the run's thread reads.
final class Recorder: Sendable {
    struct State {
        /// Reads and writes of the 100 ms being filled.
        var slice = (reads: LatencyCounts(), writes: LatencyCounts())
        var total = (reads: LatencyCounts(), writes: LatencyCounts())
        var serviceTimes = LatencyCounts()
        var sendDelays = LatencyCounts()
        var sliceErrors: UInt64 = 0
        var errors: [String: UInt64] = [:]
        var violations: [String: ViolationEvent] = [:]
        var fatal: String?
        /// Of writes in the window, where clients follow the cluster.
        var silences: SilenceNotes?
        var moves: UInt64 = 0

        mutating func add(_ kind: String, _ text: String) {
            violations[kind, default: ViolationEvent(count: 0, first: text)].count += 1
        }
    }

    /// When a request was to be sent, was sent and was answered, on the monotonic clock.
    struct Times {
        var planned: UInt64
        var sent: UInt64
        var answered: UInt64
    }

    private let state = Mutex(State())

    func completed(isRead: Bool, _ times: Times, isOpenLoop: Bool) {
        state.withLock { state in
            let latency = times.answered &- times.planned
            if isRead { state.slice.reads.record(latency) } else { state.slice.writes.record(latency) }
            if !isRead { state.silences?.success(at: times.answered) }
            guard isOpenLoop else { return }
            state.serviceTimes.record(times.answered &- times.sent)
            state.sendDelays.record(times.sent &- times.planned)
        }
    }

    func failed(_ code: String, count: UInt64 = 1) {
        state.withLock {
            $0.errors[code, default: 0] += count
            $0.sliceErrors += count
        }
    }

    func moved() { state.withLock { $0.moves += 1 } }

    func endSilences(at nanos: UInt64) { state.withLock { $0.silences?.end(at: nanos) } }

    func violated(_ kind: String, _ text: String) { state.withLock { $0.add(kind, text) } }

    func stop(_ reason: String) { state.withLock { $0.fatal = $0.fatal ?? reason } }

    var hasStopped: Bool { state.withLock { $0.fatal != nil } }

    /// Forgets what was measured; a breach of the rules stays.
    ///
    /// - Parameter silences: from now on; nil where nobody follows the cluster.
    func restart(silences: SilenceNotes?) {
        state.withLock { state in
            let kept = state
            state = State()
            (state.violations, state.fatal, state.moves) = (kept.violations, kept.fatal, kept.moves)
            state.silences = silences
        }
    }

    /// What the slice holds, which begins anew.
    func closeSlice() -> (reads: LatencyCounts, writes: LatencyCounts, errors: UInt64) {
        state.withLock { state in
            let slice = (state.slice.reads, state.slice.writes, state.sliceErrors)
            state.total.reads.add(slice.0)
            state.total.writes.add(slice.1)
            state.slice.reads.reset()
            state.slice.writes.reset()
            state.sliceErrors = 0
            return slice
        }
    }

    var snapshot: State { state.withLock { $0 } }
}
