import Load

/// The computers that a prediction is for: one for each server, all alike.
public struct Hardware: Codable, Equatable, Sendable {
    /// CPUs that a server may use. A server's core is one thread: for writes, and for what a single reactor serves,
    /// more than one counts for little (the log has a thread of its own).
    public var cpus: Double
    /// How fast one of them is against the CPU on which costs were measured.
    public var speed: Double
    /// Megabits per second out of each server.
    public var networkMegabits: Double
    /// What it takes to make a batch durable, in milliseconds.
    public var fsyncMillis: Double

    /// - Throws: for what no machine has.
    public init(cpus: Double = 1, speed: Double = 1, networkMegabits: Double = 1000, fsyncMillis: Double = 1)
        throws(LoadError)
    {
        func need(_ value: Double, _ range: ClosedRange<Double>, _ name: String) throws(LoadError) {
            guard range.contains(value) else {
                throw .usage("\(name) lies between \(range.lowerBound) and \(range.upperBound), not \(value)")
            }
        }
        try need(cpus, 0.001...1024, "a server's CPUs")
        try need(speed, 0.01...100, "a CPU's speed")
        try need(networkMegabits, 1...1_000_000, "a network's megabits")
        try need(fsyncMillis, 0...10_000, "an fsync's milliseconds")
        self.cpus = cpus
        self.speed = speed
        self.networkMegabits = networkMegabits
        self.fsyncMillis = fsyncMillis
    }
}
