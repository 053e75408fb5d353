import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Loads an ensemble while its servers are killed, paused and cut off, one after another, and checks that nothing that
/// was acknowledged is lost. Used from one thread.
public final class FaultRunner {
    let plan: FaultPlan
    let ensemble: ManagedEnsemble
    private let directory: String
    let progress: ProgressReporter
    let keeper: HistoryKeeper
    private var results: [FaultRoundResult] = []
    private var failure: String?
    private var equalZnodes = 0
    private var endProblems: [String] = []

    /// - Parameter options: the ensemble; it becomes cuttable.
    public init(
        plan: FaultPlan, options: EnsembleOptions, directory: String, progress: ProgressReporter
    ) throws(LoadError) {
        try plan.validate()
        guard options.kinds.count - options.observers >= 3 else {
            throw .usage("faults need at least 3 voting servers: a majority must live on")
        }
        self.plan = plan
        var options = options
        options.isCuttable = true
        self.directory = directory
        self.progress = progress
        keeper = HistoryKeeper(
            keys: KeySpace(root: try plan.configuration([]).root), keysPerRound: plan.keysPerRound,
            valueBytes: plan.valueBytes, barrier: plan.barrier)
        ensemble = try ManagedEnsemble(options)
    }

    /// Runs every round and writes `summary.json`. An interrupt ends it after the round in hand, with a partial result.
    public func run(experiment: String, label: String) throws(LoadError) -> FaultSummary {
        defer { ensemble.stop() }
        let environment = EnvironmentRecord.capture(dataDirectory: ensemble.directory)
        let startedAt = ResultFiles.timestamp()
        let start = Clock.seconds
        progress.update("starting \(ensemble.options.title)")
        try ensemble.start()
        let descriptions = ensemble.members.compactMap(\.description)
        let configuration = try plan.configuration(ensemble.addresses)
        let load = try LoadRun(configuration: configuration, serverPids: [], progress: progress)
        // One set of znodes for the warm-up, one for what follows the last round.
        let data = try load.measure(1, sharedKeys: (plan.rounds + 2) * plan.keysPerRound, keepsHistory: true) {
            signals, hasEnded in
            self.conduct(FaultConductor(signals: signals, threads: configuration.threads, hasEnded: hasEnded))
        }
        try ResultFiles.writeRaw(data, directory: directory, stem: "load")
        let settings = FaultPlan.defaultSettings.merging(ensemble.options.settings) { _, given in given }
        var summary = FaultSummary(
            experiment: experiment, label: label, status: .valid, statusReasons: [], startedAt: startedAt,
            elapsedSeconds: Clock.seconds - start, environment: environment, plan: plan,
            servers: ensemble.options.kinds, observers: ensemble.options.observers, settings: settings,
            descriptions: descriptions, roundsDone: results.count, figures: FaultSummary.figures(results),
            acknowledgedWrites: results.reduce(0) { $0 + $1.acknowledgedWrites },
            acknowledgedLost: results.reduce(0) { $0 + $1.acknowledgedLost },
            sessionsLost: data.result.following?.sessionsLost ?? 0, checkedZnodes: keeper.checkedZnodes,
            checkedOperations: keeper.checkedOperations, equalZnodes: equalZnodes,
            undecidedZnodes: keeper.undecidedZnodes, load: data.result, rounds: results)
        judge(&summary)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(FaultTable.text(summary) + "\n", to: "\(directory)/report.txt")
        if summary.status == .invalid {
            for member in ensemble.members {
                let tail = TextFile.read(member.logPath).split(separator: "\n").suffix(2000).joined(separator: "\n")
                try ResultFiles.write(tail + "\n", to: "\(directory)/server-\(member.id).log")
            }
        }
        return summary
    }

    private func judge(_ summary: inout FaultSummary) {
        var reasons: [String] = []
        if let failure { reasons.append(failure) }
        for result in results {
            reasons += result.violations.map { "round \(result.round.number), \(result.round.name): \($0)" }
        }
        if summary.acknowledgedLost > 0 { reasons.append("\(summary.acknowledgedLost) acknowledged writes lost") }
        if summary.sessionsLost > 0 { reasons.append("\(summary.sessionsLost) sessions lost while a majority lived") }
        if summary.undecidedZnodes > 0 { reasons.append("\(summary.undecidedZnodes) histories undecided") }
        reasons += endProblems
        if let load = summary.load, !load.isValid {
            reasons += load.violations.lines + [load.stopReason].compactMap { $0 }
        }
        summary.statusReasons = reasons
        if !reasons.isEmpty {
            summary.status = .invalid
        } else if results.count < plan.rounds {
            summary.status = .partial
            summary.statusReasons = ["interrupted after \(results.count) of \(plan.rounds) rounds"]
        }
    }

