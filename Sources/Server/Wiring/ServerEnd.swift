import Foundation
import Logging
import RequestQueue
import Synchronization
import Transport

/// What is done when a server cannot go on: its disk has failed, and nothing more may be acknowledged.
public enum FailurePolicy: Sendable {
    /// The process ends at once: what is in memory must not outlive what is on the disk.
    case endsProcess
    /// The server ends, as by `RunningServer.kill`, and the process lives on. Called once, on a thread of the server's
    /// that must not be held up.
    case endsServer(@Sendable (ServerStartError) -> Void)
}

/// The abrupt end of one server, shared by its threads.
///
/// Once ordered, nothing reaches the disk or a socket any more: the log takes batches and gives none back, the
/// replica's disk refuses everything, outputs are not sent.
final class ServerEnd: @unchecked Sendable {
    private let policy: FailurePolicy
    private let logger: Logger
    private let ordered = Atomic<Bool>(false)
    private let hasFailed = Atomic<Bool>(false)
    private let reactors = LockedValue<[Reactor]>([])

    init(policy: FailurePolicy, logger: Logger) {
        self.policy = policy
        self.logger = logger
    }

    /// Whether everything is to be left as it is.
    var isOrdered: Bool { ordered.load(ordering: .relaxed) }

    /// Those to be woken by the order; none once they have ended.
    func attach(_ reactors: [Reactor]) { self.reactors.withLock { $0 = reactors } }

    /// Ends the server as the end of its process would.
    func order() {
        ordered.store(true, ordering: .sequentiallyConsistent)
        reactors.withLock { for reactor in $0 { reactor.abort() } }
    }

    /// The disk has failed. In a process that the server has for itself this does not return.
    func diskFailed(_ text: String) {
        // What fails behind an abrupt end was asked of a disk that is not there any more.
        guard !isOrdered, !hasFailed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        let error = ServerStartError.diskFailed(text)
        logger.critical("\(text)")
        switch policy {
        case .endsProcess: exit(error.exitCode)
        case .endsServer(let report):
            order()
            report(error)
        }
    }
}
