import ServerCore
import Zab

/// Everything that one seed decides before the world begins.
struct RunPlan: CustomStringConvertible {
    var serverCount = 1
    var observerCount = 0
    var clientCount = 4
    var tickMillis: Int32 = 200
    var initLimit: Int64 = 10
    var syncLimit: Int64 = 4
    var snapCount = 20
    var recentBytesMax = 4096
    var timeoutsMillis: [Int32] = [4000]
    var network = NetworkSettings()
    var disk = DiskSettings()
    var client = ClientSettings()
    var workload = Workload()
    var faults = FaultPlan()
    var tickNanos: UInt64 = 20 * Span.millisecond
    var mutation: Mutation?
    var quorum = QuorumPlan()

    static func random(_ dice: inout Dice, _ options: SimulationOptions) -> RunPlan {
        var plan = RunPlan()
        plan.mutation = options.mutation
        let drawn = dice.weighted([50, 34, 8, 8])
        plan.serverCount = options.servers ?? [3, 5, 4, 4][drawn]
        if options.servers == nil, drawn == 3 { plan.observerCount = 1 }
        plan.clientCount = dice.int(2...6)
        plan.tickMillis = Int32(dice.pick([100, 200, 500]))
        plan.initLimit = Int64(dice.pick([5, 10]))
        plan.syncLimit = Int64(dice.pick([3, 5]))
        plan.snapCount = dice.pick([6, 20, 60, 1000])
        plan.recentBytesMax = dice.pick([300, 2000, 20_000, 1 << 20])
        // Only from some 15 ticks on is it certain that a fault between servers cannot cost a session
        // (`SimulatedClient.sessionExpired`); the short ones are there to expire.
        let ticks: [Int32] = dice.pick([[10], [6, 20], [6], [16, 30]])
        plan.timeoutsMillis = ticks.map { plan.tickMillis * $0 }
        plan.network.delayNanos = UInt64(dice.pick([50, 200, 1000, 5000])) * Span.microsecond
        plan.network.stragglerChance = dice.pick([0, 0.01, 0.1])
        plan.network.fragmentChance = dice.pick([0, 0.05, 0.3])
        plan.network.duplicateConnectionChance = dice.pick([0, 0.05, 0.3])
        plan.network.receiptBytesMax = dice.pick([500, 4000, 64 << 10])
        plan.network.windowBytes = dice.pick([2000, 16 << 10, 256 << 10])
        plan.network.connectTimeoutNanos = UInt64(dice.pick([200, 1000])) * Span.millisecond
        plan.disk.syncNanos = UInt64(dice.pick([50, 500, 3000, 15_000])) * Span.microsecond
        plan.disk.supportsDirect = dice.chance(0.5)
        plan.disk.preallocationBytes = dice.pick([0, 0, 16 << 10])
        plan.disk.segmentLimitBytes = dice.pick([nil, nil, 6000])
        plan.disk.snapshotSliceNodes = dice.pick([1, 4, 50])
        plan.disk.retainedSnapshots = dice.pick([0, 1, 3])
        plan.tickNanos = UInt64(dice.pick([10, 25, 50])) * Span.millisecond
        plan.client.tickMillis = plan.tickMillis
        plan.client.syncLimitTicks = plan.syncLimit
        plan.client.roamNanos = UInt64(dice.pick([0, 0, 300, 2000])) * Span.millisecond
        plan.workload = Workload.random(&dice)
        plan.faults = FaultPlan.random(&dice, servers: plan.serverCount)
        plan.quorum = QuorumPlan.random(&dice, voters: plan.serverCount - plan.observerCount)
        return plan
    }

    /// How long a healed ensemble may take: some rounds of everything that has a limit.
    var patienceNanos: UInt64 {
        let limits = UInt64(tickMillis) * UInt64(initLimit + syncLimit) * 4
        return limits * Span.millisecond + 30 * Span.second
    }

    func settings(of server: Int) -> ServerSettings {
        var settings = ServerSettings()
        settings.serverCount = serverCount
        settings.tickNanos = tickNanos
        settings.core.tickTimeMillis = tickMillis
        settings.core.minSessionTimeoutMillis = tickMillis * 2
        settings.core.maxSessionTimeoutMillis = tickMillis * 20
        settings.core.snapCount = snapCount
        settings.core.serverId = Int64(server)
        settings.core.maxClientConnections = 0
        settings.core.isReplicated = serverCount > 1
        return settings
    }

    /// - Parameter noted: told what the replicas tell their operators.
    func ensemble(noted: @escaping (SimulatedServer, ReplicaNotice) -> Void) -> EnsembleSettings? {
        guard serverCount > 1 else { return nil }
        let ids = (1...serverCount).map { ServerID($0) }
        let observers = Array(ids.suffix(observerCount))
        guard
            let rule = try? QuorumRule(
                voters: ids.filter { !observers.contains($0) }, observers: observers, groups: quorum.groups,
                weights: quorum.weights)
        else { preconditionFailure("an ensemble without a quorum") }
        return EnsembleSettings(
            quorum: rule, quorumOf: mutation?.name == "electionHalf" ? halfQuorum(ids, observers) : nil,
            observers: observers,
            limits: ZabLimits(
                tickMillis: Int64(tickMillis), initLimitTicks: initLimit, syncLimitTicks: syncLimit),
            recentBytesMax: recentBytesMax, mutations: mutation?.protocolPart ?? [], noted: noted)
    }

    /// A mistake: for each server itself and one other are enough.
    private func halfQuorum(_ ids: [ServerID], _ observers: [ServerID]) -> (ServerID) -> QuorumRule? {
        let voters = ids.filter { !observers.contains($0) }
        return { own in
            var weights: [ServerID: Int64] = [:]
            for id in voters { weights[id] = id == own ? Int64(voters.count) - 1 : 1 }
            return try? QuorumRule(voters: voters, observers: observers, groups: [voters], weights: weights)
        }
    }

    var description: String {
        let kinds = faults.rates.map { "\($0.kind.name)/\($0.meanIntervalNanos / Span.millisecond)ms" }
        return "\(serverCount) servers (\(observerCount) observers), \(quorum), \(clientCount) clients, "
            + "tick \(tickMillis) ms, snapCount \(snapCount), recent \(recentBytesMax) B, depth \(workload.depth), "
            + "direct \(disk.supportsDirect), faults \(kinds.joined(separator: " ")) for "
            + "\(faults.chaosNanos / Span.second) s"
    }
}
