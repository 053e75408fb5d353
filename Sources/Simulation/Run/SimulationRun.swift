import DataTree
import ServerCore

/// One seed: an ensemble and its clients, faults, healing, and the demands at the end.
public final class SimulationRun {
    private let seed: UInt64
    private let options: SimulationOptions
    private let world = World()
    private let plan: RunPlan
    private let network: SimulatedNetwork
    private let checker: StateChecker
    private var servers: [SimulatedServer] = []
    private let recorder = Recorder()
    private var clients: [SimulatedClient] = []
    private let auditor: SimulatedClient
    private let injector: FaultInjector
    private let notices: NoticeCounter

    public init(seed: UInt64, options: SimulationOptions = SimulationOptions()) {
        self.seed = seed
        self.options = options
        var dice = Dice(seed: seed)
        plan = RunPlan.random(&dice, options)
        world.trace.sink = options.trace
        network = SimulatedNetwork(
            world, serverCount: plan.serverCount, hostCount: plan.serverCount + plan.clientCount + 1,
            settings: plan.network, dice: dice.split())
        checker = StateChecker(world)
        let clientHosts = plan.serverCount...plan.serverCount + plan.clientCount
        let counter = NoticeCounter()
        notices = counter
        let ensemble = plan.ensemble { counter.note($0, $1) }
        for index in 0..<plan.serverCount {
            var settings = plan.settings(of: index + 1)
            if let ensemble { settings.makeProcess = { try ReplicatedProcess($0, ensemble) } }
            let disk = SimulatedDisk(
                world, server: index + 1, settings: plan.disk, mutation: options.mutation?.diskPart, dice: dice.split())
            let clock = SimulatedClock(
                world, driftPartsPerMillion: Int64(dice.int(-200...200)),
                offsetNanos: UInt64(dice.int(1...1000)) * Span.second)
            servers.append(
                SimulatedServer(
                    id: index + 1, world: world, network: network, checker: checker,
                    settings: settings, disk: disk, clock: clock, dice: dice.split()))
        }
        for index in 0...plan.clientCount {
            var settings = plan.client
            settings.servers = Array(0..<plan.serverCount)
            settings.timeoutMillis = dice.pick(plan.timeoutsMillis)
            clients.append(
                SimulatedClient(
                    index: index, host: plan.serverCount + index, world: world, network: network,
                    recorder: recorder, settings: settings, workload: plan.workload, dice: dice.split()))
        }
        auditor = clients.removeLast()
        auditor.isActive = false
        injector = FaultInjector(
            world, network: network, servers: servers, clientHosts: clientHosts, plan: plan.faults,
            dice: dice.split())
        counter.injector = injector
    }

    /// Nothing of a run outlives it, though its parts know one another.
    private func dismantle() {
        world.end()
        network.dismantle()
        injector.dismantle()
        for client in clients + [auditor] { client.dismantle() }
        for server in servers { server.dismantle() }
    }

    public func run() -> SimulationResult {
        world.say("seed \(seed): \(plan)")
        phases()
        if world.violation == nil { checkHistory() }
        world.say(world.violation.map { "VIOLATION \($0)" } ?? "nothing wrong")
        var result = SimulationResult(
            seed: seed, violation: world.violation, traceHash: world.trace.hash, events: world.eventCount,
            virtualNanos: world.now, faults: injector.counts, operations: recorder.history.operations.count,
            successes: recorder.successes, transactions: Int(checker.count), servers: plan.serverCount)
        result.faults[.electionMessageLoss] = network.electionLosses
        result.counts.termsOfOffice = checker.established
        result.counts.sessionsExpired = recorder.history.ends.count { !$0.wasClosed }
        result.counts.diffs = notices.diffs
        result.counts.truncations = notices.truncations
        result.counts.snapshotsSent = notices.snapshots
        result.counts.linearizedOperations = linearized
        dismantle()
        return result
    }

    private var linearized = 0

    private func phases() {
        for server in servers { world.after(UInt64(server.id) * 3 * Span.millisecond) { server.start() } }
        // The first client makes the parents.
        auditor.start()
        guard ask(Workload.parents.map { .create(path: $0, value: 0, flags: 0) }, within: plan.patienceNanos, "setup")
        else { return }
        for client in clients { client.start() }
        world.run(until: world.now + Span.second)
        injector.begin()
        world.run(until: world.now + plan.faults.chaosNanos)
        injector.heal()
        // What the auditor asked during the faults is over.
        guard ask([.sync, .create(path: "/final", value: 0, flags: 0)], within: plan.patienceNanos, "a write") else {
            return
        }
        guard wait(within: plan.patienceNanos, for: isLevel(with: recorder.acknowledgedZxid)) else {
            return lackOfProgress("every server catches up", describeServers())
        }
        for client in clients { client.isActive = false }
        guard wait(within: plan.patienceNanos, for: clients.allSatisfy { !$0.hasOutstanding }) else {
            return lackOfProgress("every request is answered", describeServers())
        }
        audit()
        for client in clients { client.retire() }
        let longest = UInt64(plan.timeoutsMillis.max() ?? 0) * Span.millisecond
        guard
            wait(
                within: longest + plan.patienceNanos,
                for: servers.allSatisfy { ($0.process?.tree.ephemeralCount ?? 1) == 0 })
        else {
            if world.violation == nil {
                world.fail(.ephemeralLifetime, "ephemerals are left after every session's end; \(describeServers())")
            }
            return
        }
    }

