/// One of Apache's two keepers of watches.
public enum WatchManager: Sendable {
    /// Watches of getData and exists, persistent and recursive ones.
    case data
    /// Watches of getChildren, and persistent ones.
    case child
}

/// The numbers of one manager.
public struct WatchSummary: Equatable, Sendable {
    /// Connections that have, or have had, a watch.
    public var watchers = 0
    public var paths = 0
    /// Pairs of connection and path.
    public var watches = 0

    public init() {}
}

/// The modes that a watch has in one manager.
struct WatchModes: OptionSet {
    let rawValue: UInt8
    static let standard = WatchModes(rawValue: 1)
    static let persistent = WatchModes(rawValue: 2)
    static let recursive = WatchModes(rawValue: 4)
    static let all = WatchModes(rawValue: 7)
}
