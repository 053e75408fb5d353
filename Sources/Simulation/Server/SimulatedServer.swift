import DataTree
import RequestQueue
import ServerCore
import TxnLog

/// One machine with its disk, its clock and, while it runs, one server process: the production core between simulated
/// seams.
final class SimulatedServer: NetworkHost, StreamOwner {
    /// `server.N`; its host is N - 1.
    let id: Int
    var host: Int { id - 1 }
    let world: World
    let network: SimulatedNetwork
    let checker: StateChecker
    let disk: SimulatedDisk
    let clock: SimulatedClock
    let settings: ServerSettings
    var dice: Dice

    private(set) var isRunning = false
    private(set) var isPowered = true
    private(set) var isPaused = false
    /// Raised with every life: what was begun in an older one does not happen any more.
    private(set) var life = 0
    private var busyUntil: UInt64 = 0
    /// Actions that wait for the process, oldest first.
    private var deferred: [() -> Void] = []
    private var isDrainScheduled = false
    private(set) var isInTurn = false
    private var death: (losesPower: Bool, reason: String)?
    /// What an ended process left behind; released when the next one ends.
    private var remains: (any ServerProcess)?
    private(set) var process: (any ServerProcess)?
    /// What the checkers know of the log.
    var log = ServerLog()
    private var checkedZxid: Int64 = 0
    private var lastInspection = Inspection()
    private var term = 0
    /// Told of starts that fail, and of a process that ended by itself.
    var hasEnded: ((SimulatedServer, _ reason: String) -> Void)?

    init(
        id: Int, world: World, network: SimulatedNetwork, checker: StateChecker, settings: ServerSettings,
        disk: SimulatedDisk, clock: SimulatedClock, dice: Dice
    ) {
        self.id = id
        self.world = world
        self.network = network
        self.checker = checker
        self.settings = settings
        self.disk = disk
        self.clock = clock
        self.dice = dice
        disk.user = self
        network.attach(self, at: id - 1)
    }

    // MARK: life

    func start() {
        guard !isRunning else { return }
        isPowered = true
        life += 1
        term += 1
        isRunning = true
        isPaused = false
        busyUntil = 0
        checkedZxid = 0
        lastInspection = Inspection()
        world.say("server \(id): starts")
        do {
            let made = try settings.makeProcess(self)
            process = made
            turn { made.start() }
        } catch let error as RecoveryError {
            // The disk failing again is an end like any other; anything else must never be left behind by a crash.
            if case .disk = error { return die(losesPower: disk.losesPowerAtFailure, "\(error)") }
            world.fail(.recovery, "server \(id) cannot start: \(error)")
            return
        } catch {
            return die(losesPower: disk.losesPowerAtFailure, "\(error)")
        }
        guard isRunning else { return }
        network.powerRestored(host)
        for other in 0..<settings.serverCount where other != host { network.electionLinkUp(host, other) }
        scheduleTick(life)
    }

    private func scheduleTick(_ current: Int) {
        world.after(settings.tickNanos + dice.around(Span.millisecond)) { [self] in
            guard life == current, isRunning else { return }
            perform { [self] in process?.tick() }
            scheduleTick(current)
        }
    }

    /// The process ends now; within its own turn, at the end of the turn, and nothing more comes of that.
    func die(losesPower: Bool, _ reason: String) {
        guard isRunning, death == nil else { return }
        world.say("server \(id): \(losesPower ? "loses power" : "ends"): \(reason)")
        isRunning = false
        if losesPower { isPowered = false }
        death = (losesPower, reason)
        if !isInTurn { bury() }
    }

    private func bury() {
        guard let end = death else { return }
        death = nil
        life += 1
        deferred.removeAll()
        if end.losesPower { network.powerLost(host) } else { network.processEnded(host) }
        disk.crash(losesPower: end.losesPower)
        process?.dismantle()
        remains = process
        process = nil
        hasEnded?(self, end.reason)
    }

    // MARK: scheduling

