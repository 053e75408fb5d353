import Jute
import RequestQueue
import ServerCore
import Transport

/// A socket as the fronts see it.
extension Connection: @retroactive ClientLink {
    public var remoteHost: String { peerAddress.host }
    public var remotePort: Int { peerAddress.port }

    public func close(afterFlush: Bool) { close(afterFlush: afterFlush, reason: .local) }
}

/// Joins one reactor to its front. On reactor 0 the core and what comes back from the log run here as well.
final class ReactorBridge: ReactorHandler {
    private let front: Front
    private let core: Core?
    private let durable: BatchQueue<LogItem>?
    private let requests: BatchQueue<RequestBatch>?
    /// Called on the reactor's thread once a tick.
    var onTick: (() -> Void)?

    /// - Parameters:
    ///   - durable: what the log thread gives back; reactor 0 only.
    ///   - requests: what the other fronts send; reactor 0 only, when there are others.
    init(
        front: Front, core: Core?, durable: BatchQueue<LogItem>?, requests: BatchQueue<RequestBatch>?
    ) {
        self.front = front
        self.core = core
        self.durable = durable
        self.requests = requests
    }

    func turnWillBegin() {
        front.beginTurn()
        takeBack()
    }

    func drainInbox() {
        takeBack()
        front.drainInbox()
    }

    func turnDidEnd() {
        front.endTurn()
        core?.flushRemoteFronts()
    }

    /// Durable batches first: they free the way for the requests behind them.
    private func takeBack() {
        guard let core else { return }
        _ = durable?.popAll { item in
            switch item.kind {
            case .batch(let batch): core.durable(batch)
            case .snapshotFinished: core.snapshotFinished()
            case .snapshot, .stop: break
            }
        }
        _ = requests?.popAll { core.take($0) }
    }

    func accepted(_ connection: Connection) -> Bool {
        guard let client = front.accept(connection) else { return false }
        connection.context = client
        return true
    }

    func mayRead(_ connection: Connection) -> Bool {
        guard let client = connection.context as? ClientConnection else { return true }
        return front.mayRead(client)
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        front.receive(bytes, from: unsafeDowncast(connection.context!, to: ClientConnection.self))
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        guard let client = connection.context as? ClientConnection else { return }
        connection.context = nil
        front.disconnected(client)
    }

    func tick(nowNanos: UInt64) {
        core?.tick()
        onTick?()
    }
}
