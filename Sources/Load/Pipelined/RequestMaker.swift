import Jute

/// What is remembered of a request until its reply.
struct RequestTag {
    /// A position in the maker's `kinds`.
    var kind: Int
    /// What the reply must say; its meaning is the maker's.
    var expected: Int
}

/// Makes the requests of a `PipelinedLoad` and judges the replies.
protocol RequestMaker {
    /// Figures are kept for each.
    var kinds: [String] { get }
    /// No frame of a reply is longer.
    var maximumReplyBytes: Int { get }

    /// Appends a connection's next request with its frame's length.
    mutating func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag

    /// Whether a long reply's length and first bytes suffice to judge it; the rest is then not even copied.
    func isJudgedByItsHead(_ tag: RequestTag) -> Bool

    /// What is wrong with a reply that has no error code; nil when it is right.
    ///
    /// - Parameters:
    ///   - bytes: how long the body is.
    ///   - body: all of it, or at least its first eight bytes where the head suffices.
    mutating func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String?
}

extension RequestMaker {
    func isJudgedByItsHead(_ tag: RequestTag) -> Bool { false }
}

/// Integers of a reply.
enum ReplyBytes {
    static func integer(_ body: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        Int(Int32(bigEndian: body.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
    }

    /// Where a stat has the version of the data.
    static let versionOffset = 32
}
