import ZooKeeperProtocol

/// What a connection must be sent for the requests it sent: one reply for each, and nothing else but notifications.
struct ExpectedReplies {
    private let xids: [Int32]
    /// Proofs of identity are answered at once, ahead of what is under way.
    private let isOrdered: Bool

    /// - Parameter requests: contents of whole frames, each of at least 8 bytes and not with the xid of notifications.
    init(to requests: [[UInt8]]) {
        xids = requests.map { Self.opcode($0) == OpCode.ping.rawValue ? ReservedXid.ping : Self.number($0, at: 0) }
        isOrdered = !requests.contains { Self.opcode($0) == OpCode.auth.rawValue }
    }

    private static func opcode(_ request: [UInt8]) -> Int32 { number(request, at: 4) }

    private static func number(_ bytes: [UInt8], at: Int) -> Int32 {
        bytes[at..<at + 4].reduce(0) { $0 << 8 | Int32($1) }
    }

    var count: Int { xids.count }

    /// Whether a frame is a notification, which nobody asked for.
    static func isNotification(_ frame: [UInt8]) -> Bool {
        frame.count >= 4 && number(frame, at: 0) == ReservedXid.notification
    }

    /// What is wrong with the frames that came; nil when nothing is.
    ///
    /// - Parameter hasEnded: the server hung up: what was not answered by then never will be.
    func problem(with frames: [[UInt8]], hasEnded: Bool) -> String? {
        if let short = frames.first(where: { $0.count < 16 }) { return "a reply of \(short.count) bytes" }
        let answered = frames.filter { !Self.isNotification($0) }.map { Self.number($0, at: 0) }
        if answered.count > xids.count { return "\(xids.count) requests, \(answered.count) replies" }
        if !hasEnded, answered.count < xids.count {
            return "\(xids.count) requests, \(answered.count) replies, and the connection stays"
        }
        if isOrdered {
            if answered != Array(xids.prefix(answered.count)) { return "replies to \(answered) for requests \(xids)" }
        } else if !hasEnded, answered.sorted() != xids.sorted() {
            return "replies to \(answered) for requests \(xids), in any order"
        }
        return nil
    }
}
