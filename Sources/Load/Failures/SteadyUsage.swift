import CPlatform

/// What servers use from one moment to another while nothing happens to them.
struct SteadyUsage {
    private let nanos: UInt64
    private let completed: UInt64
    private let snapshots: [ProcessSnapshot]
    private let roles: [Int: MemberRole]

    /// - Parameter completed: successes of all clients so far.
    init(_ ensemble: ManagedEnsemble, completed: UInt64) throws(LoadError) {
        roles = ensemble.roles()
        nanos = corral_monotonic_nanos()
        self.completed = completed
        snapshots = try Self.snapshots(ensemble)
    }

    private static func snapshots(_ ensemble: ManagedEnsemble) throws(LoadError) -> [ProcessSnapshot] {
        var list: [ProcessSnapshot] = []
        for member in ensemble.members { list.append(try ProcessSnapshot(pid: member.pid ?? 0)) }
        return list
    }

    /// By server; nil when nothing was answered since.
    func until(_ completed: UInt64, _ ensemble: ManagedEnsemble) throws(LoadError) -> [ServerUsage]? {
        guard completed > self.completed else { return nil }
        let now = try Self.snapshots(ensemble)
        let elapsed = corral_monotonic_nanos() - nanos
        return ensemble.members.enumerated().map { index, member in
            var usage = ServerUsage(
                pid: member.pid ?? 0, from: snapshots[index], to: now[index], operations: completed - self.completed,
                nanos: elapsed)
            usage.serverId = member.id
            usage.role = roles[member.id]
            return usage
        }
    }
}
