import Jute
import Logging
import RequestQueue
import ServerCore
import Synchronization
import Transport

/// A socket as the fronts see it.
extension Connection: ClientLink {
    public var remoteHost: String { peerAddress.ip }
    public var remotePort: Int { Int(peerAddress.port) }

    public func close(afterFlush: Bool) {
        close(afterFlush: afterFlush, reason: .requested("the protocol asks for it"))
    }
}

/// Joins one reactor to its front. On reactor 0 the core, and what comes back from the log, run here as well.
///
/// Set up before the reactor runs; afterwards its thread's own, but for `beginDraining`.
final class ReactorBridge: ReactorHandler, @unchecked Sendable {
    // Both outlive the bridge's use of them: the server holds all three.
    unowned(unsafe) var front: Front!
    unowned(unsafe) var reactor: Reactor!
    // Reactor 0 only: the core, what the log thread gives back, what the other fronts send.
    var core: Core?
    var durable: BatchQueue<LogItem>?
    var requests: BatchQueue<RequestBatch>?
    /// What other threads of this process want done.
    var orders: CoreOrders?
    /// Of an ensemble's member only.
    var member: EnsembleMembership?
    /// Reactor 0 of a server under test only.
    var injected: InjectedWork?
    var otherReactors: [Reactor] = []
    var logger: Logger?
    private let drains = Atomic(false)
    /// As long as Apache's `request_throttler.shutdownTimeout`.
    private static let drainNanosMax: UInt64 = 10_000_000_000
    private var drainDeadlineNanos: UInt64?

    /// Ends the server once everything taken in has been answered. From any thread.
    func beginDraining() {
        drains.store(true, ordering: .sequentiallyConsistent)
        reactor.stopAccepting()
    }

    // MARK: turns

    func turnWillBegin() { front.beginTurn(nanos: reactor.nowNanos) }

    func drainInbox() {
        if drains.load(ordering: .relaxed) {
            front.isDraining = true
            core?.isDraining = true
            if drainDeadlineNanos == nil { drainDeadlineNanos = reactor.nowNanos + Self.drainNanosMax }
        }
        if let core {
            // Durable batches first: they free the way for the requests behind them.
            _ = durable?.popAll { item in
                switch item.kind {
                case .batch(let batch): core.durable(batch)
                case .snapshotFinished: core.snapshotFinished()
                case .historyRead, .snapshot, .park, .stop: break
                }
            }
            _ = requests?.popAll { core.take($0) }
            orders?.drain(core)
        }
    }

    var inboxIsEmpty: Bool {
        (durable?.isEmpty ?? true) && (requests?.isEmpty ?? true) && (orders?.isEmpty ?? true) && front.inboxIsEmpty
    }

    func turnDidEnd() {
        // What has been committed is answered in the same turn.
        member?.endTurn()
        front.endTurn()
        guard let core else { return }
        core.flushRemoteFronts()
        injected?.turnDidEnd(front: front, core: core)
        guard core.isDraining, let drainDeadlineNanos else { return }
        let isLate = reactor.nowNanos >= drainDeadlineNanos
        if isLate { logger?.warning("ending with requests unanswered: they took too long") }
        if isLate || core.isIdle {
            for other in otherReactors { other.stop() }
            reactor.stop()
        }
    }

    func tick(nowNanos: UInt64) {
        core?.tick()
        member?.tick()
        front.tick()
    }

    func deadlinePassed(nowNanos: UInt64) { member?.tick() }

    // MARK: connections

    func accepted(_ connection: Connection) -> Bool {
        guard let client = front.accept(connection) else { return false }
        connection.context = client
        return true
    }

    func mayRead(_ connection: Connection) -> Bool {
        guard let context = connection.context else { return true }
        return front.mayRead(unsafeDowncast(context, to: ClientConnection.self))
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        front.receive(bytes, from: unsafeDowncast(connection.context!, to: ClientConnection.self))
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        guard let context = connection.context else { return }
        connection.context = nil
        front.disconnected(unsafeDowncast(context, to: ClientConnection.self))
    }

    func acceptingPaused(_ error: TransportError) {
        logger?.warning("no new connections for a moment", metadata: ["reason": "\(error)"])
    }
}
