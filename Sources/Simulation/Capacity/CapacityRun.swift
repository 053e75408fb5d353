import ServerCore
import TxnLog
import Zab

/// An ensemble of given hardware at saturation: what its servers' work costs, what their links and disks let through,
/// and closed-loop clients.
public struct CapacityScenario: Equatable, Sendable {
    public var servers: Int
    public var readPercent: Double
    public var costs: ServiceCosts
    /// Out of each server.
    public var networkBitsPerSecond: Double
    /// One way, on an idle network.
    public var delayNanos: UInt64
    public var fsyncNanos: UInt64
    public var valueBytes: Int
    /// Clients of each server; as many on the leader as on any other.
    public var clientsPerServer: Int
    /// Requests each client keeps outstanding.
    public var window: Int
    /// Answers that come before those that count. Reads overtake other sessions' writes, so it takes a while until as
    /// many of each are outstanding as there will be.
    public var warmup: Int
    /// Answers that count.
    public var operations: Int
    public var seed: UInt64

    public init(
        servers: Int, readPercent: Double, costs: ServiceCosts, networkBitsPerSecond: Double, delayNanos: UInt64,
        fsyncNanos: UInt64, valueBytes: Int, clientsPerServer: Int, window: Int, warmup: Int, operations: Int,
        seed: UInt64 = 1
    ) {
        precondition(servers > 1 && clientsPerServer > 0 && window > 0 && operations > 0 && valueBytes > 0)
        precondition((0...100).contains(readPercent) && networkBitsPerSecond > 0)
        self.servers = servers
        self.readPercent = readPercent
        self.costs = costs
        self.networkBitsPerSecond = networkBitsPerSecond
        self.delayNanos = delayNanos
        self.fsyncNanos = fsyncNanos
        self.valueBytes = valueBytes
        self.clientsPerServer = clientsPerServer
        self.window = window
        self.warmup = warmup
        self.operations = operations
        self.seed = seed
    }
}

/// What came of a scenario, in virtual time.
public struct CapacityOutcome: Equatable, Sendable {
    public var operationsPerSecond: Double
    public var operations: Int
    public var virtualSeconds: Double
    public var events: UInt64
}

/// A scenario that came to nothing: a mistake of the model, or of the servers.
public struct CapacityFailure: Error, CustomStringConvertible, Sendable {
    public var description: String
}

/// Carries a scenario out: the servers' code as it is, without faults, in a world in which work takes time. Used from
/// one thread; the same scenario gives the same outcome each time.
public final class CapacityRun {
    private let scenario: CapacityScenario
    private let world = World()
    private let network: SimulatedNetwork
    private var servers: [SimulatedServer] = []
    private var clients: [CapacityClient] = []
    private let counter: CapacityCounter

    /// Far more than anything here takes.
    private static let limitNanos = 1000 * Span.second

    /// - Parameter trace: takes the lines of a readable trace.
    public init(_ scenario: CapacityScenario, trace: ((String) -> Void)? = nil) {
        self.scenario = scenario
        world.trace.sink = trace
        let clientCount = scenario.clientsPerServer * scenario.servers
        var dice = Dice(seed: scenario.seed)
        var settings = NetworkSettings()
        settings.delayNanos = scenario.delayNanos
        settings.stragglerChance = 0
        settings.fragmentChance = 0
        settings.duplicateConnectionChance = 0
        settings.receiptBytesMax = 1 << 24
        settings.windowBytes = 1 << 26
        settings.serverBytesPerSecond = scenario.networkBitsPerSecond / 8
        network = SimulatedNetwork(
            world, serverCount: scenario.servers, hostCount: scenario.servers + clientCount, settings: settings,
            dice: dice.split())
        let outstanding = clientCount * scenario.window
        counter = CapacityCounter(world, warmup: scenario.warmup, measured: scenario.operations)
        let checker = StateChecker(world)
        for id in 1...scenario.servers {
            var disk = DiskSettings()
            disk.syncNanos = scenario.fsyncNanos
            disk.isSteady = true
            disk.sliceBytes = 1 << 20
            servers.append(
                SimulatedServer(
                    id: id, world: world, network: network, checker: checker,
                    settings: Self.settings(id, scenario, outstanding),
                    disk: SimulatedDisk(world, server: id, settings: disk, mutation: nil, dice: dice.split()),
                    clock: SimulatedClock(world, driftPartsPerMillion: 0, offsetNanos: Span.second),
                    dice: dice.split()))
        }
        for index in 0..<clientCount {
            clients.append(
                CapacityClient(
                    index: index, host: scenario.servers + index, server: index % scenario.servers, network: network,
                    scenario: scenario, counter: counter, dice: dice.split()))
        }
    }

