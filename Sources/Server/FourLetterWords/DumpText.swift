/// Text of `dump`.
enum DumpText {
    /// - Parameter isTracking: whether this server expires the sessions; others only know of them.
    static func text(
        isTracking: Bool, sessions: [SessionReport], ephemerals: [SessionPaths], connections: [ConnectionExpiryReport]
    ) -> String {
        var text = "SessionTracker dump:\n"
        if isTracking {
            text += "Session "
            text += sets(sessions.map { ($0.expiryWallMillis, $0.id, "0x\(JavaText.hex($0.id))") })
        } else {
            text += "Global Sessions(\(sessions.count)):\n"
            for session in sessions.sorted(by: { $0.id < $1.id }) {
                text += "0x\(JavaText.hex(session.id))\t\(session.timeoutMillis)ms\n"
            }
        }
        text += "ephemeral nodes dump:\nSessions with Ephemerals (\(ephemerals.count)):\n"
        for session in ephemerals.sorted(by: { $0.sessionID < $1.sessionID }) {
            text += "0x\(JavaText.hex(session.sessionID)):\n"
            for path in session.paths.sorted() { text += "\t\(path)\n" }
        }
        text += "Connections dump:\nConnections "
        text += sets(
            connections.map {
                let endpoint = "/\(SocketAddressText.java($0.remoteAddress)):\($0.remotePort)"
                return ($0.expiryWallMillis, $0.sessionID, "ip: \(endpoint) sessionId: 0x\(JavaText.hex($0.sessionID))")
            })
        return text
    }

    /// `Sets (buckets)/(elements):` and, for each time, what expires then.
    private static func sets(_ elements: [(time: Int64, order: Int64, text: String)]) -> String {
        let byTime = Dictionary(grouping: elements, by: \.time)
        var text = "Sets (\(byTime.count))/(\(elements.count)):\n"
        for (time, members) in byTime.sorted(by: { $0.key < $1.key }) {
            text += "\(members.count) expire at \(JavaText.date(wallMillis: time)):\n"
            for member in members.sorted(by: { $0.order < $1.order }) { text += "\t\(member.text)\n" }
        }
        return text
    }
}
