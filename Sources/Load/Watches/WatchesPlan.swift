/// Watches on one ensemble: what setting them costs, how soon they fire, and what happens when many fire at once.
public struct WatchesPlan: Codable, Equatable, Sendable {
    public var kind: ServerKind
    public var servers: Int
    public var settings: [String: String]
    public var valueBytes: Int
    /// Sessions that set watches, each on a znode of its own at a time.
    public var setters: Int
    /// Outstanding requests of each.
    public var window: Int
    /// Set in one pass, by all setters together.
    public var watches: Int
    /// Passes with watches, and as many without.
    public var passes: Int
    /// Writes that fire a watch each, one after another.
    public var fires: Int
    /// Sizes of storms: sessions that watch one znode.
    public var watchers: [Int]
    /// Of each size.
    public var storms: Int
    /// Of setting watches and of firing them, before either is measured.
    public var warmupSeconds: Double
    /// Beyond it, a notification counts as lost.
    public var limitSeconds: Double
    public var seed: UInt64

    public init(
        kind: ServerKind, servers: Int, settings: [String: String] = [:], valueBytes: Int, setters: Int, window: Int,
        watches: Int, passes: Int, fires: Int, watchers: [Int], storms: Int, warmupSeconds: Double,
        limitSeconds: Double, seed: UInt64
    ) {
        self.kind = kind
        self.servers = servers
        self.settings = settings
        self.valueBytes = valueBytes
        self.setters = setters
        self.window = window
        self.watches = watches
        self.passes = passes
        self.fires = fires
        self.watchers = watchers
        self.storms = storms
        self.warmupSeconds = warmupSeconds
        self.limitSeconds = limitSeconds
        self.seed = seed
    }

    /// Znodes that each setter watches.
    public var znodes: Int { max(1, watches / setters) }
}

/// `exists` with a watch against `exists` without one, in a closed loop.
public struct WatchSettingFigure: Codable, Equatable, Sendable {
    public var connections: Int
    public var window: Int
    /// Watches set; as many requests set none.
    public var watches: Int
    public var refused: Int
    public var setPerSecond: Double
    public var readPerSecond: Double
    /// All servers together.
    public var setCpuMicros: Double
    public var readCpuMicros: Double
    public var setTimes: TimeFigures
    public var readTimes: TimeFigures
    /// Of the pass that kept the generator busiest.
    public var generator: GeneratorUse

    /// What the watch adds to the read.
    public var watchCpuMicros: Double { setCpuMicros - readCpuMicros }
}

/// One watch after another is set and fired.
public struct WatchFireFigure: Codable, Equatable, Sendable {
    public var fires: Int
    /// Writes whose notification did not come.
    public var lost: Int
    /// From the sending of the write to its notification.
    public var fromSend: TimeFigures
    /// From the write's reply to the notification, which may come first.
    public var fromReply: TimeFigures
}

/// One write to a znode that many sessions watch. Times are from the sending of the write.
public struct WatchStorm: Codable, Equatable, Sendable {
    public var received: Int
    /// Notifications beyond each session's one.
    public var extra: Int
    public var acknowledgedMillis: Double
    public var firstMillis: Double
    public var medianMillis: Double
    public var p99Millis: Double
    public var lastMillis: Double
    /// Every session's notification.
    public var times: KeptLatencies
    /// All servers together, for each notification.
    public var serverCpuMicros: Double
    /// Until the last notification.
    public var generator: GeneratorUse
}

public struct WatchStormFigure: Codable, Equatable, Sendable {
    public var watchers: Int
    public var storms: [WatchStorm]
}

/// One of the three.
public struct WatchesFigure: Codable, Equatable, Sendable {
    public var setting: WatchSettingFigure?
    public var fire: WatchFireFigure?
    public var storm: WatchStormFigure?
}
