import Foundation

/// Many seeds in several processes of this same program, so that a trap ends one seed and not the campaign.
public final class Campaign {
    public struct Settings: Sendable {
        public var first: UInt64 = 1
        public var seeds = 100
        public var jobs = 1
        /// No new seed is begun after this many seconds.
        public var limitSeconds: Double?
        /// Arguments of a worker beside its seeds: servers, mutation.
        public var workerArguments: [String] = []
        public var stopsAtFirstViolation = false
        /// Asked several times a second: ends the campaign with what is known by then.
        public var isCancelled: @Sendable () -> Bool = { false }
        public var executable = ""

        public init() {}
    }

    /// One worker and the lines it has sent.
    private final class Worker {
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        var pending: [UInt8] = []
        var running: UInt64?
        var cpuNanos: UInt64 = 0
        var next: UInt64
        var isDone = false

        init(next: UInt64) { self.next = next }
    }

    /// Worlds of many small things leave the heap in holes: a process ends before they fill the memory.
    private static let seedsOfWorkerMax: UInt64 = 200

    private let settings: Settings
    private let report: (SeedReport) -> Void
    public private(set) var summary = CampaignSummary()
    private let start = Date()

    /// - Parameter report: told of each seed as it ends.
    public init(_ settings: Settings, report: @escaping (SeedReport) -> Void) {
        self.settings = settings
        self.report = report
    }

    public func run() throws {
        let stride = UInt64(max(1, settings.jobs))
        var workers: [Worker] = []
        for job in 0..<stride { workers.append(try launch(settings.first + job)) }
        while workers.first(where: { !$0.isDone }) != nil {
            var polls = workers.filter { !$0.isDone }.map {
                pollfd(fd: $0.output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            }
            _ = poll(&polls, nfds_t(polls.count), 500)
            let active = workers.indices.filter { !workers[$0].isDone }
            for (place, index) in active.enumerated() where polls[place].revents != 0 {
                if let again = try read(workers[index]) { workers[index] = again }
            }
            if mustStop { stop(workers) }
        }
        summary.wallSeconds = Date().timeIntervalSince(start)
    }

    private var mustStop: Bool {
        if settings.stopsAtFirstViolation, !summary.violations.isEmpty { return true }
        if settings.isCancelled() { return true }
        return settings.limitSeconds.map { Date().timeIntervalSince(start) > $0 } ?? false
    }

    private func stop(_ workers: [Worker]) {
        for worker in workers where !worker.isDone {
            worker.process.terminate()
            worker.process.waitUntilExit()
            finish(worker)
        }
    }

    private func launch(_ first: UInt64) throws -> Worker {
        let stride = UInt64(max(1, settings.jobs))
        let end = settings.first + UInt64(settings.seeds)
        let worker = Worker(next: first)
        guard first < end else {
            worker.isDone = true
            return worker
        }
        let count = min((end - first + stride - 1) / stride, Self.seedsOfWorkerMax)
        worker.process.executableURL = URL(fileURLWithPath: settings.executable)
        worker.process.arguments =
            ["simulate", "--worker", "--seed", String(first), "--seeds", String(count), "--stride", String(stride)]
            + settings.workerArguments
        worker.process.standardOutput = worker.output
        worker.process.standardError = worker.errors
        try worker.process.run()
        return worker
    }

    /// Takes what has come. - Returns: a worker to go on where one has trapped.
    private func read(_ worker: Worker) throws -> Worker? {
        let data = worker.output.fileHandleForReading.availableData
        guard !data.isEmpty else { return try ended(worker) }
        worker.pending += data
        while let newline = worker.pending.firstIndex(of: 0x0a) {
            let line = String(decoding: worker.pending[..<newline], as: UTF8.self)
            worker.pending.removeFirst(newline + 1)
            take(line, worker)
        }
        return nil
    }

    private func take(_ line: String, _ worker: Worker) {
        if line.hasPrefix(WorkerLine.begin) {
            worker.running = UInt64(line.dropFirst(WorkerLine.begin.count))
            worker.next = (worker.running ?? 0) + UInt64(max(1, settings.jobs))
        } else if line.hasPrefix(WorkerLine.end) {
            worker.running = nil
            let body = Data(line.dropFirst(WorkerLine.end.count).utf8)
            guard let found = try? JSONDecoder().decode(SeedReport.self, from: body) else { return }
            worker.cpuNanos = found.cpuNanos
            summary.add(found)
            report(found)
        }
    }

    private func ended(_ worker: Worker) throws -> Worker? {
        worker.process.waitUntilExit()
        finish(worker)
        guard !mustStop else { return nil }
        if worker.running == nil, worker.process.terminationStatus == 0 { return try launch(worker.next) }
        let seed = worker.running ?? worker.next
        let errors = String(decoding: worker.errors.fileHandleForReading.availableData, as: UTF8.self)
        let line =
            errors.split(separator: "\n").first { $0.contains("Fatal error") } ?? errors.split(separator: "\n").first
        let found = SeedReport(
            trapped: seed, text: line.map(String.init) ?? "status \(worker.process.terminationStatus)")
        summary.add(found)
        report(found)
        return mustStop ? nil : try launch(seed + UInt64(max(1, settings.jobs)))
    }

    private func finish(_ worker: Worker) {
        guard !worker.isDone else { return }
        worker.isDone = true
        summary.cpuSeconds += Double(worker.cpuNanos) / 1e9
    }
}
