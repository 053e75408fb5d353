import EtcdMessages
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// One run: connects, writes every key once, warms up, measures, drains, prints the result.
struct LoadRun {
    var endpoints: [Endpoint]
    var connections: Int
    var window: Int
    var settings: EtcdConnection.Settings
    var warmupSeconds: Double
    var durationSeconds: Double
    /// Of the open loop; nil for a closed one.
    var ratePerSecond: Double?
    var seed: UInt64
    var threads: Int

    private static let sliceNanos: UInt64 = 100_000_000
    private static let drainLimitSeconds = 10.0
    private static let connectLimitSeconds = 20.0

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let phase = LoadPhase()
        let executors = (0..<threads).map { _ in LoopExecutor(group.next()) }
        let recorders = executors.map { _ in Recorder() }
        let list = try (0..<connections).map { index in
            try EtcdConnection(
                index, endpoints: endpoints, executor: executors[index % threads],
                settings: settings, seed: seed, recorder: recorders[index % threads], phase: phase)
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for connection in list {
                tasks.addTask(executorPreference: connection.executor) { try await connection.run() }
            }
            try await prepare(list)
            Output.print(MomentEvent("ready", nanos: MonotonicClock.nanos()))
            let conductor = Conductor(self, phase: phase, recorders: recorders, connections: list)
            await withTaskGroup(of: Void.self) { requests in
                if ratePerSecond == nil {
                    for connection in list {
                        for _ in 0..<window {
                            requests.addTask(executorPreference: connection.executor) { await connection.requests() }
                        }
                    }
                }
                // Off Swift's own threads: what the run's thread does must not wait for those of the load.
                let measured = await withCheckedContinuation { continuation in
                    Thread.detachNewThread { continuation.resume(returning: conductor.conduct()) }
                }
                if settings.follows { await verify(list) }
                Output.print(conductor.result(measured))
                requests.cancelAll()
            }
            for connection in list { connection.close() }
            tasks.cancelAll()
            while let _ = try? await tasks.next() {}
        }
        try await group.shutdownGracefully()
    }

    private func prepare(_ list: [EtcdConnection]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for connection in list {
                tasks.addTask(executorPreference: connection.executor) { try await connection.prepare() }
            }
            tasks.addTask {
                try await Task.sleep(for: .seconds(Self.connectLimitSeconds))
                throw StartFailure(description: "no connection within \(Int(Self.connectLimitSeconds)) s")
            }
            for _ in list { try await tasks.next() }
            tasks.cancelAll()
            while let _ = try? await tasks.next() {}
        }
    }

    /// Every key must hold at the end what was acknowledged.
    private func verify(_ list: [EtcdConnection]) async {
        await withTaskGroup(of: Void.self) { tasks in
            for connection in list {
                tasks.addTask(executorPreference: connection.executor) { await connection.verify() }
            }
        }
    }

    struct StartFailure: Error, CustomStringConvertible {
        var description: String
    }

    /// Keeps the run's time, on a thread of its own.
    struct Conductor: Sendable {
        private let run: LoadRun
        private let phase: LoadPhase
        private let recorders: [Recorder]
        private let connections: [EtcdConnection]

        init(_ run: LoadRun, phase: LoadPhase, recorders: [Recorder], connections: [EtcdConnection]) {
            self.run = run
            self.phase = phase
            self.recorders = recorders
            self.connections = connections
        }

        /// A window that has ended.
        struct Measured: Sendable {
            var nanos: UInt64
            var slices: [SliceEvent]
            var cpuNanos: UInt64
            var busiestThreadNanos: UInt64
        }

        func conduct() -> Measured {
            let start = MonotonicClock.nanos()
            if let rate = run.ratePerSecond { startArrivals(rate, at: start) }
            var warmup: [UInt64] = []
            let slicesOfWarmup = Int((run.warmupSeconds * 10).rounded())
            for number in 0..<slicesOfWarmup where !mustEnd {
                MonotonicClock.sleep(until: start + UInt64(number + 1) * LoadRun.sliceNanos)
                warmup.append(closeSlice().completed)
            }
            let threadsBefore = ThreadUsage()
            let begin = MonotonicClock.nanos()
            recorders.forEach { $0.restart(silences: run.settings.follows ? SilenceNotes(startNanos: begin) : nil) }
            let cpuBefore = MonotonicClock.cpuNanos()
            phase.stage = .measuring
            Output.print(MomentEvent("measuring", nanos: begin, warmup: warmup))
            let end = begin + UInt64(run.durationSeconds * 1e9)
            var slices: [SliceEvent] = []
            var sliceStart = begin
            while sliceStart < end, !mustEnd {
                MonotonicClock.sleep(until: min(end, sliceStart + LoadRun.sliceNanos))
                let now = MonotonicClock.nanos()
                if now >= end { phase.stage = .draining }
                slices.append(closeSlice(since: sliceStart, window: begin).event)
                sliceStart = now
            }
            phase.stage = .draining
            let measured = MonotonicClock.nanos()
            recorders.forEach { $0.endSilences(at: measured) }
            let cpu = MonotonicClock.cpuNanos() - cpuBefore
            let busiest = ThreadUsage().busiest(since: threadsBefore)
            Output.print(MomentEvent("measured", nanos: measured))
            // A reply may have slipped in between the last slice and the end.
            slices.append(closeSlice(since: sliceStart, window: begin).event)
            drain()
            return Measured(
                nanos: measured - begin, slices: slices, cpuNanos: cpu, busiestThreadNanos: busiest)
        }

        private var mustEnd: Bool {
            LoadPhase.isInterrupted.load(ordering: .relaxed) || recorders.contains(where: \.hasStopped)
        }

        private func closeSlice(since start: UInt64 = 0, window: UInt64 = 0) -> (completed: UInt64, event: SliceEvent) {
            var (reads, writes, all, errors) = (UInt64(0), UInt64(0), LatencyCounts(), UInt64(0))
            for recorder in recorders {
                let slice = recorder.closeSlice()
                reads += slice.reads.total
                writes += slice.writes.total
                errors += slice.errors
                all.add(slice.reads)
                all.add(slice.writes)
            }
            return (
                reads + writes,
                SliceEvent(
                    startMillis: Int((start - window) / 1_000_000), reads: reads, writes: writes, errors: errors,
                    all: all)
            )
        }

        /// Waits for the answers still owed.
        private func drain() {
            let limit = MonotonicClock.nanos() + UInt64(LoadRun.drainLimitSeconds * 1e9)
            while phase.outstanding.load(ordering: .relaxed) > 0, MonotonicClock.nanos() < limit { usleep(1000) }
            let left = phase.outstanding.load(ordering: .relaxed)
            guard left > 0 else { return }
            if run.settings.follows { return recorders[0].failed("unanswered", count: UInt64(left)) }
            recorders[0].violated("unanswered", "\(left) requests had no answer at the end")
        }

        /// The open loop's schedule: exponential gaps from the seed, connections by turns.
        private func startArrivals(_ ratePerSecond: Double, at start: UInt64) {
            let (phase, connections) = (phase, connections)
            let seed = run.seed
            Thread.detachNewThread {
                var random = SeededRandom(seed: seed ^ 0xa11_1e75)
                var position = 0.0
                var turn = 0
                while phase.stage != .draining {
                    position -= log(1 - random.unit()) * 1e9 / ratePerSecond
                    let planned = start + UInt64(position)
                    MonotonicClock.sleep(until: planned)
                    guard phase.stage != .draining else { return }
                    let connection = connections[turn % connections.count]
                    turn += 1
                    Task(executorPreference: connection.executor) { await connection.request(planned: planned) }
                }
            }
        }

        func result(_ measured: Measured) -> ResultEvent {
            var sum = Recorder.State()
            for state in recorders.map(\.snapshot) {
                sum.total.reads.add(state.total.reads)
                sum.total.writes.add(state.total.writes)
                sum.serviceTimes.add(state.serviceTimes)
                sum.sendDelays.add(state.sendDelays)
                sum.errors.merge(state.errors, uniquingKeysWith: +)
                sum.violations.merge(state.violations) {
                    ViolationEvent(count: $0.count + $1.count, first: $0.first)
                }
                sum.fatal = sum.fatal ?? state.fatal
                sum.silences = sum.silences ?? state.silences
                sum.moves += state.moves
            }
            let isOpen = run.ratePerSecond != nil
            return ResultEvent(
                windowNanos: measured.nanos, reads: sum.total.reads, writes: sum.total.writes,
                serviceTimes: isOpen ? sum.serviceTimes : nil, sendDelays: isOpen ? sum.sendDelays : nil,
                slices: measured.slices, errors: sum.errors, violations: sum.violations, cpuNanos: measured.cpuNanos,
                busiestThreadNanos: measured.busiestThreadNanos, threads: run.threads,
                writeSilences: sum.silences?.pairs, moves: run.settings.follows ? sum.moves : nil,
                partial: LoadPhase.isInterrupted.load(ordering: .relaxed), fatal: sum.fatal)
        }
    }
}

/// Standard output, a line an event.
enum Output {
    static func print(_ event: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var line = try? encoder.encode(event) else { return }
        line.append(10)
        FileHandle.standardOutput.write(line)
    }
}
