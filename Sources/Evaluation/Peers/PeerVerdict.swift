import Load

/// What a run says of one claim about Corral and one peer at one size and mix.
public struct PeerVerdict: Codable, Equatable, Sendable {
    public enum Claim: String, Codable, CaseIterable, Sendable {
        case throughput = "ahead in throughput"
        case serverCpu = "ahead in server CPU per operation"
        case p99 = "no worse in p99 at equal offered load"
    }

    public enum Outcome: String, Codable, Sendable {
        case yes, no
        /// A load generator was the limit, and without it the answer could be another.
        case undecided
        /// A peer does not sustain the load, or a figure is not there.
        case notCompared = "not compared"
    }

    public var servers: Int
    public var readPercent: Double
    public var peer: ServerKind
    public var claim: Claim
    public var outcome: Outcome
    /// Corral's figure over the peer's, of one round each.
    public var ratio: Estimate?
    /// What must be known beside it.
    public var note: String?

    /// The claim holds by the median of the rounds' ratios; where a load generator was the limit, only if it would hold
    /// without that.
    init(
        _ claim: Claim, corral: SaturationSummary.SubjectResult?, peer: SaturationSummary.SubjectResult?,
        subject: PeersPlan.Subject, reads: Double, cpus: Int, seed: UInt64
    ) {
        servers = subject.servers
        readPercent = reads
        self.peer = subject.kind
        self.claim = claim
        outcome = .notCompared
        let mode: SweepPoint.Mode = claim == .p99 ? .offered : .saturation
        func figure(_ result: SaturationSummary.SubjectResult?) -> SweepFigure? {
            result?.figures.first { $0.point.mode == mode && $0.point.readPercent == reads }
        }
        guard let own = figure(corral), let other = figure(peer) else {
            note = "not measured"
            return
        }
        ratio = Self.ratio(claim, own, other, seed: seed)
        guard let ratio else {
            note = "no ratio"
            return
        }
        switch claim {
        case .throughput: decideThroughput(ratio, own, other, cpus: cpus)
        case .serverCpu: outcome = ratio.median < 1 ? .yes : .no
        case .p99: decideP99(ratio, own, other, seed: seed)
        }
        if outcome == .yes || outcome == .no, ratio.low < 1, ratio.high > 1 {
            note = [note, "rounds do not agree"].compactMap { $0 }.joined(separator: "; ")
        }
    }

    private static func ratio(_ claim: Claim, _ own: SweepFigure, _ other: SweepFigure, seed: UInt64) -> Estimate? {
        let ratios = zip(own.runs, other.runs).compactMap { pair -> Double? in
            func value(_ run: RepeatResult) -> Double {
                switch claim {
                case .throughput: run.throughputPerSecond
                case .serverCpu: run.serverCpuMicrosPerOperation ?? 0
                case .p99: Double(run.latency.p99Nanos)
                }
            }
            let (above, below) = (value(pair.0), value(pair.1))
            return above > 0 && below > 0 ? above / below : nil
        }
        return Estimate(ratios, seed: seed)
    }

    /// A load generator's share of a CPU above which it may have kept servers beside it from theirs.
    private static let heavyLoad = 0.5

    private mutating func decideThroughput(_ ratio: Estimate, _ own: SweepFigure, _ other: SweepFigure, cpus: Int) {
        outcome = ratio.median > 1 ? .yes : .no
        if outcome == .no, own.generatorBound {
            outcome = .undecided
            note = "Corral's load generator was the limit"
        }
        let load = Estimate(other.runs.map(\.generator.cpuShare), seed: 1)?.median ?? 0
        guard outcome == .yes, other.generatorBound || load > Self.heavyLoad else { return }
        // What the peer could do at most, had it all CPUs of the machine and the load cost nothing.
        let most = Double(cpus) * 1e6 / max(1e-9, other.serverCpuMicrosPerOperation.median)
        let cause = other.generatorBound
            ? "the load generator was \(peer.title)'s limit"
            : "\(peer.title)'s load took \(Decimal.text(100 * load, 0)) % of a CPU"
        let bound = own.throughputPerSecond.median / most
        outcome = bound > 1 ? .yes : .undecided
        note = "\(cause); by its CPU time per operation it would do \(ReportNumber.text(most))/s at most with all "
            + "\(cpus) CPUs to itself; Corral did \(ReportNumber.ratio(bound)) times that"
    }

    private mutating func decideP99(_ ratio: Estimate, _ own: SweepFigure, _ other: SweepFigure, seed: UInt64) {
        let sustains = (PeerRow.Offered(own, seed: seed)?.isSustained, PeerRow.Offered(other, seed: seed)?.isSustained)
        guard sustains.1 == true else {
            note = "\(peer.title) does not sustain \(ReportNumber.text(other.point.ratePerSecond ?? 0))/s"
            return
        }
        guard sustains.0 == true else {
            outcome = .no
            note = "Corral does not sustain \(ReportNumber.text(own.point.ratePerSecond ?? 0))/s"
            return
        }
        outcome = ratio.median <= 1 ? .yes : .no
        // Response times count from the plan; service times leave out what the generator was late.
        func service(_ figure: SweepFigure) -> Double {
            Estimate(figure.runs.map { Double(($0.serviceTime ?? $0.latency).p99Nanos) })?.median ?? 0
        }
        if outcome == .yes, other.generatorBound, own.p99Nanos.median > service(other) {
            outcome = .undecided
            note = "\(peer.title)'s load generator was late; from the actual send its p99 is "
                + "\(ReportNumber.text(service(other) / 1e6)) ms"
        } else if outcome == .no, own.generatorBound, service(own) <= other.p99Nanos.median {
            outcome = .undecided
            note = "Corral's load generator was late; from the actual send its p99 is "
                + "\(ReportNumber.text(service(own) / 1e6)) ms"
        }
    }

    /// All claims of a run.
    static func all(
        _ subjects: [SaturationSummary.SubjectResult], plan: PeersPlan, cpus: Int
    ) -> [PeerVerdict] {
        func find(_ kind: ServerKind, _ servers: Int) -> SaturationSummary.SubjectResult? {
            subjects.first { $0.subject.kind == kind && $0.subject.servers == servers }
        }
        return plan.servers.flatMap { servers in
            plan.readPercents.flatMap { reads in
                plan.kinds.dropFirst().flatMap { peer in
                    Claim.allCases.map { claim in
                        PeerVerdict(
                            claim, corral: find(.corral, servers), peer: find(peer, servers),
                            subject: .init(kind: peer, servers: servers, clients: .everywhere), reads: reads,
                            cpus: cpus, seed: plan.seed)
                    }
                }
            }
        }
    }
}
