import Jute
import ZooKeeperProtocol

/// The reply to a request that was submitted, now or later: many may be outstanding, and they come in order.
///
/// Dropping it does not take the request back.
public struct PendingReply<Value: Sendable>: Sendable {
    let slot: ReplySlot<Value>

    /// Waits for the reply. May be read again, and by several tasks.
    public var value: Value {
        get async throws(ZooKeeperError) {
            guard await slot.wait() else { throw slot.error(.cancelled, outcome: .unknown) }
            return try slot.result.get()
        }
    }

    /// Whether the reply, or the error in its place, is there.
    public var isReady: Bool { slot.isDone }
}

/// Keeps the reply's value for `PendingReply`.
final class ReplySlot<Value: Sendable>: OutstandingRequest, @unchecked Sendable {
    typealias Decode = @Sendable (inout JuteReader, ReplyContext) throws -> Value

    private let decode: Decode
    /// The value that "no such znode" means, if it means one.
    private let absent: Value?
    /// The paths of a multi's parts, to name the one that was refused.
    private let partPaths: [String]
    private var stored: Result<Value, ZooKeeperError>?

    init(_ request: ZooKeeperRequest<Value>, submittedNanos: Int64, deadlineNanos: Int64) {
        decode = request.decode
        absent = request.absent
        partPaths = request.body.partPaths
        super.init(
            operation: request.operation, path: request.path, submittedNanos: submittedNanos,
            deadlineNanos: deadlineNanos)
    }

    /// Only once `isDone`.
    var result: Result<Value, ZooKeeperError> { stored! }

    override func take(_ reader: inout JuteReader, _ context: ReplyContext) -> Bool {
        do {
            stored = .success(try decode(&reader, context))
            return true
        } catch let refusal as PartRefused {
            var error = error(ErrorCode(rawValue: refusal.code).map { .server($0) } ?? .unknownServerCode(refusal.code))
            error.index = refusal.index
            error.path = partPaths.indices.contains(refusal.index) ? partPaths[refusal.index] : nil
            stored = .failure(error)
            return true
        } catch {
            stored = .failure(self.error(.malformedReply("\(error)"), outcome: .unknown))
            return false
        }
    }

    override func take(_ error: ZooKeeperError) {
        if let absent, error.reason == .server(.noNode) {
            stored = .success(absent)
        } else {
            stored = .failure(error)
        }
    }
}

/// A multi was refused because of one of its parts.
struct PartRefused: Error {
    var index: Int
    /// An `ErrorCode`'s raw value.
    var code: Int32
}
