import Synchronization

/// What one generator thread saw between two marks of the coordinator.
struct RoundRecord: Sendable {
    var number: Int
    var any: SuccessTimeline
    var writes: SuccessTimeline
    var connectionsLost: UInt64 = 0
    var reattached: UInt64 = 0
    var failedAttempts: UInt64 = 0
    var sessionsLost: UInt64 = 0
    /// By `OperationKind`.
    var failed = [UInt64](repeating: 0, count: OperationKind.count)
    var unknown = [UInt64](repeating: 0, count: OperationKind.count)
    /// Each client's longest time without success; one that still lasts counts as far as it has come.
    var gaps: [UInt64] = []
    /// The first connection lost or request answered with an error, on the monotonic clock; 0 without one.
    var firstErrorNanos: UInt64 = 0
    /// Clients attached to each server when the round ended, in the order of the configuration's servers.
    var clients: [Int] = []

    init(number: Int, startNanos: UInt64) {
        self.number = number
        any = SuccessTimeline(startNanos: startNanos)
        writes = SuccessTimeline(startNanos: startNanos)
    }
}

/// Where generator threads leave their records and histories, and the coordinator takes them.
final class RoundMailbox: Sendable {
    private let records = Mutex<[RoundRecord]>([])
    private let events = Mutex<[HistoryEvent]>([])
    /// Whether threads keep histories at all.
    let keepsHistory: Bool
    /// More events than this are not held; whoever takes them must keep up.
    static let eventLimit = 4_000_000
    private let overflow = Atomic<Bool>(false)

    init(keepsHistory: Bool) { self.keepsHistory = keepsHistory }

    func put(_ record: RoundRecord) { records.withLock { $0.append(record) } }

    /// The records of one round, once every thread has left its own; nil before.
    func take(round: Int, threads: Int) -> [RoundRecord]? {
        records.withLock { list in
            let found = list.filter { $0.number == round }
            guard found.count == threads else { return nil }
            list.removeAll { $0.number == round }
            return found
        }
    }

    func put(_ batch: [HistoryEvent]) {
        events.withLock { list in
            if list.count + batch.count > Self.eventLimit {
                overflow.store(true, ordering: .relaxed)
            } else {
                list += batch
            }
        }
    }

    /// Everything left so far.
    func takeEvents() -> [HistoryEvent] {
        events.withLock { list in
            let taken = list
            list = []
            return taken
        }
    }

    var hasOverflowed: Bool { overflow.load(ordering: .relaxed) }
}
