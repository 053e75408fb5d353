import ZooKeeperProtocol

/// The events of one watch, in order.
///
/// A one-shot watch yields one event and ends. A persistent one goes on until it is dropped, cancelled or taken off
/// by `removeWatches`; it survives the loss of a connection (see `ZnodeEvent.Kind.gap`). When the session ends, the
/// iteration throws. One task iterates.
public struct Watch: AsyncSequence, Sendable {
    public typealias Element = ZnodeEvent
    public typealias Failure = ZooKeeperError

    let owner: WatchOwner

    /// As the client sees it.
    public var path: String { owner.sink.clientPath }

    public func makeAsyncIterator() -> Iterator { Iterator(owner: owner) }

    public struct Iterator: AsyncIteratorProtocol {
        let owner: WatchOwner

        public mutating func next() async throws(ZooKeeperError) -> ZnodeEvent? {
            try await owner.sink.buffer.next()
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ZooKeeperError) -> ZnodeEvent? {
            try await owner.sink.buffer.next()
        }
    }

    /// The next event; nil when the watch has ended or the task is cancelled. For a one-shot watch: its event.
    public func next() async throws(ZooKeeperError) -> ZnodeEvent? { try await owner.sink.buffer.next() }

    /// Whether `next` answers without waiting.
    public var hasEvent: Bool { owner.sink.buffer.hasNext }

    /// Ends the iteration; the server is told when nobody else here watches the path.
    public func cancel() { owner.cancel() }
}

/// Takes the watch off when nobody holds it any more.
final class WatchOwner: Sendable {
    let sink: WatchSink
    private let session: Session

    init(_ sink: WatchSink, in session: Session) {
        self.sink = sink
        self.session = session
    }

    func cancel() {
        sink.buffer.finish()
        session.abandon(sink)
    }

    deinit { cancel() }
}
