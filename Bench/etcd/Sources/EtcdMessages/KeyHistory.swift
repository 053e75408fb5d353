/// What one connection knows of its own key, and the rules that answers must keep. No one else writes the key.
///
/// A connection stays with one member, and a member acknowledges a put after it has applied it, so even a serializable
/// read shows every put that was acknowledged on this connection before the read was sent.
public struct KeyHistory: Sendable {
    public enum Breach: Equatable, Sendable {
        /// A read older than a write acknowledged, or a read answered, before it was sent; or a write that made no
        /// newer revision.
        case stale(String)
        /// A value that this connection did not write, or not as this revision.
        case content(String)
        case length(String)
        case missing

        /// The rule's name in results; `ViolationKind` of corral-bench.
        public var kind: String {
            switch self {
            case .stale: "zxidOrder"
            case .content: "contentStamp"
            case .length: "payloadLength"
            case .missing: "acknowledgedLost"
            }
        }

        public var text: String {
            switch self {
            case .stale(let text), .content(let text), .length(let text): text
            case .missing: "the key is gone"
            }
        }
    }

    private let connection: UInt32
    private let valueBytes: Int
    /// The newest revision of the key that an answer has shown.
    public private(set) var newestRevision: Int64 = 0
    /// The newest put that was acknowledged.
    private var acknowledged: (revision: Int64, sequence: UInt64) = (0, 0)
    private var sentSequence: UInt64 = 0

    public init(connection: UInt32, valueBytes: Int) {
        self.connection = connection
        self.valueBytes = valueBytes
    }

    /// The stamp of the next put.
    public mutating func nextStamp() -> ValueStamp {
        let stamp = ValueStamp(connection: connection, sequence: sentSequence)
        sentSequence += 1
        return stamp
    }

    /// - Parameter floor: `newestRevision` when the put was sent.
    public mutating func acknowledge(_ stamp: ValueStamp, revision: Int64, floor: Int64) -> Breach? {
        defer { newestRevision = max(newestRevision, revision) }
        guard revision > floor else {
            return .stale("a put made revision \(revision), but \(floor) was seen before it was sent")
        }
        if revision > acknowledged.revision { acknowledged = (revision, stamp.sequence) }
        return nil
    }

    /// - Parameter floor: `newestRevision` when the read was sent.
    public mutating func check(_ value: Answer.Value?, floor: Int64) -> Breach? {
        guard let value else { return .missing }
        defer { newestRevision = max(newestRevision, value.modRevision) }
        guard value.length == valueBytes else {
            return .length("a value of \(value.length) bytes, \(valueBytes) were written")
        }
        guard let stamp = value.stamp else { return .content("a value with a broken stamp") }
        guard stamp.connection == connection, stamp.sequence < sentSequence else {
            return .content(
                "connection \(connection) read write \(stamp.sequence) of connection \(stamp.connection) and has sent "
                    + "\(sentSequence) writes")
        }
        guard value.modRevision >= floor else {
            return .stale("revision \(value.modRevision), but \(floor) was seen before the read was sent")
        }
        if value.modRevision == acknowledged.revision, stamp.sequence != acknowledged.sequence {
            return .content(
                "revision \(value.modRevision) holds write \(stamp.sequence), but write \(acknowledged.sequence) made "
                    + "it")
        }
        return nil
    }
}
