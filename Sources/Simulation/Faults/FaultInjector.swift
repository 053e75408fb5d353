/// Does to the servers what the plan says, and undoes it all in the end.
final class FaultInjector {
    private let world: World
    private let network: SimulatedNetwork
    private let servers: [SimulatedServer]
    private let clientHosts: ClosedRange<Int>
    private let plan: FaultPlan
    private var dice: Dice
    private(set) var counts = FaultCounts()
    private var isActive = false
    /// Cuts that stand, to be mended: pairs of hosts.
    private var cuts: [(id: Int, pairs: [(Int, Int)])] = []
    private var nextCut = 0
    /// Servers that must not start again yet.
    private var heldDown: [Bool]

    init(
        _ world: World, network: SimulatedNetwork, servers: [SimulatedServer], clientHosts: ClosedRange<Int>,
        plan: FaultPlan, dice: Dice
    ) {
        self.world = world
        self.network = network
        self.servers = servers
        self.clientHosts = clientHosts
        self.plan = plan
        self.dice = dice
        heldDown = servers.map { _ in false }
        for server in servers { server.hasEnded = { [unowned self] server, _ in restartLater(server) } }
    }

    func begin() {
        isActive = true
        network.settings.electionLossChance = plan.electionLossChance
        for rate in plan.rates { schedule(rate) }
    }

    private func schedule(_ rate: FaultPlan.Rate) {
        world.after(dice.around(rate.meanIntervalNanos)) { [self] in
            guard isActive else { return }
            inject(rate.kind, duration: dice.around(rate.meanDurationNanos))
            schedule(rate)
        }
    }

    private func restartLater(_ server: SimulatedServer) {
        world.after(dice.around(isActive ? 500 * Span.millisecond : 100 * Span.millisecond)) { [self] in
            if !heldDown[server.host] { server.start() }
        }
    }

    // MARK: faults

    private func inject(_ kind: FaultKind, duration: UInt64) {
        let server = dice.pick(servers)
        world.note(.fault, Int64(kind.rawValue), Int64(server.id))
        world.say("fault: \(kind.name) of server \(server.id) for \(duration / Span.millisecond) ms")
        if happens(kind, server) { counts[kind] += 1 }
        switch kind {
        case .crash: kill(server, losesPower: false, duration)
        case .powerLoss: kill(server, losesPower: true, duration)
        case .powerLossOfAll: for server in servers { kill(server, losesPower: true, dice.around(duration)) }
        case .powerLossWithinWrite: server.disk.losePower(afterChanges: dice.int(0...12))
        case .pause:
            server.pause()
            let life = server.life
            world.after(duration) { if server.life == life { server.resume() } }
        case .partition: split(duration)
        case .isolatedLeader: isolateLeader(duration)
        case .oneWayCut: cut(oneWay(server), duration)
        case .connectionBreak: breakConnections(server)
        case .slowLink:
            network.setSlowness(of: server.host, to: dice.pick([5, 20, 100]))
            world.after(duration) { [self] in network.setSlowness(of: server.host, to: 1) }
        case .slowDisk:
            server.disk.slowness = dice.pick([10, 100, 1000])
            world.after(duration) { server.disk.slowness = 1 }
        case .fullDisk:
            server.disk.fill()
            world.after(duration) { server.disk.makeRoom() }
        case .clockJump: server.clock.wallJumpMillis += Int64(dice.int(-100_000...100_000))
        case .electionMessageLoss: break
        case .quorumShift: shiftQuorum(duration)
        case .fadingLeader: fadeLeader(duration)
        case .lonelyPair: leavePair(duration)
        }
    }

    /// Whether there is somebody whom the fault can hurt; only those are counted.
    private func happens(_ kind: FaultKind, _ server: SimulatedServer) -> Bool {
        switch kind {
        case .crash, .powerLoss, .powerLossWithinWrite, .pause, .connectionBreak: server.isRunning
        case .isolatedLeader, .fadingLeader, .lonelyPair, .quorumShift: leader != nil
        default: true
        }
    }

    private var leader: SimulatedServer? {
        servers.first { $0.isRunning && $0.inspection.role == .leading }
    }

    /// About the time from a proposal to its commit.
    private var stride: UInt64 { 2 * network.settings.delayNanos + servers[0].disk.settings.syncNanos }

    /// What the leader proposes next reaches some, and of its commit nobody may hear.
    private func fadeLeader(_ duration: UInt64) {
        guard let leader else { return }
        var pairs: [(Int, Int)] = []
        for other in servers where other !== leader && dice.chance(0.5) {
            pairs.append((leader.host, other.host))
            if dice.chance(0.3) { pairs.append((other.host, leader.host)) }
        }
        leader.disk.atNextWrite = { [self] in
            guard isActive else { return }
            cut(pairs, duration)
            world.after(dice.around(2 * stride)) { [self] in
                if isActive, leader.isRunning { end(leader, losesPower: dice.chance(0.7), duration) }
            }
        }
    }

    private func leavePair(_ duration: UInt64) {
        guard let leader else { return }
        let company = dice.pick(servers.filter { $0 !== leader })
        for other in servers where other !== leader && other !== company {
            let pairs = [(leader.host, other.host), (other.host, leader.host)]
            world.after(dice.around(stride)) { [self] in if isActive { cut(pairs, duration) } }
        }
        world.after(dice.around(2 * stride)) { [self] in
            guard isActive else { return }
            if dice.chance(0.3) { return end(company, losesPower: false, dice.around(20 * Span.millisecond)) }
            for stream in network.streams(between: leader.host, and: company.host) { network.breakStream(stream) }
        }
    }

