import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Measures the broadcast alone. Used from one thread.
public enum BroadcastRunner {
    public static func run(
        _ plan: BroadcastPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> BroadcastResult {
        var options = options
        options.network = plan.network
        guard let log = plan.log else { return try measure(plan, options: options, progress: progress) }
        return try log.withDataRoot(options.dataRoot, servers: plan.servers) { (root) throws(LoadError) in
            var own = options
            own.dataRoot = root
            own.fsync = log.isForced
            return try measure(plan, options: own, progress: progress)
        }
    }

    private static func measure(
        _ plan: BroadcastPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> BroadcastResult {
        let ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: .corral, count: plan.servers), server: options, settings: plan.settings))
        defer { ensemble.stop() }
        try ensemble.start()
        try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        guard let leader = ensemble.leader else { throw .environment("no server of the ensemble leads") }
        var groups: [ControlGroup] = []
        if let budget = plan.budget { groups = try ControlGroup.each(ensemble.pids, budget: budget) }
        // First, so that servers can end in their own time.
        defer { groups.forEach { $0.remove() } }
        try wait(plan.warmupSeconds)

        let roles = ensemble.roles()
        let before = try snapshots(ensemble)
        let throttled = Throttling.sum(groups)
        var marks = [try mark(leader)]
        let end = marks[0].nanos + UInt64(plan.seconds * 1e9)
        while marks.last!.nanos < end {
            progress.update("\(plan.servers) servers broadcast")
            try wait(min(BroadcastPlan.sampleSeconds, Double(end - marks.last!.nanos) / 1e9 + 0.001))
            marks.append(try mark(leader))
        }
        let after = try snapshots(ensemble)
        let throttling = Throttling.sum(groups) - throttled
        guard ensemble.roles() == roles else { throw .environment("roles changed while the broadcast was measured") }
        let count = marks.last!.zxid - marks[0].zxid
        guard count > 0 else { throw .environment("nothing was broadcast") }
        let nanos = marks.last!.nanos - marks[0].nanos
        var usage: [ServerUsage] = []
        for (index, member) in ensemble.members.enumerated() {
            var server = ServerUsage(
                pid: member.pid ?? 0, from: before[index], to: after[index], operations: UInt64(count), nanos: nanos)
            server.serverId = member.id
            server.role = roles[member.id]
            usage.append(server)
        }
        let samples = zip(marks, marks.dropFirst()).map { earlier, later in
            Double(later.zxid - earlier.zxid) / (Double(later.nanos - earlier.nanos) / 1e9)
        }
        return BroadcastResult(
            windowSeconds: Double(nanos) / 1e9, transactions: UInt64(count),
            throughputPerSecond: Double(count) / (Double(nanos) / 1e9), samplesPerSecond: samples, servers: usage,
            throttling: groups.isEmpty ? nil : throttling, description: leader.description ?? .unknown)
    }

    /// Where the leader is, and when.
    private static func mark(_ leader: EnsembleMember) throws(LoadError) -> (nanos: UInt64, zxid: Int64) {
        for line in FourLetterWord.ask("srvr", of: leader.address).split(separator: "\n")
        where line.hasPrefix("Zxid: 0x") {
            if let zxid = Int64(line.dropFirst(8), radix: 16) { return (corral_monotonic_nanos(), zxid) }
        }
        throw .environment("the leader does not tell how far it is")
    }

    private static func snapshots(_ ensemble: ManagedEnsemble) throws(LoadError) -> [ProcessSnapshot] {
        var list: [ProcessSnapshot] = []
        for member in ensemble.members { list.append(try ProcessSnapshot(pid: member.pid ?? 0)) }
        return list
    }

    private static func wait(_ seconds: Double) throws(LoadError) {
        let end = corral_monotonic_nanos() + UInt64(seconds * 1e9)
        while corral_monotonic_nanos() < end {
            if Interrupt.isRequested { throw .interrupted("interrupted while the broadcast was measured") }
            usleep(UInt32(min(20_000, (end - min(end, corral_monotonic_nanos())) / 1000)))
        }
    }
}
