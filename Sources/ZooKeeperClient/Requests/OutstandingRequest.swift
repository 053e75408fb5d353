import Jute
import Synchronization
import ZooKeeperProtocol

/// A request from its submission to its reply.
///
/// All but `waiters` belongs to the submitting thread until the request is in the outbox, then to the outbox's lock,
/// and once taken from there to the event loop. The result is written once, before `waiters` says so.
class OutstandingRequest: @unchecked Sendable {
    final let operation: OpCode
    /// As the client sees it.
    final let path: String?
    final let submittedNanos: Int64
    final let deadlineNanos: Int64
    final var xid: Int32 = 0
    /// With the length before it.
    final var frameBytes = 0
    /// The watch that the request sets.
    final var registration: WatchRegistration?
    /// The watches that the request takes off.
    final var removal: (path: String, type: WatcherType)?
    /// The credential that the request presents.
    final var credential: Credential?

    /// 0, or the address of the newest `Waiter`, or `done`.
    private let waiters = Atomic<UInt>(0)
    private static let done: UInt = 1

    init(operation: OpCode, path: String?, submittedNanos: Int64, deadlineNanos: Int64) {
        self.operation = operation
        self.path = path
        self.submittedNanos = submittedNanos
        self.deadlineNanos = deadlineNanos
    }

    final var isDone: Bool { waiters.load(ordering: .acquiring) == Self.done }

    // MARK: What subclasses know

    /// Takes the body of a reply without an error; false when it is not what the protocol says.
    func take(_ reader: inout JuteReader, _ context: ReplyContext) -> Bool { preconditionFailure("abstract") }
    /// Takes an error as the result, unless it means a value.
    func take(_ error: ZooKeeperError) { preconditionFailure("abstract") }

    // MARK: Completion, on one thread at a time

    /// Completes with a reply; false when its body is malformed.
    final func complete(error: Int32, _ reader: inout JuteReader, _ context: ReplyContext) -> Bool {
        if isDone { return true }
        var wellFormed = true
        if error == 0 {
            wellFormed = take(&reader, context)
        } else if let code = ErrorCode(rawValue: error) {
            take(self.error(.server(code)))
        } else {
            take(self.error(.unknownServerCode(error)))
        }
        finish()
        return wellFormed
    }

    final func fail(_ reason: ZooKeeperError.Reason, outcome: ZooKeeperError.Outcome = .notApplied) {
        if isDone { return }
        let error = error(reason, outcome: outcome)
        take(error)
        registration?.sink.buffer.finish(error)
        finish()
    }

    final func error(
        _ reason: ZooKeeperError.Reason, outcome: ZooKeeperError.Outcome = .notApplied
    ) -> ZooKeeperError {
        ZooKeeperError(reason, outcome: outcome, operation: operation, path: path)
    }

    private func finish() {
        if let registration { registration.outbox.settled(registration.sink.path) }
        var link = waiters.exchange(Self.done, ordering: .acquiringAndReleasing)
        precondition(link != Self.done, "a reply is completed once")
        while let address = UnsafeRawPointer(bitPattern: link) {
            let waiter = Unmanaged<Waiter>.fromOpaque(address).takeRetainedValue()
            link = waiter.next
            waiter.take()?.resume(returning: true)
        }
    }

    // MARK: Waiting, on any thread

    /// Waits for the result; false when the task was cancelled meanwhile.
    final func wait() async -> Bool {
        if isDone { return true }
        let waiter = Waiter()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
                guard waiter.arm(continuation) else { return continuation.resume(returning: false) }
                if !push(waiter) { waiter.take()?.resume(returning: true) }
            }
        } onCancel: {
            waiter.take()?.resume(returning: false)
        }
    }

    /// False when the result is there already.
    private func push(_ waiter: Waiter) -> Bool {
        let retained = Unmanaged.passRetained(waiter)
        let address = UInt(bitPattern: retained.toOpaque())
        var head = waiters.load(ordering: .acquiring)
        while head != Self.done {
            waiter.next = head
            let (exchanged, seen) = waiters.weakCompareExchange(
                expected: head, desired: address, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            head = seen
        }
        retained.release()
        return false
    }
}

/// What decoding a reply needs besides its bytes.
struct ReplyContext {
    /// The path that the client sees as its root; empty for the tree's own.
    var chroot: String

    /// Whether the client can see a server's path.
    func sees(_ path: String) -> Bool {
        guard path.utf8.starts(with: chroot.utf8) else { return false }
        let rest = path.utf8.dropFirst(chroot.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/")
    }

    /// A server's path as the client sees it.
    func clientPath(_ path: String) -> String {
        guard !chroot.isEmpty, path.utf8.starts(with: chroot.utf8) else { return path }
        let rest = path.utf8.dropFirst(chroot.utf8.count)
        if rest.isEmpty { return "/" }
        return rest.first == UInt8(ascii: "/") ? String(Substring(rest)) : path
    }
}

/// An identity's proof, presented on every connection of the session.
public struct Credential: Hashable, Sendable {
    public var scheme: String
    public var secret: [UInt8]

    public init(scheme: String, secret: [UInt8]) {
        self.scheme = scheme
        self.secret = secret
    }

    /// The `digest` scheme's `user:password`.
    public static func digest(user: String, password: String) -> Credential {
        Credential(scheme: "digest", secret: Array("\(user):\(password)".utf8))
    }
}