    private func shiftQuorum(_ duration: UInt64) {
        guard let leader else { return }
        var others = servers.filter { $0 !== leader }
        var behind: [SimulatedServer] = []
        while behind.count < servers.count / 2 { behind.append(others.remove(at: dice.int(0...others.count - 1))) }
        cut(behind.flatMap { [(leader.host, $0.host), ($0.host, leader.host)] }, duration)
        let inStep = others
        world.after(dice.around(duration / 2)) { [self] in
            guard isActive else { return }
            if dice.chance(0.5) { kill(leader, losesPower: dice.chance(0.8), dice.around(50 * Span.millisecond)) }
            for server in inStep { kill(server, losesPower: dice.chance(0.5), duration * 2 + dice.around(Span.second)) }
        }
    }

    /// A server has come to a turn in its life.
    func turned(_ server: SimulatedServer) {
        guard isActive, dice.chance(plan.turnChance) else { return }
        world.after(dice.around(2 * network.settings.delayNanos)) { [self] in
            guard isActive else { return }
            let victim = dice.chance(0.7) ? server : dice.pick(servers)
            let duration = dice.around(300 * Span.millisecond)
            let ofOne: [FaultKind] = [.crash, .powerLoss, .powerLoss, .connectionBreak, .oneWayCut]
            let kind = dice.chance(0.06) ? .powerLossOfAll : dice.pick(ofOne)
            if happens(kind, victim) { counts[kind] += 1 }
            world.note(.fault, Int64(kind.rawValue), Int64(victim.id))
            world.say("fault at a turn: \(kind.name) of server \(victim.id)")
            switch kind {
            case .crash, .powerLoss: kill(victim, losesPower: kind == .powerLoss, duration)
            case .connectionBreak: breakConnections(victim)
            case .powerLossOfAll: for one in servers { end(one, losesPower: true, dice.around(2 * duration)) }
            default: cut(oneWay(victim), duration)
            }
        }
    }

    /// Power is lost at once, or while the next write is on its way to the disk.
    private func kill(_ server: SimulatedServer, losesPower: Bool, _ duration: UInt64) {
        guard losesPower, server.isRunning, dice.chance(0.6) else {
            return end(server, losesPower: losesPower, duration)
        }
        var isDone = false
        let life = server.life
        let strike: () -> Void = { [self] in
            guard !isDone, isActive, server.life == life else { return }
            isDone = true
            end(server, losesPower: true, duration)
        }
        server.disk.strike = strike
        world.after(dice.around(200 * Span.millisecond), strike)
    }

    private func end(_ server: SimulatedServer, losesPower: Bool, _ duration: UInt64) {
        heldDown[server.host] = true
        server.die(losesPower: losesPower, "by fault")
        world.after(duration) { [self] in
            heldDown[server.host] = false
            server.start()
        }
    }

    private func split(_ duration: UInt64) {
        let side = servers.map { _ in dice.chance(0.5) }
        var pairs: [(Int, Int)] = []
        for left in servers.indices {
            for right in servers.indices where side[left] != side[right] { pairs.append((left, right)) }
        }
        // A client may be on either side.
        for client in clientHosts where dice.chance(0.5) {
            for server in servers.indices where side[server] { pairs += [(client, server), (server, client)] }
        }
        cut(pairs, duration)
    }

    private func isolateLeader(_ duration: UInt64) {
        guard let leader else { return }
        var pairs: [(Int, Int)] = []
        for other in servers.indices where other != leader.host {
            pairs.append((leader.host, other))
            pairs.append((other, leader.host))
        }
        cut(pairs, duration)
    }

    private func oneWay(_ server: SimulatedServer) -> [(Int, Int)] {
        let others = servers.indices.filter { $0 != server.host } + clientHosts
        let isOutward = dice.chance(0.5)
        return others.filter { _ in dice.chance(0.6) }.map { isOutward ? (server.host, $0) : ($0, server.host) }
    }

    private func cut(_ pairs: [(Int, Int)], _ duration: UInt64) {
        for (from, to) in pairs { network.cut(from: from, to: to) }
        let id = nextCut
        nextCut += 1
        cuts.append((id, pairs))
        world.after(duration) { [self] in mend(id) }
    }

    private func mend(_ id: Int) {
        guard let index = cuts.firstIndex(where: { $0.id == id }) else { return }
        let pairs = cuts.remove(at: index).pairs
        for (from, to) in pairs { network.mend(from: from, to: to) }
    }

    private func breakConnections(_ server: SimulatedServer) {
        for end in network.streams(of: server.host) where dice.chance(0.5) { network.breakStream(end) }
    }

    // MARK: the end

    /// Undoes everything: from here on nothing is broken.
    func heal() {
        isActive = false
        world.say("everything is healed")
        while let (id, _) = cuts.first { mend(id) }
        network.settings.electionLossChance = 0
        for server in servers {
            network.setSlowness(of: server.host, to: 1)
            server.disk.slowness = 1
            server.disk.isPurging = false
            server.disk.makeRoom()
            heldDown[server.host] = false
            server.resume()
            if !server.isRunning { restartLater(server) }
        }
    }

    func dismantle() {
        for server in servers { server.hasEnded = nil }
    }
}