    private static func settings(_ id: Int, _ scenario: CapacityScenario, _ outstanding: Int) -> ServerSettings {
        var settings = ServerSettings()
        settings.serverCount = scenario.servers
        settings.service = scenario.costs
        settings.outputLimitBytes = 1 << 26
        settings.core.tickTimeMillis = 2000
        settings.core.minSessionTimeoutMillis = 4000
        settings.core.maxSessionTimeoutMillis = 3_600_000
        settings.core.snapCount = Int(Int32.max)
        settings.core.serverId = Int64(id)
        settings.core.maxClientConnections = 0
        settings.core.globalOutstandingLimit = 10 * outstanding
        settings.core.isReplicated = true
        let ids = (1...scenario.servers).map { ServerID($0) }
        guard let rule = try? QuorumRule(voters: ids, observers: [], groups: [], weights: [:]) else {
            preconditionFailure("an ensemble without a quorum")
        }
        let ensemble = EnsembleSettings(
            quorum: rule, observers: [],
            // A learner may be behind for as long as its queue is long.
            limits: ZabLimits(tickMillis: 2000, initLimitTicks: 1000, syncLimitTicks: 1000),
            recentBytesMax: 1 << 20, mutations: [], noted: { _, _ in })
        settings.makeProcess = { try ReplicatedProcess($0, ensemble) }
        return settings
    }

    public func run() throws(CapacityFailure) -> CapacityOutcome {
        defer { dismantle() }
        for server in servers { world.after(UInt64(server.id) * Span.millisecond) { server.start() } }
        try wait("all clients are connected") { [self] in
            for client in clients where client.state == .idle { client.start() }
            return clients.allSatisfy { $0.state == .ready }
        }
        for client in clients { client.load() }
        try wait("enough is answered") { [self] in counter.outcome != nil }
        guard let (nanos, count) = counter.outcome, nanos > 0 else {
            throw CapacityFailure(description: "\(counter.completed) operations took no time")
        }
        return CapacityOutcome(
            operationsPerSecond: Double(count) / (Double(nanos) / 1e9), operations: count,
            virtualSeconds: Double(nanos) / 1e9, events: world.eventCount)
    }

    private func wait(_ what: String, _ condition: () -> Bool) throws(CapacityFailure) {
        while !condition() {
            if let violation = world.violation { throw CapacityFailure(description: "\(violation)") }
            if let failure = clients.lazy.compactMap(\.failure).first { throw CapacityFailure(description: failure) }
            guard world.now < Self.limitNanos else {
                let roles = servers.map { "\($0.inspection.role)" }.joined(separator: ", ")
                throw CapacityFailure(
                    description: "not within \(Self.limitNanos / Span.second) s of virtual time: \(what), "
                        + "\(counter.completed) operations, servers \(roles)")
            }
            world.run(until: world.now + 2 * Span.millisecond)
        }
    }

    /// Nothing of a run outlives it, though its parts know one another.
    private func dismantle() {
        world.end()
        network.dismantle()
        for server in servers { server.dismantle() }
    }
}
