import Foundation
import TestSupport
import ZooKeeperProtocol

/// A session under pipelined load until its server dies, and the check of what must be there afterwards.
///
/// Used by its own thread while it runs, then by the test's.
final class LoadSession: @unchecked Sendable {
    let base: String
    let client: ProtocolClient
    private var source: OperationSource
    private(set) var submitted: [Operation] = []
    /// Replies come in order, so the acknowledged operations are the first so many.
    private(set) var acknowledged = 0
    /// The highest zxid that a reply has shown.
    private(set) var highestZxid: Int64 = 0
    /// What the server did wrong, if anything.
    private(set) var violations: [String] = []
    /// The sequential children whose creation was acknowledged.
    private var idOfPath: [String: Int] = [:]
    /// How many operations were found applied; fixed by the first check.
    private var applied: Int?
    var isSessionClosed = false
    private let tally: Tally
    private let window: Int

    init(port: Int, base: String, seed: UInt64, tally: Tally) throws {
        self.base = base
        self.tally = tally
        source = OperationSource(seed: seed)
        window = Int.random(in: 1...200, using: &source.random)
        client = try ProtocolClient(port: port, timeoutMillis: KillTests.sessionTimeoutMillis)
        try client.create(base)
        for name in ["seq", "counter", "multi", "eph"] { try client.create("\(base)/\(name)") }
    }

    /// Sends as fast as replies allow, until the connection ends.
    func run() {
        do {
            var first: Int32 = 0
            while !client.socket.isAtEnd {
                var bytes: [UInt8] = []
                while submitted.count - acknowledged < window {
                    let operation = source.next()
                    submitted.append(operation)
                    let xid = client.takeXid()
                    if submitted.count == 1 { first = xid }
                    bytes += ProtocolClient.framed(operation.request(under: base).payload(xid: xid))
                }
                try client.socket.send(bytes)
                let floor = max(1, window / 2)
                while submitted.count - acknowledged > window - floor {
                    guard case .reply(let reply) = try client.receive() else { return }
                    take(reply, expected: first &+ Int32(acknowledged))
                }
            }
        } catch {
            violations.append("\(base): \(error)")
        }
    }

    private func take(_ reply: Reply, expected: Int32) {
        let operation = submitted[acknowledged]
        if reply.xid != expected { violations.append("\(base): reply \(reply.xid) instead of \(expected)") }
        // A refused multi says so in its body: the first part's type is that of an error.
        let isRefused = reply.error != 0 || reply.body.starts(with: [0xff, 0xff, 0xff, 0xff])
        if isRefused == operation.mustSucceed {
            violations.append("\(base): \(operation) answered \(reply.error), refused: \(isRefused)")
        }
        if reply.zxid < highestZxid { violations.append("\(base): zxid \(reply.zxid) after \(highestZxid)") }
        highestZxid = max(highestZxid, reply.zxid)
        if case .sequential(let id) = operation, let path = try? reply.path() {
            source.deletable.append(path)
            idOfPath[path] = id
        }
        acknowledged += 1
        tally.add(1)
    }

    // MARK: the check

    /// Compares the tree with what was acknowledged; the differences.
    ///
    /// A session's writes are applied in the order it sent them. So the applied ones are a beginning of what was sent,
    /// no shorter than what was acknowledged; each applied exactly once.
    func check(_ reader: ProtocolClient) throws -> [String] {
        let tree = try LoadTree(reader, base: base)
        var problems = violations + tree.problems
        var deletedIds: Set<Int> = []
        for case .delete(let path) in submitted { deletedIds.insert(idOfPath[path]!) }
        let marks = submitted.enumerated().map { isApplied($1, at: $0, tree, deletedIds) }
        let count = marks.firstIndex { $0 == false } ?? marks.count
        if let late = marks[count...].firstIndex(where: { $0 == true }) {
            problems.append("\(base): operation \(late), \(submitted[late]), applied, but not \(submitted[count])")
        }
        if count < acknowledged {
            problems.append("\(base): acknowledged \(acknowledged), lost from \(count) on: \(submitted[count])")
        }
        if let applied, applied != count {
            problems.append("\(base): \(applied) operations were applied, now \(count)")
        }
        applied = count
        if isSessionClosed, !tree.ephemerals.isEmpty { problems.append("\(base): ephemerals of a closed session") }
        return problems.map { "\($0) (\(acknowledged) acknowledged of \(submitted.count))" }
    }

    /// Nil for an operation that leaves no trace.
    private func isApplied(_ operation: Operation, at index: Int, _ tree: LoadTree, _ deletedIds: Set<Int>) -> Bool? {
        switch operation {
        case .sequential(let id): tree.sequentialIds.contains(id) || deletedIds.contains(id)
        case .delete(let path): !tree.sequentialPaths.contains(path)
        case .set(let number): tree.counter >= number
        case .multi(let number): tree.multis >= number
        case .refusedMulti: nil
        case .ephemeral(let number):
            isSessionClosed ? index < (applied ?? 0) : tree.ephemerals[number] == client.session.id
        }
    }
}

/// Counts acknowledgements over all sessions, so that the killer knows when. Locked.
final class Tally: @unchecked Sendable {
    private let condition = NSCondition()
    private var count = 0

    func add(_ number: Int) {
        condition.lock()
        count += number
        condition.broadcast()
        condition.unlock()
    }

    var total: Int {
        condition.lock()
        defer { condition.unlock() }
        return count
    }

    /// Waits until so many were counted; false when they did not come in time.
    func wait(for number: Int, within seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        condition.lock()
        defer { condition.unlock() }
        while count < number {
            if !condition.wait(until: deadline) { return false }
        }
        return true
    }
}