    // MARK: The run, on the coordinator's thread while the load goes on

    private func conduct(_ conductor: FaultConductor) {
        do throws(LoadError) {
            try conductor.turn(to: 1, keyBase: plan.keysPerRound)
            for round in plan.schedule where !Interrupt.isRequested {
                guard let result = try carryOut(round, conductor) else { break }
                results.append(result)
                keeper.add(conductor.takeEvents())
                if results.count > 1 { try check(results.count - 2) }
                progress.note(line(results[results.count - 1]))
                guard !conductor.mailbox.hasOverflowed else { throw .result("the histories outgrew their memory") }
            }
            // Whatever was sent to the last round's znodes has ended by then.
            usleep(UInt32(plan.replyTimeoutMillis + 700) * 1000)
            keeper.add(conductor.takeEvents())
            if !results.isEmpty { try check(results.count - 1) }
            try compareServers()
        } catch {
            if !Interrupt.isRequested || conductor.hasEnded() { failure = "\(error)" }
            ensemble.proxy?.heal()
        }
    }

    private func check(_ index: Int) throws(LoadError) {
        let round = results[index].round.number
        try retry { () throws(LoadError) in
            guard let leader = self.ensemble.leader else { throw .connection("no server leads") }
            try self.keeper.readBack(round: round, on: leader.address)
        }
        keeper.check(round: round, into: &results[index])
    }

    private func compareServers() throws(LoadError) {
        equalZnodes = Int.max
        for member in ensemble.members {
            let (equal, problems) = try keeper.compareAll(on: member.address)
            equalZnodes = min(equalZnodes, equal)
            endProblems += problems
        }
    }

    /// A read back may meet a server that is just losing its leader; later it works, or the run has failed.
    func retry(_ work: () throws(LoadError) -> Void) throws(LoadError) {
        let deadline = Clock.seconds + 20
        while true {
            do {
                try work()
                return
            } catch {
                guard Clock.seconds < deadline else { throw error }
                usleep(100_000)
            }
        }
    }

    private func line(_ result: FaultRoundResult) -> String {
        var text = "[\(result.round.number)/\(plan.rounds)] \(result.round.name)"
        if let shape = result.round.shape { text += " (\(shape.rawValue))" }
        text += ", server \(result.victim) (\(result.victimKind.rawValue)), \(result.round.holdMillis) ms: "
        text += "silent \(fixed(result.silentMillis, 0)) ms, writes \(fixed(result.writeSilentMillis, 0)) ms, "
        text += "clients \(fixed(result.clientGapMedianMillis, 0))…\(fixed(result.clientGapLongestMillis, 0)) ms, "
        let back = result.rateBackMillis.map { fixed($0, 0) + " ms" } ?? "not"
        text += "rate back \(back), in step \(fixed(result.synchronizedMillis, 0)) ms, "
        text += "unknown \(result.unknownWrites) writes \(result.unknownReads) reads"
        if result.sessionsLost > 0 { text += ", SESSIONS LOST \(result.sessionsLost)" }
        return text
    }
}

/// How a fault run talks to the load beside it.
struct FaultConductor {
    let signals: RunSignals
    let threads: Int
    let hasEnded: () -> Bool

    var mailbox: RoundMailbox { signals.mailbox }
    var completed: UInt64 { signals.completed }

    func takeEvents() -> [HistoryEvent] { mailbox.takeEvents() }

    /// Begins a round. Returns what the threads saw of the one before.
    @discardableResult
    func turn(to number: Int, keyBase: Int) throws(LoadError) -> [RoundRecord] {
        let before = signals.round.load(ordering: .relaxed)
        signals.keyBase.store(keyBase, ordering: .relaxed)
        signals.round.store(number, ordering: .releasing)
        let deadline = Clock.seconds + 10
        while Clock.seconds < deadline, !hasEnded() {
            if let records = mailbox.take(round: before, threads: threads) { return records }
            usleep(1000)
        }
        throw .result("the load ended before its time")
    }
}
