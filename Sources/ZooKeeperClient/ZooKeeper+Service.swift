import ServiceLifecycle

/// A client in a `ServiceGroup`: it runs as long as its session, and ends it when the group shuts down.
extension ZooKeeper: Service {
    /// Returns once the session was closed; throws when it ended in another way, so that the group learns of it.
    public func run() async throws {
        let final = await withGracefulShutdownHandler {
            await finalState()
        } onGracefulShutdown: {
            self.session.close()
        }
        guard let final else {
            session.close()
            throw CancellationError()
        }
        if let reason = final.reason, reason != .closed { throw ZooKeeperError(reason) }
    }

    /// How the session ended; nil when the task is cancelled before it does.
    private func finalState() async -> SessionState? {
        for await state in states where state.isFinal { return state }
        return nil
    }
}
