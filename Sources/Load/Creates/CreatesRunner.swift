import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Measures creates. Used from one thread.
///
/// Workers are threads with blocking sockets that speak the protocol themselves: with one worker a create's latency is
/// a round trip, and what a client library adds to it would be measured as the server's.
public enum CreatesRunner {
    static let root = "/corral-creates"

    public static func run(
        _ plan: CreatesPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> CreatesResult {
        var options = options
        options.network = plan.network
        let ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: plan.kind, count: plan.servers), server: options,
                settings: plan.settings))
        defer { ensemble.stop() }
        try ensemble.start()
        try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        var result = CreatesResult(
            description: ensemble.members[0].description ?? .unknown, figures: [], problems: [])
        let control = try ControlClient.first(of: ensemble.addresses)
        try control.create(1) { _ in (root, []) }
        for workers in plan.workers {
            progress.update("\(plan.servers) servers, \(workers) workers")
            let crowd = CreateWorkers(plan, servers: ensemble.addresses)
            if plan.warmupCreates > 0 {
                _ = try crowd.run(workers: workers, creates: plan.warmupCreates, limitSeconds: plan.limitSeconds)
            }
            // Opening the sessions takes writes too, one after another: what is measured begins behind them.
            var before: UInt64 = 0
            var own = 0.0
            var start: UInt64 = 0
            let latencies = try crowd.run(
                workers: workers, creates: plan.createsPerWorker, limitSeconds: plan.limitSeconds
            ) { () throws(LoadError) in
                before = try cpuNanos(ensemble)
                own = ProcessorTime.ownSeconds
                start = corral_monotonic_nanos()
            }
            let end = crowd.lastReplyNanos
            let cpu = try cpuNanos(ensemble) - before
            if Interrupt.isRequested { throw .interrupted("interrupted while creates were measured") }
            let ownEnd = ProcessorTime.ownSeconds
            guard
                var figure = CreatesFigure(
                    workers: workers, latencies: latencies, seconds: Double(end - min(start, end)) / 1e9, cpuNanos: cpu,
                    isCutShort: latencies.count < workers * plan.createsPerWorker)
            else { throw .result("\(workers) workers created nothing") }
            figure.generatorCpuShare = ProcessorTime.share(
                ownEnd - own, beside: Double(cpu) / 1e9, over: figure.windowSeconds, threads: workers)
            figure.firstHalfShare = crowd.share(until: start + (end - min(start, end)) / 2)
            let left = try control.synchronizedChildren(of: root).count
            figure.leftZnodes = left
            result.figures.append(figure)
            if left > 0 { result.problems.append("\(workers) workers: \(left) znodes were left, deletions were lost") }
        }
        return result
    }

    private static func cpuNanos(_ ensemble: ManagedEnsemble) throws(LoadError) -> UInt64 {
        var sum: UInt64 = 0
        for pid in ensemble.pids { sum += try ProcessSnapshot(pid: pid).cpuNanos }
        return sum
    }
}

extension ControlClient {
    /// The names below a znode, none of what was acknowledged before missing.
    func synchronizedChildren(of path: String) throws(LoadError) -> [String] {
        queueSync(path)
        try flush { (_, _) in }
        return try children(of: path)
    }
}

/// Workers on threads of their own. What threads share lies under `shared`.
final class CreateWorkers: Sendable {
    private struct Shared {
        var latencies: [UInt64] = []
        var replyNanos: [UInt64] = []
        var lastReplyNanos: UInt64 = 0
        var running = 0
        var failure: LoadError?
    }

    private let plan: CreatesPlan
    private let servers: [ServerAddress]
    private let shared = Mutex(Shared())
    /// Distinguishes the names of one run from those of the one before.
    private let run = Atomic<Int>(0)

    init(_ plan: CreatesPlan, servers: [ServerAddress]) {
        self.plan = plan
        self.servers = servers
    }

    /// When the last create was acknowledged.
    var lastReplyNanos: UInt64 { shared.withLock { $0.lastReplyNanos } }

    /// How many of the creates were acknowledged by a time, as a share.
    func share(until nanos: UInt64) -> Double {
        shared.withLock { shared in
            Double(shared.replyNanos.count { $0 <= nanos }) / Double(max(1, shared.replyNanos.count))
        }
    }

    /// Returns every create's latency, once all workers are done and what they made is deleted. Sessions are open
    /// before the first create is sent.
    ///
    /// - Parameter begins: is called once they are.
    func run(
        workers: Int, creates: Int, limitSeconds: Double, begins: () throws(LoadError) -> Void = {}
    ) throws(LoadError) -> [UInt64] {
        let number = run.add(1, ordering: .relaxed).newValue
        var clients: [ControlClient] = []
        for worker in 0..<workers {
            clients.append(try ControlClient(servers[(plan.firstServer + worker) % servers.count]))
        }
        shared.withLock { $0 = Shared(running: workers) }
        try begins()
        let deadline = corral_monotonic_nanos() + UInt64(limitSeconds * 1e9)
        for (worker, client) in clients.enumerated() {
            // Its only user from now on.
            nonisolated(unsafe) let session = client
            try PlainThread.start {
                let outcome = self.work(session, "\(CreatesRunner.root)/r\(number)-w\(worker)-", creates, deadline)
                self.shared.withLock {
                    switch outcome {
                    case .success(let (latencies, replies, last)):
                        $0.latencies += latencies
                        $0.replyNanos += replies
                        $0.lastReplyNanos = max($0.lastReplyNanos, last)
                    case .failure(let error): $0.failure = $0.failure ?? error
                    }
                    $0.running -= 1
                }
            }
        }
        while shared.withLock({ $0.running }) > 0 { usleep(2000) }
        if let failure = shared.withLock({ $0.failure }) { throw failure }
        return shared.withLock { $0.latencies }
    }

    private func work(
        _ client: ControlClient, _ prefix: String, _ creates: Int, _ deadline: UInt64
    ) -> Result<([UInt64], [UInt64], UInt64), LoadError> {
        let value = [UInt8](repeating: 0x63, count: plan.valueBytes)
        var latencies: [UInt64] = []
        latencies.reserveCapacity(creates)
        var replies: [UInt64] = []
        replies.reserveCapacity(creates)
        var now = corral_monotonic_nanos()
        do throws(LoadError) {
            for number in 0..<creates {
                if now >= deadline || Interrupt.isRequested { break }
                if number > 0 { client.queueDelete("\(prefix)\(number - 1)") }
                client.queueCreate("\(prefix)\(number)", value: value)
                let sent = corral_monotonic_nanos()
                try client.flush { (_, reply) throws(LoadError) in
                    guard reply.code == 0 else {
                        throw .connection("a worker was answered with \(ControlClient.text(reply.code))")
                    }
                }
                now = corral_monotonic_nanos()
                latencies.append(now - sent)
                replies.append(now)
            }
            if !latencies.isEmpty {
                client.queueDelete("\(prefix)\(latencies.count - 1)")
                try client.flush { (_, _) in }
            }
        } catch {
            return .failure(error)
        }
        return .success((latencies, replies, now))
    }
}
