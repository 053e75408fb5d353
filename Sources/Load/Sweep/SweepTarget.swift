/// What a block of a sweep measures: one server, or an ensemble whose servers all take clients. Used from one thread.
final class SweepTarget {
    let kind: ServerKind
    let addresses: [ServerAddress]
    let description: ServerDescription
    private let server: ManagedServer?
    private let ensemble: ManagedEnsemble?

    /// Starts it and waits until it serves.
    init(_ kind: ServerKind, plan: SweepPlan, options: ServerOptions) throws(LoadError) {
        self.kind = kind
        // The null server is a floor for any of them.
        if let count = plan.ensembleServers, kind != .null {
            let ensemble = try ManagedEnsemble(
                EnsembleOptions(
                    kinds: [ServerKind](repeating: kind, count: count), observers: plan.observers ?? 0,
                    server: options))
            try ensemble.start()
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
            self.ensemble = ensemble
            server = nil
            addresses = ensemble.addresses
            description = ensemble.members[0].description ?? .unknown
        } else {
            let server = try ManagedServer(kind, options: options)
            self.server = server
            ensemble = nil
            addresses = [server.address]
            description = server.description
        }
    }

    func stop() {
        server?.stop()
        ensemble?.stop()
    }

    var pids: [Int32] { ensemble?.pids ?? [server!.pid] }

    /// Each server's role, in the order of `pids`; nil for a single server.
    var roles: [MemberRole]? {
        guard let ensemble else { return nil }
        let roles = ensemble.roles()
        return ensemble.members.map { roles[$0.id] ?? .down }
    }
}