    func perform(_ action: @escaping () -> Void) {
        guard isRunning else { return }
        if isPaused || world.now < busyUntil || !deferred.isEmpty || isInTurn {
            deferred.append(action)
            scheduleDrain()
        } else {
            turn(action)
        }
    }

    private func scheduleDrain() {
        guard !isDrainScheduled, !isPaused else { return }
        isDrainScheduled = true
        let current = life
        world.at(max(busyUntil, world.now)) { [self] in
            isDrainScheduled = false
            guard life == current else { return }
            drain()
        }
    }

    private func drain() {
        while isRunning, !isPaused, !deferred.isEmpty {
            guard world.now >= busyUntil else { return scheduleDrain() }
            turn(deferred.removeFirst())
        }
    }

    private func turn(_ action: () -> Void) {
        guard let process else { return }
        isInTurn = true
        process.turn(action)
        isInTurn = false
        if death != nil { return bury() }
        inspect()
    }

    func stall(_ nanos: UInt64) { busyUntil = max(busyUntil, world.now) + nanos }

    func pause() {
        guard isRunning, !isPaused else { return }
        world.say("server \(id): is stopped")
        isPaused = true
    }

    func resume() {
        guard isPaused else { return }
        world.say("server \(id): goes on")
        isPaused = false
        scheduleDrain()
    }

    // MARK: checks

    private func inspect() {
        guard let process, isRunning, world.violation == nil else { return }
        let now = process.inspection
        if now.isEstablished {
            let isNew = !lastInspection.isEstablished || lastInspection.epoch != now.epoch
            if isNew || lastInspection.role != now.role {
                term += 1
                checkedZxid = log.startZxid
                world.note(.role, Int64(id) << 8 | now.role.rawValue, now.epoch)
                world.say("server \(id): \(now.role) in epoch \(now.epoch), applied \(hex(now.appliedZxid))")
                if now.role == .leading { checker.leads(id, epoch: now.epoch, term: term, lastZxid: log.lastZxid) }
            }
            if isNew || now.appliedZxid != lastInspection.appliedZxid {
                checker.applied(id, log, from: checkedZxid, upTo: now.appliedZxid)
                checkedZxid = now.appliedZxid
                checker.tree(id, zxid: now.appliedZxid, digest: now.digest)
                world.note(.commit, Int64(id), now.appliedZxid)
            }
        }
        lastInspection = now
    }

    var inspection: Inspection { lastInspection }

    // MARK: network

    func listens(_ service: Service) -> Bool { process?.listens(service) ?? false }

    func accept(_ end: StreamEnd, _ service: Service, from host: Int) { process?.accept(end, service, from: host) }

    func electionMessage(_ bytes: [UInt8], from host: Int) { process?.electionMessage(bytes, from: host + 1) }

    func electionLinkUp(_ host: Int) { process?.electionLinkUp(host + 1) }

    func electionLinkDown(_ host: Int) { process?.electionLinkDown(host + 1) }

    func streamReceived(_ end: StreamEnd, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let process else { return bytes.count }
        return process.received(bytes, on: end)
    }

    func streamClosed(_ end: StreamEnd) { process?.ended(end) }

    func streamDrained(_ end: StreamEnd) { process?.drained(end) }

    /// The process has closed a connection itself.
    func closed(_ end: StreamEnd) {
        world.after(0) { [self] in perform { [self] in process?.ended(end) } }
    }

    /// Breaks the cycles of a world that has ended.
    func dismantle() {
        isRunning = false
        process?.dismantle()
        process = nil
        remains = nil
        deferred.removeAll()
    }
}

extension SimulatedServer: DiskUser {
    func batchesDurable(_ batches: [TxnBatch]) { process?.batchesDurable(batches) }
    func snapshotFinished() { process?.snapshotFinished() }

    func diskFailed(_ error: DiskError) { die(losesPower: disk.losesPowerAtFailure, "\(error)") }

    var tree: DataTree? { process?.tree }
}
