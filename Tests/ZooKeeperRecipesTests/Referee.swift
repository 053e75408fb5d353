import Synchronization
import TestSupport
import ZooKeeperRecipes

/// A resource outside of ZooKeeper that remembers the largest token it was shown and refuses smaller ones.
final class FencedRegister: Sendable {
    struct Record {
        var newest: Int64 = 0
        var accepted = 0
        var refused = 0
    }

    private let record = Mutex(Record())

    var state: Record { record.withLock { $0 } }

    /// False when somebody with a newer token was here already.
    @discardableResult
    func write(_ token: Int64) -> Bool {
        record.withLock { record in
            guard token >= record.newest else {
                record.refused += 1
                return false
            }
            record.newest = token
            record.accepted += 1
            return true
        }
    }
}

/// Watches from outside who is inside, and notes when two are who exclude each other.
///
/// One whose lease is not `held` any more does not count: it knows that another may be in.
final class Referee: Sendable {
    struct Book {
        var inside: [Int64: (lease: Lease, isShared: Bool)] = [:]
        var violations: [String] = []
        var entries = 0
        var most = 0
    }

    private let book = Mutex(Book())
    private let limit: Int

    /// - Parameter limit: so many may be inside at once who are not shared.
    init(limit: Int = 1) { self.limit = limit }

    var violations: [String] { book.withLock { $0.violations } }
    var entries: Int { book.withLock { $0.entries } }
    /// The most that were inside at once.
    var most: Int { book.withLock { $0.most } }

    func enter(_ lease: Lease, isShared: Bool = false) {
        book.withLock { book in
            book.entries += 1
            let held = book.inside.values.filter { $0.lease.state == .held }
            let exclusive = held.count { !$0.isShared }
            let isWrong = isShared ? exclusive > 0 : held.count > exclusive || exclusive >= limit
            if isWrong, lease.state == .held {
                let others = held.map { "\($0.lease.path) (\($0.lease.fencingToken))" }
                book.violations.append("\(lease.path) (\(lease.fencingToken)) came in beside \(others)")
            }
            book.inside[lease.fencingToken] = (lease, isShared)
            book.most = max(book.most, book.inside.count)
        }
    }

    func leave(_ lease: Lease) {
        book.withLock { _ = $0.inside.removeValue(forKey: lease.fencingToken) }
    }
}
