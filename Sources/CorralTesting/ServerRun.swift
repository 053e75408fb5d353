import Foundation
import Logging
import RequestQueue
import Server
import TxnLog

/// A server from its start to its end: one life of it, with the threads that this takes.
///
/// Thread-safe.
final class ServerRun: Sendable {
    private struct State {
        var isEnded = false
        var failure: CorralTestingError?
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Until the end: then its memory and its descriptors go with it.
        var server: RunningServer?
    }

    private let state = LockedValue(State())

    /// Starts; returns once it listens.
    static func start(
        _ configuration: ServerConfiguration, logger: Logger, disk: (any Disk)?
    ) async throws(CorralTestingError) -> ServerRun {
        let run = ServerRun()
        let result: Result<Void, CorralTestingError> = await withCheckedContinuation { continuation in
            NamedThread.start("corral-core") {
                run.live(configuration, logger, disk ?? FileDisk()) { continuation.resume(returning: $0) }
            }
        }
        try result.get()
        return run
    }

    /// The thread's whole life.
    private func live(
        _ configuration: ServerConfiguration, _ logger: Logger, _ disk: any Disk,
        _ started: (Result<Void, CorralTestingError>) -> Void
    ) {
        do throws(ServerStartError) {
            try serve(configuration, logger, disk) { started(.success(())) }
        } catch {
            return started(.failure(CorralTestingError(error)))
        }
        let waiting = state.withLock { state in
            state.isEnded = true
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func serve(
        _ configuration: ServerConfiguration, _ logger: Logger, _ disk: any Disk, _ started: () -> Void
    ) throws(ServerStartError) {
        let policy = FailurePolicy.endsServer { [state] error in
            state.withLock { $0.failure = CorralTestingError(error) }
        }
        let server = try RunningServer(configuration, logger: logger, onFailure: policy, disk: disk)
        state.withLock { $0.server = server }
        started()
        server.run()
        state.withLock { $0.server = nil }
    }

    /// Nil after the end.
    var server: RunningServer? { state.withLock { $0.server } }

    var isEnded: Bool { state.withLock { $0.isEnded } }

    /// Why it has ended by itself.
    var failure: CorralTestingError? { state.withLock { $0.failure } }

    /// Returns once all of it has ended.
    func waitUntilEnded() async {
        await withCheckedContinuation { continuation in
            let isEnded = state.withLock { state in
                if !state.isEnded { state.waiting.append(continuation) }
                return state.isEnded
            }
            if isEnded { continuation.resume() }
        }
    }
}
