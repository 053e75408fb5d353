import Server

/// What went wrong with a server of a test. `description` says what, in words for whoever reads the test's output.
public enum CorralTestingError: Error, Sendable, CustomStringConvertible {
    /// A setting is wrong, unknown, or not the test's to make.
    case settings(String)
    /// Another process has a port; after several other ones were tried, unless a certain one was asked for.
    case portTaken(String)
    /// The directory cannot be used, or the like.
    case cannotStart(String)
    /// What the data directory holds is damaged; file and offset are named.
    case dataCorrupt(String)
    /// The disk failed: the server has ended.
    case diskFailed(String)
    /// It did not come about in time.
    case timedOut(String)
    /// The server has been closed: it cannot start again.
    case closed

    init(_ error: ServerStartError) {
        self =
            switch error {
            case .configuration(let problems): .settings("\(problems)")
            case .portTaken(let text): .portTaken(text)
            case .cannotStart(let text): .cannotStart(text)
            case .dataCorrupt(let text): .dataCorrupt(text)
            case .diskFailed(let text): .diskFailed(text)
            }
    }

    public var description: String {
        switch self {
        case .settings(let text): "wrong settings: \(text)"
        case .portTaken(let text): "port taken: \(text)"
        case .cannotStart(let text): "cannot start: \(text)"
        case .dataCorrupt(let text): "data corrupt: \(text)"
        case .diskFailed(let text): "disk failed: \(text)"
        case .timedOut(let text): "not in time: \(text)"
        case .closed: "the server has been closed"
        }
    }
}
