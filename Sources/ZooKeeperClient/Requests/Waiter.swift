import Synchronization

/// A task that waits for a reply: a link of the reply's list of waiters.
///
/// Whoever takes it resumes it: the event loop when the reply is there, or the task's cancellation. `continuation` and
/// `next` are written by the waiting task before the waiter is published.
final class Waiter: @unchecked Sendable {
    private enum Phase {
        static let new: UInt8 = 0
        static let armed: UInt8 = 1
        static let taken: UInt8 = 2
    }

    private let phase = Atomic<UInt8>(Phase.new)
    private var continuation: UnsafeContinuation<Bool, Never>?
    /// The waiter behind this one, as `OutstandingRequest.waiters` keeps it.
    var next: UInt = 0

    /// False when the task was cancelled before.
    func arm(_ continuation: UnsafeContinuation<Bool, Never>) -> Bool {
        self.continuation = continuation
        return phase.compareExchange(expected: Phase.new, desired: Phase.armed, ordering: .acquiringAndReleasing)
            .exchanged
    }

    /// The right to resume the task; nil when somebody else has it, or there is nothing to resume yet.
    func take() -> UnsafeContinuation<Bool, Never>? {
        phase.exchange(Phase.taken, ordering: .acquiringAndReleasing) == Phase.armed ? continuation : nil
    }
}
