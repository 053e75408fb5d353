import Load

/// Throughput over time while servers fail and come back: what Figure 8 draws.
public struct FailureCourse: Equatable, Sendable {
    public struct Sample: Equatable, Sendable {
        public var seconds: Double
        public var rate: Double
    }

    public struct Event: Equatable, Sendable {
        public var label: String
        public var seconds: Double
        /// Takes a server away; false for one that brings it back.
        public var isFault: Bool
        public var isOnLeader: Bool
        /// A fault that breaks the connections of everybody on that server; a pause, a cut or a slow disk does not.
        public var isKill: Bool
        /// Of a fault: when the server was back; nil when it never was.
        public var endSeconds: Double?
        /// Clients on that server just before, and all of them; nil where nobody counted.
        public var clientsOnIt: Int?
        public var clients: Int?
        /// Until the next event.
        public var connectionsLost: Int?
        /// The longest time without a reply until the next event, by the replies themselves; nil where only samples are
        /// known.
        public var silentMillis: Double?

        public init(_ label: String, at seconds: Double, isFault: Bool, isOnLeader: Bool, end: Double? = nil) {
            self.label = label
            self.seconds = seconds
            self.isFault = isFault
            self.isOnLeader = isOnLeader
            isKill = isFault
            endSeconds = end
        }
    }

    /// What servers used of their CPU budgets before the first event, as parts of them; followers in the mean.
    public struct BudgetUse: Equatable, Sendable {
        public var leader: Double
        public var follower: Double
    }

    public var servers: Int
    public var samples: [Sample]
    public var events: [Event]
    /// nil without budgets.
    public var budgetUse: BudgetUse?

    public init(servers: Int, samples: [Sample], events: [Event]) {
        self.servers = servers
        self.samples = samples
        self.events = events
    }

    /// - Parameter budget: which servers had; nil where they shared the machine.
    public init(_ result: FailureResult, samples: [Sample], servers: Int, budget: CpuBudget? = nil) {
        self.servers = servers
        budgetUse = budget.flatMap { budget in
            func use(_ role: MemberRole) -> Double? {
                let shares = (result.steadyServers ?? []).filter { $0.role == role }.map(\.cpuShare)
                return shares.isEmpty
                    ? nil : shares.reduce(0, +) / Double(shares.count) / (budget.percent / 100)
            }
            guard let leader = use(.leader), let follower = use(.follower) else { return nil }
            return BudgetUse(leader: leader, follower: follower)
        }
        self.samples = samples
        events = result.marks.enumerated().map { index, mark in
            let back = result.marks[(index + 1)...].first { $0.server == mark.server && !$0.step.kind.isFault }
            // Back is who serves, not who has been started.
            let end = back.flatMap { mark in mark.servesMillis.map { mark.atSeconds + $0 / 1000 } }
            var event = Event(
                mark.step.label ?? mark.step.title, at: mark.atSeconds, isFault: mark.step.kind.isFault,
                isOnLeader: mark.leaderBefore == mark.server, end: mark.step.kind.isFault ? end : nil)
            event.isKill = mark.step.kind == .kill
            event.clientsOnIt = mark.clientsBefore.indices.contains(mark.server - 1)
                ? mark.clientsBefore[mark.server - 1] : nil
            event.clients = mark.clientsBefore.reduce(0, +)
            event.connectionsLost = Int(mark.connectionsLost)
            event.silentMillis = mark.silentMillis
            return event
        }
    }

    /// Figure 8 as drawn. The paper lists the events' order without times, and leaves out how the leader of event 3
    /// came back: these are the places of the dips, and of the ends of the ramps behind them.
    static func ofThePaper(_ paper: PaperPoints) throws(LoadError) -> FailureCourse {
        let samples = paper.points(of: "fig8_digitised").compactMap { point in
            point.parameterValue.map { Sample(seconds: $0, rate: point.value) }
        }
        guard !samples.isEmpty else { throw .usage("the paper's points have no 'fig8_digitised'") }
        return FailureCourse(
            servers: 5, samples: samples,
            events: [
                Event("1", at: 52, isFault: true, isOnLeader: false, end: 66),
                Event("2", at: 89, isFault: true, isOnLeader: false, end: 97),
                Event("3", at: 115, isFault: true, isOnLeader: true, end: 124),
                Event("4a", at: 163, isFault: true, isOnLeader: false, end: 194),
                Event("4b", at: 186, isFault: true, isOnLeader: false, end: 194),
                Event("4c", at: 194, isFault: false, isOnLeader: false),
                Event("5", at: 214, isFault: true, isOnLeader: true, end: 248),
                Event("6", at: 248, isFault: false, isOnLeader: false),
            ])
    }

    /// The median sample of a stretch; nil without samples.
    func level(from start: Double, to end: Double) -> Double? {
        let rates = samples.filter { $0.seconds >= start && $0.seconds < end }.map(\.rate).sorted()
        guard !rates.isEmpty else { return nil }
        let middle = rates.count / 2
        return rates.count % 2 == 1 ? rates[middle] : (rates[middle - 1] + rates[middle]) / 2
    }

    var faults: [Event] { events.filter(\.isFault) }

    /// Every moment at which something happens: events, and the ends of faults.
    private var moments: [Double] { (events.map(\.seconds) + events.compactMap(\.endSeconds)).sorted() }

    /// The level just before a moment: since the moment before, but for its first two seconds or half.
    func levelBefore(_ seconds: Double) -> Double? {
        let previous = moments.last { $0 < seconds - 0.001 } ?? 0
        return level(from: previous + min(2, (seconds - previous) / 2), to: seconds)
    }

    /// The level before the first fault.
    var levelAtStart: Double? { faults.first.flatMap { level(from: 0, to: $0.seconds) } }

    /// The next moment after one, or the end of the samples.
    func momentAfter(_ seconds: Double) -> Double {
        moments.first { $0 > seconds + 0.001 } ?? (samples.last.map { $0.seconds + 0.001 } ?? seconds)
    }

    /// How far levels of neighbouring stretches differ where nothing fails, as a part of the first: one standard
    /// deviation, from before the first event and from a run without events. At least a fiftieth.
    func placeboDeviation(seconds: Double, twin: FailureCourse?) -> Double {
        func differences(_ course: FailureCourse, until end: Double) -> [Double] {
            let length = max(seconds, 0.2)
            let levels = (0..<max(0, Int(end / length))).compactMap { index in
                course.level(from: Double(index) * length, to: Double(index + 1) * length)
            }
            return zip(levels, levels.dropFirst()).filter { $0.0 > 0 }.map { 1 - $0.1 / $0.0 }
        }
        var all = differences(self, until: events.first?.seconds ?? samples.last?.seconds ?? 0)
        if let twin { all += differences(twin, until: twin.samples.last?.seconds ?? 0) }
        guard !all.isEmpty else { return 0.02 }
        return max(0.02, (all.reduce(0) { $0 + $1 * $1 } / Double(all.count)).squareRoot())
    }

    /// Stretches in which no server is away, between two faults.
    var wholeStretches: [(start: Double, end: Double)] {
        var stretches: [(Double, Double)] = []
        for (index, fault) in faults.enumerated() {
            let earlier = faults[...index]
            let end = index + 1 < faults.count ? faults[index + 1].seconds : (samples.last?.seconds ?? 0) + 0.001
            guard earlier.allSatisfy({ $0.endSeconds.map { $0 < end } ?? false }) else { continue }
            let start = max(fault.seconds, earlier.compactMap(\.endSeconds).max() ?? fault.seconds)
            stretches.append((start, end))
        }
        return stretches
    }
}
