/// What a block of a sweep measures: one server, or an ensemble whose servers all take clients. Used from one thread.
final class SweepTarget {
    let kind: ServerKind
    let addresses: [ServerAddress]
    let description: ServerDescription
    private let server: ManagedServer?
    private let ensemble: ManagedEnsemble?
    private let cluster: EtcdCluster?
    private let options: ServerOptions
    /// One per server, once `limit` was called.
    private var groups: [ControlGroup] = []

    /// Starts it and waits until it serves.
    init(_ kind: ServerKind, plan: SweepPlan, options: ServerOptions) throws(LoadError) {
        self.kind = kind
        var options = options
        options.network = plan.network
        self.options = options
        if kind == .etcd {
            let cluster = try EtcdCluster(servers: plan.ensembleServers ?? 1, options: options)
            self.cluster = cluster
            server = nil
            ensemble = nil
            addresses = try Self.members(of: cluster, for: plan.clients ?? .everywhere).map(\.address)
            description = cluster.members[0].description
            return
        }
        cluster = nil
        // The null server is a floor for any of them.
        if let count = plan.ensembleServers, kind != .null {
            let ensemble = try ManagedEnsemble(
                EnsembleOptions(
                    kinds: [ServerKind](repeating: kind, count: count), observers: plan.observers ?? 0,
                    server: options, settings: plan.settings ?? [:]))
            try ensemble.start()
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
            self.ensemble = ensemble
            server = nil
            addresses = try Self.members(of: ensemble, for: plan.clients ?? .everywhere).map(\.address)
            description = ensemble.members[0].description ?? .unknown
        } else {
            let server = try ManagedServer(kind, options: options)
            self.server = server
            ensemble = nil
            addresses = [server.address]
            description = server.description
        }
    }

    private static func members(
        of ensemble: ManagedEnsemble, for placement: ClientPlacement
    ) throws(LoadError) -> [EnsembleMember] {
        if placement == .everywhere { return ensemble.members }
        guard let leader = ensemble.leader else { throw .environment("no server of the ensemble leads") }
        return placement == .leader ? [leader] : ensemble.members.filter { $0.id != leader.id }
    }

    private static func members(
        of cluster: EtcdCluster, for placement: ClientPlacement
    ) throws(LoadError) -> [EtcdMember] {
        if placement == .everywhere { return cluster.members }
        guard let leader = cluster.leader else { throw .environment("no server of etcd's cluster leads") }
        return placement == .leader ? [leader] : cluster.members.filter { $0.id != leader.id }
    }

    /// One measurement, by the generator that speaks the server's protocol.
    func measure(
        _ configuration: RunConfiguration, number: Int, progress: ProgressReporter
    ) throws(LoadError) -> RepeatData {
        guard let cluster else {
            return try LoadRun(configuration: configuration, serverPids: pids, progress: progress).measure(number)
        }
        return try EtcdLoadRun(
            configuration: configuration, options: options, serverPids: pids, directory: cluster.directory,
            progress: progress
        ).measure(number)
    }

    /// From now on each server has this much CPU time. Not before: a server that starts, and a JVM that compiles, is
    /// not what is measured.
    func limit(_ budget: CpuBudget) throws(LoadError) {
        groups = try ControlGroup.each(pids, budget: budget)
    }

    /// Of all servers together; nil without budgets.
    var throttling: Throttling? {
        groups.isEmpty ? nil : Throttling.sum(groups)
    }

    func stop() {
        // First, so that servers can end in their own time.
        groups.forEach { $0.remove() }
        server?.stop()
        ensemble?.stop()
        cluster?.stop()
    }

    var pids: [Int32] {
        if let cluster { return cluster.members.compactMap(\.pid) }
        return ensemble?.pids ?? [server!.pid]
    }

    /// Each server's role, in the order of `pids`; nil for a single server.
    var roles: [MemberRole]? {
        if let cluster, cluster.members.count > 1 { return cluster.members.map { $0.role() } }
        guard let ensemble else { return nil }
        let roles = ensemble.roles()
        return ensemble.members.map { roles[$0.id] ?? .down }
    }
}
