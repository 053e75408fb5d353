import CPlatform
import Histogram
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs one configuration against servers that are already there: sets the tree up, measures, checks, cleans up.
/// Used from one thread, which sleeps while the generator threads work.
public final class LoadRun {
    public let configuration: RunConfiguration
    private let serverPids: [Int32]
    private let progress: ProgressReporter
    private lazy var zipf: AliasTable? =
        configuration.keys == .shared && configuration.distribution == .zipf
        ? .zipf(count: configuration.keyCount, exponent: RunConfiguration.zipfExponent) : nil

    /// - Parameter serverPids: server processes to account for; may be empty.
    public init(
        configuration: RunConfiguration, serverPids: [Int32], progress: ProgressReporter
    ) throws(LoadError) {
        try configuration.validate()
        self.configuration = configuration
        self.serverPids = serverPids
        self.progress = progress
        for pid in serverPids { _ = try ProcessSnapshot(pid: pid) }
    }

    func serverPid(_ index: Int) -> Int32 { serverPids[index] }

    /// Creates the workload's znodes, full-size from the start. What an earlier run left under the root is removed
    /// first; a root that is someone else's is refused, unless the configuration has it deleted.
    ///
    /// - Parameter sharedKeys: shared znodes to create; nil for the configuration's number.
    public func prepare(sharedKeys: Int? = nil) throws(LoadError) {
        if configuration.acceptsCannedContent { return }
        let keys = KeySpace(root: configuration.root)
        let client = try ControlClient.first(of: configuration.servers)
        if let data = try client.data(of: keys.rootPath) {
            guard data == KeySpace.rootStamp || configuration.deletesExistingRoot == true else {
                throw .environment(
                    "the znode \(keys.rootPath) on \(client.server) exists, and corral-bench did not make it: nothing "
                        + "was deleted. Name another place with --root, or have it deleted, with everything below "
                        + "it, by --delete-existing-root")
            }
            try client.deleteTree(keys.rootPath)
        }
        var parent = ""
        for component in keys.rootPath.split(separator: "/") {
            parent += "/\(component)"
            let path = parent
            let isRoot = path == keys.rootPath
            try client.create(1, mayExist: !isRoot) { _ in (path, isRoot ? KeySpace.rootStamp : []) }
        }
        let bytes = configuration.valueBytes
        let filler = ContentStamp(client: 0, sequence: 0, key: 0).makeValue(length: bytes)
        func value(_ client: Int, _ key: Int) -> [UInt8] {
            var value = filler
            let stamp = ContentStamp(client: UInt32(client), sequence: 0, key: UInt32(key))
            value.withUnsafeMutableBytes { stamp.write(to: $0.baseAddress!, length: bytes) }
            return value
        }
        try client.create(configuration.connections) { (keys.connectionPath($0), value($0, $0)) }
        if configuration.keys == .shared {
            try client.create(sharedKeys ?? configuration.keyCount) { (keys.sharedPath($0), value(0, $0)) }
        }
    }

    /// Removes what the workload left. A run that was interrupted before it made the root leaves what is there.
    public func cleanUp() throws(LoadError) {
        if configuration.acceptsCannedContent { return }
        let client = try ControlClient.first(of: configuration.servers)
        guard try client.data(of: configuration.root) == KeySpace.rootStamp else { return }
        try client.deleteTree(configuration.root)
    }

    /// One repeat on fresh connections and a fresh tree.
    public func measure(_ number: Int) throws(LoadError) -> RepeatData {
        try measure(number, sharedKeys: nil, keepsHistory: false, conduct: nil)
    }

    /// What goes on beside the load while it is measured. Gets the signals and whether the load has ended by itself.
    typealias Conduct = (RunSignals, @escaping () -> Bool) -> Void

    /// One repeat whose window lasts as long as `conduct` does.
    ///
    /// - Parameters:
    ///   - sharedKeys: see `prepare`.
    ///   - keepsHistory: whether generators leave what they did to shared keys in the mailbox.
    func measure(_ number: Int, sharedKeys: Int?, keepsHistory: Bool, conduct: Conduct?) throws(LoadError)
        -> RepeatData
    {
        try prepare(sharedKeys: sharedKeys)
        let signals = RunSignals(threads: configuration.threads, keepsHistory: keepsHistory)
        let threads = (0..<configuration.threads).map {
            GeneratorThread(
                configuration: configuration, index: $0, repeatIndex: number, zipf: zipf, signals: signals)
        }
        for thread in threads { try thread.start() }
        func joinAll() throws(LoadError) -> [GeneratorReport] {
            var reports: [GeneratorReport] = []
            var failure: LoadError?
            for thread in threads {
                switch thread.join() {
                case .success(let report): reports.append(report)
                case .failure(let error): failure = failure ?? error
                }
            }
            if let failure { throw failure }
            return reports
        }
        func hasEnded() -> Bool {
            signals.failed.load(ordering: .relaxed) || signals.ended.load(ordering: .relaxed) > 0
        }
        while signals.ready.load(ordering: .relaxed) < threads.count, !hasEnded() { usleep(1000) }
        if hasEnded() {
            signals.phase = .draining
            _ = try joinAll()
        }
        signals.phase = .warmup
        let warmup = warmUp(signals, hasEnded)
        let window: WindowSnapshots
        do {
            window = try observe(signals, hasEnded, conduct)
        } catch {
            signals.phase = .draining
            _ = try joinAll()
            throw error
        }
        let reports = try joinAll()
        progress.clear()
        return summarize(number, warmup: warmup, window: window, reports: reports)
    }

