/// A big tree: filling it, starting a server on it, and its snapshots under load.
public struct BigTreeLoad: Codable, Equatable, Sendable {
    public var znodes: Int
    public var valueBytes: Int
    /// Of reads and writes while snapshots are written, planned in advance.
    public var ratePerSecond: Double
    public var readPercent: Double
    public var connections: Int
    /// Transactions between snapshots (`snapCount`) in that part; everything else has the servers' default.
    public var snapshotEvery: Int
    /// Reads, and writes, below which either part of them has no 99th percentile.
    public var leastRequests: Int
    /// Of that part.
    public var seconds: Double
    public var warmupSeconds: Double
    public var apacheWarmupSeconds: Double

    public init(
        znodes: Int = 1_000_000, valueBytes: Int = 100, ratePerSecond: Double = 2000, readPercent: Double = 50,
        connections: Int = 20, snapshotEvery: Int = 10_000, leastRequests: Int = 100, seconds: Double = 30,
        warmupSeconds: Double = 1, apacheWarmupSeconds: Double = 8
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need((1000...20_000_000).contains(znodes), "a big tree has 1000 to 20000000 znodes")
        try need((8...100_000).contains(valueBytes), "its znodes have 8 to 100000 bytes")
        try need(ratePerSecond >= 1 && ratePerSecond <= 1_000_000, "1 to 1000000 requests a second are offered")
        try need(
            readPercent > 0 && readPercent < 100, "reads and writes are both measured: more than 0, less than 100 %")
        try need((1...1000).contains(connections), "they come over 1 to 1000 connections")
        try need((100...10_000_000).contains(snapshotEvery), "a snapshot comes every 100 to 10000000 transactions")
        try need(seconds >= 0.5 && seconds <= 3600, "snapshots are watched for 0.5 to 3600 seconds")
        try need((10...1_000_000).contains(leastRequests), "a percentile is one of 10 to 1000000 requests at least")
        let writes = ratePerSecond * (1 - readPercent / 100) * seconds
        try need(
            writes >= Double(snapshotEvery),
            "\(Int(writes)) writes in the window are fewer than the \(snapshotEvery) between snapshots")
        try need(warmupSeconds >= 0 && warmupSeconds <= 600, "the warm-up takes 0 to 600 seconds")
        try need(apacheWarmupSeconds >= 0 && apacheWarmupSeconds <= 3600, "a JVM's warm-up takes 0 to 3600 seconds")
        self.znodes = znodes
        self.valueBytes = valueBytes
        self.ratePerSecond = ratePerSecond
        self.readPercent = readPercent
        self.connections = connections
        self.snapshotEvery = snapshotEvery
        self.leastRequests = leastRequests
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.apacheWarmupSeconds = apacheWarmupSeconds
    }
}

/// A start of the server's process on what it had left.
public struct BigTreeStart: Codable, Equatable, Sendable {
    public enum Cause: String, Codable, Sendable, CaseIterable {
        /// The very first one, on an empty directory.
        case empty
        /// After SIGKILL.
        case kill
        /// After SIGTERM.
        case stop
    }

    public var after: Cause
    /// From the process's start until the znode made last could be read.
    public var seconds: Double
    public var cpuSeconds: Double
    public var residentBytes: UInt64
    /// As the server counts them.
    public var znodes: Int
    /// What lay on disk.
    public var snapshotBytes: UInt64
    public var logBytes: UInt64
    /// From the signal until the process before was gone.
    public var endSeconds: Double
}

/// Latencies of one part of the load under snapshots, from the planned sending.
public struct BigTreeLatency: Codable, Equatable, Sendable {
    public var reads: LatencySummary
    public var writes: LatencySummary
    public var readTimes: KeptLatencies
    public var writeTimes: KeptLatencies
}

/// One server's whole course.
public struct BigTreeFigure: Codable, Equatable, Sendable {
    /// Znodes that were made here, without the root and the server's own.
    public var znodes: Int
    public var loadSeconds: Double
    public var createsPerSecond: Double
    public var serverCpuMicrosPerCreate: Double
    public var writtenBytesPerCreate: Double
    /// Before the first create and once all were made and the server came to rest; a JVM's after full collections.
    public var residentBytesBefore: UInt64
    public var residentBytesAfter: UInt64
    public var residentPeakBytes: UInt64
    public var residentBytesPerZnode: Double
    /// A JVM's heap in use after a full collection.
    public var heapBytesAfter: UInt64?
    public var starts: [BigTreeStart]
    /// The load while snapshots were written now and then.
    public var load: PipelinedFigure
    /// Offered in that load.
    public var ratePerSecond: Double
    /// Snapshots that were written from begin to end in the window, each one's seconds.
    public var snapshotSeconds: [Double]
    /// Requests that were out while a snapshot was being written.
    public var during: BigTreeLatency
    /// Requests that were out at least half a second after any snapshot.
    public var quiet: BigTreeLatency
}