    /// The final state, read by one who has synchronized.
    private func audit() {
        var reads: [Operation.Kind] = [.sync]
        for index in 0..<plan.workload.registers {
            reads.append(.getData(path: plan.workload.register(index), watch: false))
        }
        for index in 0..<plan.workload.ephemerals {
            reads.append(.exists(path: plan.workload.ephemeral(index), watch: false))
        }
        reads.append(.getChildren(path: Workload.sequenceParent, watch: false))
        _ = ask(reads, within: plan.patienceNanos, "the final reads")
    }

    /// The auditor asks until all is answered on one connection. What is lost with a connection is asked again.
    private func ask(_ kinds: [Operation.Kind], within nanos: UInt64, _ what: String) -> Bool {
        var answers = 0
        var connection = -1
        let end = world.now + nanos
        auditor.scriptAnswer = { _ in answers += 1 }
        while world.violation == nil, world.now < end, answers < kinds.count {
            if auditor.state == .connected, auditor.connection != connection {
                answers = 0
                connection = auditor.connection
                auditor.run(kinds)
            }
            world.run(until: world.now + 10 * Span.millisecond)
        }
        auditor.scriptAnswer = nil
        if world.violation == nil, answers < kinds.count {
            lackOfProgress(what, describeServers())
            return false
        }
        return world.violation == nil
    }

    private func wait(within nanos: UInt64, for condition: @autoclosure () -> Bool) -> Bool {
        let end = world.now + nanos
        while world.violation == nil, !condition() {
            guard world.now < end else { return false }
            world.run(until: world.now + 20 * Span.millisecond)
        }
        return world.violation == nil
    }

    private func isLevel(with zxid: Int64) -> Bool {
        servers.allSatisfy { $0.isRunning && $0.inspection.isEstablished && $0.inspection.appliedZxid >= zxid }
    }

    private func describeServers() -> String {
        servers.map { server in
            let now = server.inspection
            let state = server.isRunning ? "\(now.role)\(now.isEstablished ? "" : " (not established)")" : "down"
            return "server \(server.id) \(state) epoch \(now.epoch) applied \(hex(now.appliedZxid))"
        }.joined(separator: ", ")
    }

    private func lackOfProgress(_ what: String, _ state: String) {
        guard world.violation == nil else { return }
        world.fail(.progress, "healed, and yet not within \(plan.patienceNanos / Span.second) s: \(what); \(state)")
    }

    // MARK: the end

    private func checkHistory() {
        for index in recorder.history.operations.indices where recorder.history.operations[index].kind.isWrite {
            let operation = recorder.history.operations[index]
            let committed = checker.committed(operation.session, operation.xid)
            if operation.outcome == .unknown {
                // All are healed and level: what was not committed by now never will be.
                recorder.history.operations[index].committedZxid =
                    committed.map { $0.wasRefused ? 0 : $0.zxid } ?? 0
            } else if operation.outcome == .ok, committed?.zxid != operation.zxid || committed?.wasRefused != false {
                return world.fail(
                    .acknowledgedIsKept,
                    "\(operation.kind) of client \(operation.client) was acknowledged as \(hex(operation.zxid)), but "
                        + (committed.map { "is \(hex($0.zxid))\($0.wasRefused ? ", refused" : "")" }
                            ?? "is not committed"))
            }
        }
        recorder.history.endZxids = checker.sessionEnds
        let (found, count) = HistoryChecks.all(recorder.history, acknowledgedBefore: recorder.acknowledgedZxid(before:))
        linearized = count
        if let found { world.fail(found.property, found.text) }
    }
}

/// Counts how learners were brought up to date.
final class NoticeCounter {
    private(set) var diffs = 0
    private(set) var truncations = 0
    private(set) var snapshots = 0

    weak var injector: FaultInjector?

    func note(_ server: SimulatedServer, _ notice: ReplicaNotice) {
        switch notice {
        case .elected, .leading, .following, .learnerJoined, .learnerSynchronized, .receivingSnapshot, .truncating:
            injector?.turned(server)
        default: break
        }
        guard case .learnerJoined(_, let how, _) = notice else { return }
        switch how {
        case "DIFF": diffs += 1
        case "TRUNC": truncations += 1
        default: snapshots += 1
        }
    }
}
