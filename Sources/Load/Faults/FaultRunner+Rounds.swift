import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One round: steady load, a fault, its end, the way back.
extension FaultRunner {
    /// nil when interrupted before the fault was over.
    func carryOut(_ round: FaultRound, _ conductor: FaultConductor) throws(LoadError) -> FaultRoundResult? {
        progress.update("[\(round.number)/\(plan.rounds)] \(round.name)")
        guard let rate = try steadyRate(conductor) else { return nil }
        guard let leader = ensemble.leader else { throw .result("no server leads before round \(round.number)") }
        let victim = try pickVictim(round, leader: leader)
        let fault = corral_monotonic_nanos()
        try inflict(round, on: victim)
        let isWhole = sleepUnlessInterrupted(Double(round.holdMillis) / 1000)
        try undo(round, on: victim)
        let undone = corral_monotonic_nanos()
        guard isWhole else { return nil }
        try ensemble.waitUntilSynchronized(limitSeconds: plan.healLimitSeconds)
        let synchronized = corral_monotonic_nanos()
        guard !conductor.hasEnded() else { throw .result("the load stopped in round \(round.number)") }
        waitForRate(rate, conductor)
        // While the load still writes there.
        try retry { () throws(LoadError) in
            guard let leader = self.ensemble.leader else { throw .connection("no server leads") }
            try self.keeper.readBack(round: round.number, on: leader.address)
        }
        let leaderAfter = ensemble.leader?.id ?? 0
        let records = try conductor.turn(to: round.number + 1, keyBase: (round.number + 1) * plan.keysPerRound)
        var result = Self.evaluate(records, round: round, fault: fault, rate: rate)
        result.victim = victim.id
        result.victimKind = victim.kind
        result.leaderBefore = leader.id
        result.leaderAfter = leaderAfter
        result.synchronizedMillis = Double(synchronized - undone) / 1e6
        return result
    }

    /// False when interrupted.
    private func sleepUnlessInterrupted(_ seconds: Double) -> Bool {
        let end = Clock.seconds + seconds
        while Clock.seconds < end {
            if Interrupt.isRequested { return false }
            usleep(UInt32(min(50_000, max(1, (end - Clock.seconds) * 1e6))))
        }
        return true
    }

    /// Successes per second without a fault. Too few prove nothing, so they fail the run; nil when interrupted.
    private func steadyRate(_ conductor: FaultConductor) throws(LoadError) -> Double? {
        let least = max(plan.leastRatePerSecond, 0.5 * (plan.ratePerSecond ?? 0))
        var rate = 0.0
        // A restarted server may still be busy with itself.
        for _ in 0..<10 {
            let start = Clock.seconds
            let before = conductor.completed
            guard sleepUnlessInterrupted(plan.steadySeconds) else { return nil }
            guard !conductor.hasEnded() else { throw .result("the load stopped between rounds") }
            rate = Double(conductor.completed - before) / (Clock.seconds - start)
            if rate >= least { return rate }
        }
        throw .result(
            "too little traffic before a fault: \(fixed(rate, 0)) requests/s, at least \(fixed(least, 0)) needed")
    }

    private func pickVictim(_ round: FaultRound, leader: EnsembleMember) throws(LoadError) -> EnsembleMember {
        if round.role == .leader { return leader }
        let followers = ensemble.members.filter { !$0.isObserver && $0.id != leader.id }
        return followers[Int(round.pick) % followers.count]
    }

    private func inflict(_ round: FaultRound, on victim: EnsembleMember) throws(LoadError) {
        switch round.kind {
        case .kill:
            victim.kill()
            victim.waitUntilGone()
        case .pause: victim.pause()
        case .partition: ensemble.proxy!.cut(round.cuts(victim: victim.id, servers: ensemble.members.count))
        }
    }

    private func undo(_ round: FaultRound, on victim: EnsembleMember) throws(LoadError) {
        switch round.kind {
        case .kill: try ensemble.start(victim)
        case .pause: victim.resume()
        case .partition: ensemble.proxy!.heal()
        }
    }

