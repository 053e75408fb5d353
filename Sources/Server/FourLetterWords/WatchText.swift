/// Text of `wchs`, `wchc` and `wchp`; sorted, where Apache's order is that of its hash tables.
enum WatchText {
    static func summary(_ summary: WatchSummary) -> String {
        "\(summary.connections) connections watching \(summary.paths) paths\nTotal watches:\(summary.watches)\n"
    }

    static func bySession(_ sessions: [SessionPaths]) -> String {
        var text = ""
        for session in sessions.sorted(by: { $0.sessionID < $1.sessionID }) {
            text += "0x\(JavaText.hex(session.sessionID))\n"
            for path in session.paths.sorted() { text += "\t\(path)\n" }
        }
        return text + "\n"
    }

    static func byPath(_ paths: [PathSessions]) -> String {
        var text = ""
        for watched in paths.sorted(by: { $0.path < $1.path }) {
            text += "\(watched.path)\n"
            for id in watched.sessionIDs.sorted() { text += "\t0x\(JavaText.hex(id))\n" }
        }
        return text + "\n"
    }
}
