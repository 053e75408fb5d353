/// From the generators' records to what followed each step.
struct FailureEvaluation {
    /// One step as it was carried out.
    struct Done: Sendable {
        var step: FailureStep
        var server: Int
        var leaderBefore: Int?
        var nanos: UInt64
        /// When the server served again; nil when it had not when something else happened to it, or at the end.
        var servesNanos: UInt64?
    }

    let done: [Done]
    /// The threads' records before the first step, then from each step to the next.
    let records: [[RoundRecord]]
    let windowStart: UInt64
    let slices: [FailureSlice]
    let samples: [StalenessSample]
    let servers: Int

    /// Successes of the whole run by ten milliseconds.
    private let counts: [UInt32]

    init(
        done: [Done], records: [[RoundRecord]], slices: [FailureSlice], samples: [StalenessSample], servers: Int
    ) {
        self.done = done
        self.records = records
        self.slices = slices
        self.samples = samples
        self.servers = servers
        let start = records.first?.map(\.any.startNanos).min() ?? 0
        windowStart = start
        var counts: [UInt32] = []
        for record in records.joined() {
            let offset = Int((record.any.startNanos - min(start, record.any.startNanos)) / SuccessTimeline.bucketNanos)
            if counts.count < offset + record.any.counts.count {
                counts += [UInt32](repeating: 0, count: offset + record.any.counts.count - counts.count)
            }
            for (index, count) in record.any.counts.enumerated() { counts[offset + index] &+= count }
        }
        self.counts = counts
    }

    private func seconds(_ nanos: UInt64) -> Double { Double(nanos - min(windowStart, nanos)) / 1e9 }

    /// Successes per second over a stretch of the window; 0 without slices in it.
    private func rate(from start: Double, to end: Double) -> Double {
        let inside = slices.filter { $0.startSeconds >= start - 1e-6 && $0.startSeconds + $0.seconds <= end + 1e-6 }
        let seconds = inside.reduce(0) { $0 + $1.seconds }
        return seconds > 0 ? inside.reduce(0) { $0 + $1.ratePerSecond * $1.seconds } / seconds : 0
    }

    var marks: [FailureMark] {
        done.indices.compactMap { index in index + 1 < records.count ? mark(index) : nil }
    }

    /// Before the first step.
    var stalenessBefore: StalenessFigure? {
        let end = done.first?.nanos ?? .max
        return StalenessFigure(samples.filter { $0.sentNanos >= windowStart && $0.sentNanos < end }, servers: servers)
    }

    private func mark(_ index: Int) -> FailureMark {
        let event = done[index]
        let own = records[index + 1]
        let at = seconds(event.nanos)
        // Not across the fault before: what it broke is no measure.
        let previous = index > 0 ? seconds(done[index - 1].nanos) : 0
        let rate = rate(from: max(at - FailurePlan.beforeSeconds, min(previous + 0.5, at - 1)), to: at)
        let any = FaultRunner.longestSilence(own.map(\.any.silences), after: event.nanos)
        let writes = FaultRunner.longestSilence(own.map(\.writes.silences), after: event.nanos)
        let gaps = own.flatMap(\.gaps).map { Double($0) / 1e6 }
        let firstError = own.map(\.firstErrorNanos).filter { $0 > 0 }.min()
        func sum(_ pick: (RoundRecord) -> UInt64) -> UInt64 { own.reduce(0) { $0 + pick($1) } }
        let set = OperationKind.set.rawValue
        let end = index + 1 < done.count ? done[index + 1].nanos : .max
        return FailureMark(
            step: event.step, server: event.server, leaderBefore: event.leaderBefore, atSeconds: at,
            clientsBefore: Self.clients(records[index]), rateBefore: rate,
            firstErrorMillis: firstError.map { Double($0 - min(event.nanos, $0)) / 1e6 },
            silentMillis: any.map { Double($0.nanos) / 1e6 } ?? 0,
            writeSilentMillis: writes.map { Double($0.nanos) / 1e6 } ?? 0,
            rateBackMillis: event.step.kind.isFault
                ? rateBack(index, from: outageEnd(any, after: event.nanos), rate: rate) : nil,
            servesMillis: event.servesNanos.map { Double($0 - event.nanos) / 1e6 },
            clientGapMedianMillis: gaps.isEmpty ? 0 : Statistics.median(gaps),
            clientGapLongestMillis: gaps.max() ?? 0, connectionsLost: sum(\.connectionsLost),
            sessionsLost: sum(\.sessionsLost), unknownWrites: sum { $0.unknown[set] },
            unknownReads: sum { $0.unknown[OperationKind.read.rawValue] },
            failedRequests: sum { $0.failed.reduce(0, +) },
            staleness: StalenessFigure(
                samples.filter { $0.sentNanos >= event.nanos && $0.sentNanos < end }, servers: servers))
    }

    /// The longest silence before the first step: servers that are held to a budget are silent by themselves.
    var silentBeforeNanos: UInt64 {
        SuccessTimeline.common((records.first ?? []).map(\.any.silences)).map(\.nanos).max() ?? 0
    }

    /// Where to begin to look for the rate of before: behind an outage that follows the step, which may set in only
    /// when clients notice. A silence of the length that there was without any step is none.
    private func outageEnd(_ silence: Silence?, after nanos: UInt64) -> UInt64 {
        guard let silence, silence.nanos > 2 * silentBeforeNanos else { return nanos }
        return max(nanos, silence.endNanos)
    }

    /// Clients by server when a stretch ended.
    static func clients(_ records: [RoundRecord]) -> [Int] {
        var clients = [Int](repeating: 0, count: records.map(\.clients.count).max() ?? 0)
        for record in records { for (index, count) in record.clients.enumerated() { clients[index] += count } }
        return clients
    }

    /// Milliseconds from a fault until half a second has nine tenths of the rate, looking from `from` to the next
    /// fault. Two deviations of a random count are granted.
    private func rateBack(_ index: Int, from: UInt64, rate: Double) -> Double? {
        let width = 50
        let bucket = SuccessTimeline.bucketNanos
        let nextFault = done[(index + 1)...].first { $0.step.kind.isFault }?.nanos
        let end = nextFault.map { Int(($0 - min(windowStart, $0)) / bucket) } ?? counts.count
        var start = Int((from - min(windowStart, from)) / bucket)
        // The bucket in which it happened has successes from before.
        if from == done[index].nanos { start += 1 }
        let wanted = 0.9 * rate * 0.5 - 2 * (rate * 0.5).squareRoot()
        let limit = min(end, counts.count)
        while start + width <= limit {
            if Double(counts[start..<start + width].reduce(0, +)) >= wanted {
                let at = windowStart + UInt64(start) * bucket
                return at > done[index].nanos ? Double(at - done[index].nanos) / 1e6 : 0
            }
            start += 1
        }
        return nil
    }
}