    /// Until half a second's rate is nine tenths of the one before the fault, within limits.
    private func waitForRate(_ rate: Double, _ conductor: FaultConductor) {
        var marks: [(time: Double, count: UInt64)] = []
        let deadline = Clock.seconds + 15
        while Clock.seconds < deadline, !conductor.hasEnded(), !Interrupt.isRequested {
            marks.append((Clock.seconds, conductor.completed))
            if let first = marks.first(where: { Clock.seconds - $0.time <= 0.6 && Clock.seconds - $0.time >= 0.5 }) {
                let last = marks[marks.count - 1]
                if Double(last.count - first.count) / (last.time - first.time) >= 0.9 * rate { return }
            }
            usleep(50_000)
        }
    }

    // MARK: What the records say

    static func evaluate(
        _ records: [RoundRecord], round: FaultRound, fault: UInt64, rate: Double
    ) -> FaultRoundResult {
        let any = longestSilence(records.map(\.any.silences), after: fault)
        let writes = longestSilence(records.map(\.writes.silences), after: fault)
        let gaps = records.flatMap(\.gaps).map { Double($0) / 1e6 }
        func sum(_ pick: (RoundRecord) -> UInt64) -> UInt64 { records.reduce(0) { $0 + pick($1) } }
        func millis(_ silence: Silence?) -> Double { silence.map { Double($0.nanos) / 1e6 } ?? 0 }
        let reads = OperationKind.allCases.filter { !$0.isWrite }.map(\.rawValue)
        let sets = OperationKind.allCases.filter(\.isWrite).map(\.rawValue)
        return FaultRoundResult(
            round: round, victim: 0, victimKind: .corral, leaderBefore: 0, leaderAfter: 0, rateBefore: rate,
            silentMillis: millis(any), writeSilentMillis: millis(writes),
            writesBackMillis: writes.map { Double($0.endNanos - fault) / 1e6 } ?? 0,
            clientGapMedianMillis: gaps.isEmpty ? 0 : Statistics.median(gaps),
            clientGapLongestMillis: gaps.max() ?? 0, connectionsLost: sum(\.connectionsLost),
            rateBackMillis: rateBack(
                records.map(\.any), fault: fault, from: any.map { max(fault, $0.endNanos) } ?? fault, rate: rate),
            synchronizedMillis: 0, unknownWrites: sum { record in sets.reduce(0) { $0 + record.unknown[$1] } },
            unknownReads: sum { record in reads.reduce(0) { $0 + record.unknown[$1] } },
            failedRequests: sum { $0.failed.reduce(0, +) }, sessionsLost: sum(\.sessionsLost))
    }

    /// The longest stretch without success that all threads share, as far as it lies behind the fault.
    static func longestSilence(_ lists: [[Silence]], after fault: UInt64) -> Silence? {
        SuccessTimeline.common(lists).filter { $0.endNanos > fault }.map {
            Silence(startNanos: max($0.startNanos, fault), endNanos: $0.endNanos)
        }.filter { $0.nanos >= SuccessTimeline.silenceFloorNanos }.max { $0.nanos < $1.nanos }
    }

    /// Milliseconds from the fault until half a second has nine tenths of the rate, looking from the end of the longest
    /// silence on; nil when it never has. Two deviations of a random count are granted: thin traffic scatters.
    static func rateBack(_ timelines: [SuccessTimeline], fault: UInt64, from: UInt64, rate: Double) -> Double? {
        guard let first = timelines.first else { return nil }
        let counts = SuccessTimeline.sum(timelines.map(\.counts)).map(Double.init)
        let width = 50
        var start = Int((from - min(from, first.startNanos)) / SuccessTimeline.bucketNanos)
        guard start + width <= counts.count else { return nil }
        var sum = counts[start..<start + width].reduce(0, +)
        let wanted = 0.9 * rate * 0.5 - 2 * (rate * 0.5).squareRoot()
        while true {
            if sum >= wanted {
                let at = first.startNanos + UInt64(start) * SuccessTimeline.bucketNanos
                return at > fault ? Double(at - fault) / 1e6 : 0
            }
            guard start + width < counts.count else { return nil }
            sum += counts[start + width] - counts[start]
            start += 1
        }
    }
}