    /// Waits until throughput is steady or the limit is reached.
    private func warmUp(_ signals: RunSignals, _ hasEnded: () -> Bool) -> WarmupResult {
        var test = SteadinessTest()
        let start = corral_monotonic_nanos()
        var lastCount = signals.completed
        var lastTime = start
        var nextLine = progress.intervalSeconds
        while true {
            usleep(100_000)
            let now = corral_monotonic_nanos()
            let count = signals.completed
            let rate = Double(count - lastCount) * 1e9 / Double(now - lastTime)
            test.add(rate)
            lastCount = count
            lastTime = now
            let seconds = Double(now - start) / 1e9
            if test.isSteady || isWarmEnoughOpen(seconds) {
                return WarmupResult(seconds: seconds, steadyStateAttained: true)
            }
            if seconds >= configuration.warmupLimitSeconds || hasEnded() || Interrupt.isRequested {
                return WarmupResult(seconds: seconds, steadyStateAttained: false)
            }
            if seconds >= nextLine {
                progress.update("warm-up \(fixed(seconds, 1)) s, \(short(rate))/s")
                nextLine += progress.intervalSeconds
            }
        }
    }

    /// An open loop's rate is given, so its slices say nothing below some hundred arrivals each: a second must do.
    private func isWarmEnoughOpen(_ seconds: Double) -> Bool {
        guard let rate = configuration.ratePerSecond, rate < 2000 else { return false }
        return seconds >= min(1, configuration.warmupLimitSeconds)
    }

    /// Readings at the measured window's two ends.
    struct WindowSnapshots {
        var startWallSeconds = 0.0
        var startNanos: UInt64 = 0
        var endNanos: UInt64 = 0
        var startCompleted: UInt64 = 0
        var endCompleted: UInt64 = 0
        var startServers: [ProcessSnapshot] = []
        var endServers: [ProcessSnapshot] = []
        var stealShare = 0.0
        var interrupted = false
    }

    private func serverSnapshots() throws(LoadError) -> [ProcessSnapshot] {
        var list: [ProcessSnapshot] = []
        for pid in serverPids { list.append(try ProcessSnapshot(pid: pid)) }
        return list
    }

    /// The measured window. CPU time and the count of replies are read at the same moments, so that CPU per operation
    /// covers exactly the operations it is divided by.
    private func observe(
        _ signals: RunSignals, _ hasEnded: @escaping () -> Bool, _ conduct: Conduct?
    ) throws(LoadError) -> WindowSnapshots {
        var window = WindowSnapshots()
        let ticks = EnvironmentRecord.stealAndTotal()
        signals.phase = .measuring
        window.startWallSeconds = Double(corral_wall_millis()) / 1000
        window.startServers = try serverSnapshots()
        window.startNanos = corral_monotonic_nanos()
        window.startCompleted = signals.completed
        if let conduct {
            conduct(signals, hasEnded)
            window.interrupted = Interrupt.isRequested
        }
        let end = conduct != nil ? 0 : window.startNanos + UInt64(configuration.durationSeconds * 1e9)
        var nextLine = window.startNanos + UInt64(progress.intervalSeconds * 1e9)
        var lineCount = window.startCompleted
        var lineTime = window.startNanos
        while true {
            let now = corral_monotonic_nanos()
            if now >= end || hasEnded() { break }
            if Interrupt.isRequested {
                window.interrupted = true
                break
            }
            if now >= nextLine {
                let count = signals.completed
                report(signals, rate: Double(count - lineCount) * 1e9 / Double(now - lineTime), left: end - now)
                lineCount = count
                lineTime = now
                nextLine = now + UInt64(progress.intervalSeconds * 1e9)
            }
            usleep(UInt32(min(100_000, (end - now) / 1000 + 1)))
        }
        window.endServers = try serverSnapshots()
        window.endNanos = corral_monotonic_nanos()
        window.endCompleted = signals.completed
        signals.phase = .draining
        let after = EnvironmentRecord.stealAndTotal()
        window.stealShare = Double(after.steal - ticks.steal) / Double(max(1, after.total - ticks.total))
        return window
    }

    private func report(_ signals: RunSignals, rate: Double, left: UInt64) {
        let median = signals.cells.map { $0.medianNanos.load(ordering: .relaxed) }.max() ?? 0
        let p99 = signals.cells.map { $0.p99Nanos.load(ordering: .relaxed) }.max() ?? 0
        let outstanding = signals.cells.reduce(0) { $0 + $1.outstanding.load(ordering: .relaxed) }
        let errors = signals.cells.reduce(0) { $0 + $1.errors.load(ordering: .relaxed) }
        let meaning = configuration.isOpenLoop ? "response" : "service"
        progress.update(
            "\(short(rate))/s, \(meaning) p50 \(shortTime(Double(median))) p99 \(shortTime(Double(p99))), "
                + "\(outstanding) outstanding, \(errors) errors, \(fixed(Double(left) / 1e9, 0)) s left")
    }
}
