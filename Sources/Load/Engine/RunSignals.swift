import Synchronization

/// The part of a run that generators are in.
enum RunPhase: Int {
    /// Connecting; nothing is sent yet.
    case connecting
    case warmup
    case measuring
    /// No new requests; replies still count for the checks, not for the figures.
    case draining
}

/// What the coordinator tells its generator threads, and what they tell back. All fields are atomics.
final class RunSignals: Sendable {
    private let phaseValue = Atomic<Int>(RunPhase.connecting.rawValue)
    /// Generators with all their sessions open.
    let ready = Atomic<Int>(0)
    /// Generators that have ended.
    let ended = Atomic<Int>(0)
    /// A generator cannot go on.
    let failed = Atomic<Bool>(false)
    let cells: [ProgressCell]
    /// The part of the run that generators are in, counted by the coordinator; see `RoundMailbox`.
    let round = Atomic<Int>(0)
    /// Generators send nothing more until this is taken back; see `isIdle`. Closed loop only.
    let isPaused = Atomic<Bool>(false)
    /// Added to every shared key from the next round on.
    let keyBase = Atomic<Int>(0)
    let mailbox: RoundMailbox

    init(threads: Int, keepsHistory: Bool = false) {
        cells = (0..<threads).map { _ in ProgressCell() }
        mailbox = RoundMailbox(keepsHistory: keepsHistory)
    }

    var phase: RunPhase {
        get { RunPhase(rawValue: phaseValue.load(ordering: .relaxed))! }
        set { phaseValue.store(newValue.rawValue, ordering: .sequentiallyConsistent) }
    }

    /// Whether all generators have noticed a pause and everything sent has been answered: then `completed` is exact.
    var isIdle: Bool { cells.allSatisfy { $0.isIdle.load(ordering: .acquiring) } }

    /// Ends a pause, or begins one.
    func pause(_ pauses: Bool) {
        for cell in cells { cell.isIdle.store(false, ordering: .relaxed) }
        isPaused.store(pauses, ordering: .sequentiallyConsistent)
    }

    var completed: UInt64 { cells.reduce(0) { $0 + $1.completed.load(ordering: .relaxed) } }
}

/// One generator's live counters, written by its thread, read by the coordinator.
final class ProgressCell: Sendable {
    /// Replies since the thread began, updated once per batch.
    let completed = Atomic<UInt64>(0)
    /// Of the last finished 100 ms slice.
    let medianNanos = Atomic<UInt64>(0)
    let p99Nanos = Atomic<UInt64>(0)
    let outstanding = Atomic<Int>(0)
    let errors = Atomic<UInt64>(0)
    /// Pausing, and nothing is outstanding.
    let isIdle = Atomic<Bool>(false)
}
