import Synchronization

/// Where a run is, told to all connections.
final class LoadPhase: Sendable {
    private let raw = Atomic<Int>(0)
    let outstanding = Atomic<Int>(0)

    enum Stage: Int {
        case warmup, measuring, draining
    }

    var stage: Stage {
        get { Stage(rawValue: raw.load(ordering: .relaxed))! }
        set { raw.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// A signal asked to end early.
    static let isInterrupted = Atomic<Bool>(false)
}
