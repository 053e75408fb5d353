import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the generator's thread had of the CPUs.
public struct GeneratorUse: Codable, Equatable, Sendable {
    /// CPU time over the time that went by.
    public var cpuShare: Double
    /// Of the time that went by, what it could have run in and had no CPU: others, the servers among them, had them.
    public var waitShare: Double
}

/// CPU time of an ensemble and of this thread over a stretch of time.
struct CrowdWindow {
    let startNanos: UInt64
    private let serverNanos: UInt64
    private let ownNanos: UInt64
    private let waitNanos: UInt64
    private let pids: [Int32]

    init(_ ensemble: ManagedEnsemble) {
        pids = ensemble.pids
        serverNanos = Self.cpuNanos(pids)
        ownNanos = corral_thread_cpu_nanos()
        waitNanos = Self.waitNanos
        startNanos = corral_monotonic_nanos()
    }

    /// Servers that have ended since count as before.
    private static func cpuNanos(_ pids: [Int32]) -> UInt64 {
        pids.reduce(0) { $0 + (ProcessSnapshot.cpuNanos(of: $1) ?? 0) }
    }

    /// All servers together, so far.
    var serverMicros: Double {
        let now = Self.cpuNanos(pids)
        return Double(now - min(now, serverNanos)) / 1e3
    }

    /// How long this thread has waited for a CPU; the second field of the scheduler's statistics.
    private static var waitNanos: UInt64 {
        let fields = TextFile.read("/proc/thread-self/schedstat").split(separator: " ")
        return fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0
    }

    /// Of this thread, so far.
    var generator: GeneratorUse {
        let elapsed = Double(max(1, corral_monotonic_nanos() - startNanos))
        return GeneratorUse(
            cpuShare: Double(corral_thread_cpu_nanos() - ownNanos) / elapsed,
            waitShare: Double(Self.waitNanos - waitNanos) / elapsed)
    }

    var seconds: Double { Double(corral_monotonic_nanos() - startNanos) / 1e9 }
}

/// What a crowd's thread may use before it counts as the limit of what was measured.
public enum CrowdLimits {
    /// Of one CPU.
    public static let generatorShare = LoadRun.cpuShareLimit
}

/// An ensemble for a crowd.
enum CrowdServers {
    /// Starts servers of one kind, the last ones observing, until all are in step.
    static func start(
        _ kind: ServerKind, servers: Int, observers: Int = 0, settings: [String: String], options: ServerOptions
    ) throws(LoadError) -> ManagedEnsemble {
        let ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: kind, count: servers + observers), observers: observers,
                server: options, settings: settings))
        do {
            try ensemble.start()
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        } catch {
            ensemble.stop()
            throw error
        }
        return ensemble
    }

    /// Every server then shows what has been acknowledged before.
    static func synchronize(_ ensemble: ManagedEnsemble, _ path: String) throws(LoadError) {
        for address in ensemble.addresses {
            let client = try ControlClient(address)
            client.queueSync(path)
            try client.flush { (_, _) in }
        }
    }
}
