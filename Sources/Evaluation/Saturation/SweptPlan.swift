import Load

/// A plan each step of which is one sweep: of one ensemble in one round.
protocol SweptPlan {
    var readPercents: [Double] { get }
    var connections: Int { get }
    var window: Int { get }
    var valueBytes: Int { get }
    var seconds: Double { get }
    var warmupSeconds: Double { get }
    var apacheWarmupSeconds: Double { get }
    var threads: Int { get }
    var seed: UInt64 { get }
}

extension SweptPlan {
    /// What all kinds' sweeps have in common.
    func sweep(of subject: SaturationPlan.Subject, round: Int) -> SweepPlan {
        var plan = SweepPlan()
        plan.servers = [subject.kind]
        plan.ensembleServers = subject.servers > 1 ? subject.servers : nil
        plan.readPercents = readPercents
        plan.connections = [connections]
        plan.window = window
        plan.valueBytes = valueBytes
        plan.blocksPerServer = 1
        plan.durationSeconds = seconds
        plan.warmupLimitSeconds = warmupSeconds
        plan.apacheWarmupSeconds = apacheWarmupSeconds
        plan.includeNull = false
        plan.threads = threads
        plan.seed = Turns.seed(seed, ofRound: round)
        return plan
    }
}
