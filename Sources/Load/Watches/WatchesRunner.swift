import CPlatform

/// Measures watches on one fresh ensemble. Used from one thread.
public enum WatchesRunner {
    static let root = "/corral-watches"
    /// Sessions whose watches are fired one after another.
    private static let fireWatchers = 6

    public static func run(
        _ plan: WatchesPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<WatchesFigure> {
        let most = plan.watchers.max() ?? 0
        try OpenFiles.require(most + 300, for: "\(most) watching sessions")
        let ensemble = try CrowdServers.start(
            plan.kind, servers: plan.servers, settings: plan.settings, options: options)
        defer { ensemble.stop() }
        let value = [UInt8](repeating: 0x77, count: plan.valueBytes)
        let control = try ControlClient.first(of: ensemble.addresses)
        try control.create(1) { _ in (root, []) }
        try control.create(plan.znodes) { (znode($0), value) }
        try control.create(fireWatchers + 1) { ("\(root)/fire-\($0)", value) }
        try control.create(1) { _ in ("\(root)/storm", value) }
        try CrowdServers.synchronize(ensemble, root)
        var result = EnsembleResult<WatchesFigure>(
            description: ensemble.members[0].description ?? .unknown, figures: [], violations: [])
        progress.update("\(plan.watches) watches are set")
        result.figures.append(WatchesFigure(setting: try setting(plan, ensemble, &result.violations)))
        progress.update("\(plan.fires) watches are fired")
        result.figures.append(WatchesFigure(fire: try firing(plan, ensemble, value, &result.violations)))
        try storms(plan, ensemble, value, progress, &result)
        return result
    }

    private static func znode(_ number: Int) -> String { "\(root)/z-\(number)" }

    /// Passes with and without watches by turns, A B B A, on connections of their own.
    private static func setting(
        _ plan: WatchesPlan, _ ensemble: ManagedEnsemble, _ violations: inout [String]
    ) throws(LoadError) -> WatchSettingFigure {
        let paths = (0..<plan.znodes).map(znode)
        let requests = [false, true].map { watches in paths.map { CrowdRequest.exists($0, watches: watches) } }
        func pass(
            _ setting: WatchSetting
        ) throws(LoadError) -> (seconds: Double, cpuMicros: Double, generator: GeneratorUse) {
            let crowd = try Crowd(ensemble.addresses, seed: plan.seed)
            try crowd.open(plan.setters, limitSeconds: plan.limitSeconds, setting)
            let window = CrowdWindow(ensemble)
            try setting.pass(crowd, limitSeconds: plan.limitSeconds)
            let figures = (window.seconds, window.serverMicros, window.generator)
            try crowd.closeSessions(limitSeconds: plan.limitSeconds, setting)
            violations += crowd.violations
            return figures
        }
        let warm = Clock.seconds + plan.warmupSeconds
        while Clock.seconds < warm {
            for list in requests { _ = try pass(WatchSetting(requests: list, window: plan.window)) }
        }
        let passes = requests.map { WatchSetting(requests: $0, window: plan.window) }
        var seconds = [0.0, 0.0]
        var cpu = [0.0, 0.0]
        var busiest = GeneratorUse(cpuShare: 0, waitShare: 0)
        for round in 0..<plan.passes {
            for kind in round % 2 == 0 ? [0, 1] : [1, 0] {
                let figures = try pass(passes[kind])
                seconds[kind] += figures.seconds
                cpu[kind] += figures.cpuMicros
                if figures.generator.cpuShare > busiest.cpuShare { busiest = figures.generator }
            }
        }
        guard let reads = TimeFigures(nanos: passes[0].times), let sets = TimeFigures(nanos: passes[1].times) else {
            throw .result("no watch was set")
        }
        return WatchSettingFigure(
            connections: plan.setters, window: plan.window, watches: passes[1].answered,
            refused: passes[0].refused + passes[1].refused, setPerSecond: Double(passes[1].answered) / seconds[1],
            readPerSecond: Double(passes[0].answered) / seconds[0], setCpuMicros: cpu[1] / Double(passes[1].answered),
            readCpuMicros: cpu[0] / Double(passes[0].answered), setTimes: sets, readTimes: reads,
            generator: busiest)
    }

    private static func firing(
        _ plan: WatchesPlan, _ ensemble: ManagedEnsemble, _ value: [UInt8], _ violations: inout [String]
    ) throws(LoadError) -> WatchFireFigure {
        let crowd = try Crowd(ensemble.addresses, seed: plan.seed)
        let firing = WatchFiring(
            crowd, paths: (0..<fireWatchers).map { "\(root)/fire-\($0)" }, value: value,
            limitSeconds: plan.limitSeconds)
        try crowd.open(fireWatchers + 1, limitSeconds: plan.limitSeconds, firing)
        let warm = Clock.seconds + plan.warmupSeconds
        var number = 0
        while Clock.seconds < warm {
            _ = try firing.fire(number)
            number += 1
        }
        var fromSend: [Int64] = []
        var fromReply: [Int64] = []
        for place in 0..<plan.fires {
            guard let times = try firing.fire(place) else { continue }
            fromSend.append(times.fromSend)
            fromReply.append(times.fromReply)
        }
        try crowd.closeSessions(limitSeconds: plan.limitSeconds, firing)
        if firing.refused > 0 { violations.append("\(firing.refused) requests were refused while watches were fired") }
        violations += crowd.violations
        guard let sends = TimeFigures(nanos: fromSend), let replies = TimeFigures(nanos: fromReply) else {
            throw .result("no watch fired")
        }
        return WatchFireFigure(
            fires: plan.fires, lost: plan.fires - fromSend.count, fromSend: sends, fromReply: replies)
    }

    /// Smallest first, on the same sessions; each size once without being measured.
    private static func storms(
        _ plan: WatchesPlan, _ ensemble: ManagedEnsemble, _ value: [UInt8], _ progress: ProgressReporter,
        _ result: inout EnsembleResult<WatchesFigure>
    ) throws(LoadError) {
        let crowd = try Crowd(ensemble.addresses, seed: plan.seed)
        let storming = WatchStorming(
            crowd, ensemble: ensemble, path: "\(root)/storm", value: value, limitSeconds: plan.limitSeconds)
        for watchers in plan.watchers.sorted() {
            progress.update("\(watchers) sessions watch one znode")
            try crowd.open(watchers + 1, limitSeconds: 60 + plan.limitSeconds, storming)
            _ = try storming.storm(watchers: watchers)
            var storms: [WatchStorm] = []
            for _ in 0..<plan.storms {
                if let storm = try storming.storm(watchers: watchers) { storms.append(storm) }
            }
            result.figures.append(WatchesFigure(storm: WatchStormFigure(watchers: watchers, storms: storms)))
        }
        try crowd.closeSessions(limitSeconds: 60 + plan.limitSeconds, storming)
        result.violations += crowd.violations
    }
}
