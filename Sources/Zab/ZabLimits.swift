/// The ensemble's times, as `zoo.cfg` gives them.
public struct ZabLimits: Sendable {
    public var tickMillis: Int64
    /// Ticks a learner has to connect and begin to synchronize, and a leader to gather a quorum.
    public var initLimitTicks: Int64
    /// Ticks of silence after which the other side counts as gone.
    public var syncLimitTicks: Int64

    public init(tickMillis: Int64 = 2000, initLimitTicks: Int64 = 10, syncLimitTicks: Int64 = 5) {
        self.tickMillis = tickMillis
        self.initLimitTicks = initLimitTicks
        self.syncLimitTicks = syncLimitTicks
    }

    public var initMillis: Int64 { tickMillis * initLimitTicks }
    public var syncMillis: Int64 { tickMillis * syncLimitTicks }
    /// A leader pings, and counts who is there, twice a tick.
    public var pingMillis: Int64 { max(1, tickMillis / 2) }
}
