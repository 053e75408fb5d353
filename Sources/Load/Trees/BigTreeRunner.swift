import CPlatform
import Histogram

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension BigTreeLoad {
    static let root = "/corral-tree"
    /// How long a start may take.
    private static let startLimitSeconds = 600.0
    /// After a snapshot the system still writes its pages back.
    private static let afterSnapshotNanos: UInt64 = 500_000_000

    /// Measures one fresh server of its own.
    public func run(
        _ kind: ServerKind, settings: [String: String], seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<BigTreeFigure> {
        let ensemble = try ManagedEnsemble(EnsembleOptions(kinds: [kind], server: options, settings: settings))
        defer { ensemble.stop() }
        let member = ensemble.members[0]
        let shape = TreeShape(root: Self.root, znodes: znodes)
        var problems: [String] = []
        progress.update("starting \(kind.title)")
        let empty = try start(ensemble, shape, after: .empty, endSeconds: 0)
        try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        var description = member.description ?? .unknown
        description.version = FourLetterWord.version(of: member.address) ?? "unknown"
        let loaded = try fill(member, kind, shape, progress)
        let count = try reportedCount(member)
        if count < znodes + 1 { problems.append("the server counts \(count) znodes, \(znodes) were made") }

        progress.update("\(kind.title): killed, starts again")
        var starts = [empty]
        for cause in [BigTreeStart.Cause.kill, .stop] {
            let began = Clock.seconds
            if cause == .kill { member.kill() } else { member.terminate() }
            let deadline = Clock.seconds + 60
            while member.isRunning, Clock.seconds < deadline { usleep(1000) }
            if member.isRunning { problems.append("after SIGTERM it went on for a minute") }
            member.stop()
            let ended = Clock.seconds - began
            if cause == .stop { try setSnapshots(member) }
            let again = try start(ensemble, shape, after: cause, endSeconds: ended)
            if again.znodes < count {
                problems.append("after '\(cause.rawValue)' it has \(again.znodes) znodes, there were \(count)")
            }
            starts.append(again)
        }

        progress.update("\(kind.title): snapshots under load")
        let watched = try watch(member, kind, shape, seed: seed)
        problems += watched.problems
        let figure = BigTreeFigure(
            znodes: znodes, loadSeconds: loaded.seconds,
            createsPerSecond: Double(znodes) / loaded.seconds,
            serverCpuMicrosPerCreate: Double(loaded.end.cpuNanos - loaded.start.cpuNanos) / 1e3 / Double(znodes),
            writtenBytesPerCreate: Double(loaded.end.writtenBytes - loaded.start.writtenBytes) / Double(znodes),
            residentBytesBefore: loaded.start.residentBytes, residentBytesAfter: loaded.rest.residentBytes,
            residentPeakBytes: loaded.rest.residentPeakBytes,
            residentBytesPerZnode: (Double(loaded.rest.residentBytes) - Double(loaded.start.residentBytes))
                / Double(znodes),
            heapBytesAfter: loaded.heapBytes, starts: starts, load: watched.figure, ratePerSecond: ratePerSecond,
            snapshotSeconds: watched.snapshots, during: watched.during, quiet: watched.quiet)
        return EnsembleResult(description: description, figures: [figure], violations: problems)
    }

    // MARK: Filling

    private struct Filled {
        var seconds: Double
        var start: ProcessSnapshot
        var end: ProcessSnapshot
        var rest: ProcessSnapshot
        var heapBytes: UInt64?
    }

    private func fill(
        _ member: EnsembleMember, _ kind: ServerKind, _ shape: TreeShape, _ progress: ProgressReporter
    ) throws(LoadError) -> Filled {
        let pid = member.pid ?? 0
        let client = try ControlClient(member.address)
        try client.create(1) { _ in (shape.root, []) }
        let start = try ProcessSnapshot(pid: pid)
        let began = Clock.seconds
        let value = [UInt8](repeating: 0x77, count: valueBytes)
        guard try shape.fill(client, value: value, title: kind.title, progress: progress) else {
            throw .interrupted("interrupted while the tree was filled")
        }
        let seconds = Clock.seconds - began
        let end = try ProcessSnapshot(pid: pid)
        let rest = try MemoryExperiment.settle(pid: pid, kind: kind)
        if Interrupt.isRequested { throw .interrupted("interrupted after the tree was filled") }
        return Filled(
            seconds: seconds, start: start, end: end, rest: rest,
            heapBytes: kind == .apache ? JvmAttach.heapUsedBytes(pid: pid) : nil)
    }

    private func reportedCount(_ member: EnsembleMember) throws(LoadError) -> Int {
        guard let text = member.monitored("zk_znode_count", timeoutMillis: 10_000),
            let count = Double(text).map({ Int($0) })
        else { throw .environment("\(member.kind.title) does not tell how many znodes it has") }
        return count
    }

    // MARK: Starts

    private func start(
        _ ensemble: ManagedEnsemble, _ shape: TreeShape, after cause: BigTreeStart.Cause, endSeconds: Double
    ) throws(LoadError) -> BigTreeStart {
        let member = ensemble.members[0]
        let sizes = Self.fileBytes("\(member.dataDirectory)/version-2")
        let began = Clock.seconds
        try ensemble.start(member)
        let wanted = cause == .empty ? "/" : shape.childPath(shape.children - 1)
        while true {
            if let client = try? ControlClient(member.address), let data = try? client.data(of: wanted) {
                if data.count == valueBytes || cause == .empty { break }
            }
            guard member.isRunning else {
                throw .environment("\(member.kind.title) ended while it started:\n\(member.logTail())")
            }
            if Interrupt.isRequested { throw .interrupted("interrupted while a server started") }
            guard Clock.seconds - began < Self.startLimitSeconds else {
                throw .environment("\(member.kind.title) did not serve within \(Int(Self.startLimitSeconds)) s")
            }
            usleep(2000)
        }
        let seconds = Clock.seconds - began
        let usage = try ProcessSnapshot(pid: member.pid ?? 0)
        return BigTreeStart(
            after: cause, seconds: seconds, cpuSeconds: Double(usage.cpuNanos) / 1e9,
            residentBytes: usage.residentBytes, znodes: cause == .empty ? 0 : try reportedCount(member),
            snapshotBytes: sizes.snapshots, logBytes: sizes.logs, endSeconds: endSeconds)
    }

    /// What the files hold, without what is set aside for more.
    private static func fileBytes(_ directory: String) -> (snapshots: UInt64, logs: UInt64) {
        var sizes = (snapshots: UInt64(0), logs: UInt64(0))
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            var status = stat()
            guard stat("\(directory)/\(name)", &status) == 0 else { continue }
            if name.hasPrefix("snapshot.") { sizes.snapshots += UInt64(status.st_size) }
            if name.hasPrefix("log.") { sizes.logs += UInt64(status.st_size) }
        }
        return sizes
    }

    /// From its next start on the server writes snapshots as often as this load wants.
    private func setSnapshots(_ member: EnsembleMember) throws(LoadError) {
        let lines = TextFile.read(member.configurationPath).split(separator: "\n").filter {
            !$0.hasPrefix("snapCount=")
        }
        try ResultFiles.write(
            (lines + ["snapCount=\(snapshotEvery)"]).joined(separator: "\n") + "\n", to: member.configurationPath)
    }

    // MARK: Snapshots under load

    private struct Watched {
        var figure: PipelinedFigure
        var snapshots: [Double]
        var during: BigTreeLatency
        var quiet: BigTreeLatency
        var problems: [String]
    }

    private func watch(
        _ member: EnsembleMember, _ kind: ServerKind, _ shape: TreeShape, seed: UInt64
    ) throws(LoadError) -> Watched {
        let pid = member.pid ?? 0
        let load = try PipelinedLoad(
            BigTreeMaker(
                shape, connections: connections, valueBytes: valueBytes, readPercent: readPercent, seed: seed),
            servers: [member.address], connections: connections, window: nil)
        let watch = try SnapshotWatch("\(member.dataDirectory)/version-2")
        let run: (figure: PipelinedFigure, replies: [TimedReply])
        do throws(LoadError) {
            run = try load.open(
                ratePerSecond: ratePerSecond, warmupSeconds: kind == .apache ? apacheWarmupSeconds : warmupSeconds,
                seconds: seconds, pids: [pid], seed: seed)
        } catch {
            _ = watch.stop()
            throw error
        }
        let spans = watch.stop()
        let during = Self.latency(run.replies) { reply in
            spans.contains { reply.plannedNanos <= $0.endNanos && reply.repliedNanos >= $0.startNanos }
        }
        let quiet = Self.latency(run.replies) { reply in
            !spans.contains {
                reply.plannedNanos <= $0.endNanos + Self.afterSnapshotNanos && reply.repliedNanos >= $0.startNanos
            }
        }
        let first = run.replies.first?.plannedNanos ?? 0
        let whole = spans.filter { !$0.isCut && $0.startNanos >= first }
        return Watched(
            figure: run.figure, snapshots: whole.map { Double($0.endNanos - $0.startNanos) / 1e9 }, during: during,
            quiet: quiet, problems: [])
    }

    private static func latency(_ replies: [TimedReply], _ counts: (TimedReply) -> Bool) -> BigTreeLatency {
        var reads = LatencyRecorder()
        var writes = LatencyRecorder()
        for reply in replies where counts(reply) {
            let nanos = reply.repliedNanos - reply.plannedNanos
            if reply.kind == 0 { reads.record(nanos) } else { writes.record(nanos) }
        }
        return BigTreeLatency(
            reads: LatencySummary(reads.makeHistogram()), writes: LatencySummary(writes.makeHistogram()),
            readTimes: KeptLatencies(reads), writeTimes: KeptLatencies(writes))
    }
}

extension BigTreeFigure {
    /// Why it may not be used as a result; empty when it may.
    ///
    /// - Parameter least: reads, and writes, that either part must have.
    public func doubts(least: Int) -> [String] {
        var list = load.doubts()
        if Double(load.completed) < 0.95 * ratePerSecond * load.windowSeconds {
            list.append("the offered load was not kept up: \(Int(load.perSecond)) of \(Int(ratePerSecond)) a second")
        }
        if snapshotSeconds.isEmpty { list.append("no whole snapshot was written while it was watched") }
        for (name, part) in [("during snapshots", during), ("without", quiet)]
        where min(part.reads.count, part.writes.count) < UInt64(least) {
            list.append("too little traffic \(name): \(part.reads.count) reads, \(part.writes.count) writes")
        }
        if starts.map(\.after) != BigTreeStart.Cause.allCases { list.append("not all starts were measured") }
        return list
    }
}
