import DataTree
import ServerCore
import TxnLog

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The process whose disk it is.
protocol DiskUser: AnyObject {
    func perform(_ action: @escaping () -> Void)
    /// Batches are durable. Within `perform`.
    func batchesDurable(_ batches: [TxnBatch])
    func snapshotFinished()
    /// A change failed: the process must end.
    func diskFailed(_ error: DiskError)
    var tree: DataTree? { get }
    /// The process does nothing else meanwhile: a call blocked.
    func stall(_ nanos: UInt64)
}

/// How the disk of one server behaves.
struct DiskSettings {
    /// One durable write.
    var syncNanos: UInt64 = 500 * Span.microsecond
    /// Each takes just as long, and is not remembered: for worlds in which no disk loses its power.
    var isSteady = false
    var supportsDirect = true
    /// Apache's `preAllocSize`; small, because each slice of zeros is remembered until the next crash.
    var preallocationBytes = 0
    var sliceBytes = 4096
    var segmentLimitBytes: Int?
    /// Znodes that a snapshot writes between two events of its server.
    var snapshotSliceNodes = 4
    /// Snapshots kept; 0 to keep all.
    var retainedSnapshots = 3
}

/// One server's disk, and its log thread: the production log writer on a disk in memory, durable after a while, with
/// power failures at any change.
final class SimulatedDisk {
    static let directory = "/data/version-2"

    let world: World
    let server: Int
    var dice: Dice
    let settings: DiskSettings
    let mutation: DiskMutation?
    private(set) var memory: MemoryDisk
    /// All of it durable; what happened since is in `earlier` and in the memory disk's own record.
    private var base: MemoryDisk
    private var earlier: [MemoryDisk.Change] = []
    /// Owns this disk.
    unowned(unsafe) var user: (any DiskUser)?

    var writer: LogWriter?
    private enum Order {
        case batch(TxnBatch)
        case snapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)])
    }
    private var waiting: [Order] = []
    private var inFlight: [TxnBatch] = []
    /// How many changes had been made when the write in flight began.
    private var inFlightStart: Int?
    private var isBusy = false
    /// What was begun under an older number reports to nobody.
    private var generation = 0
    private var snapshot: SnapshotTask?
    /// What is to happen when the next write begins.
    var atNextWrite: (() -> Void)?
    /// What is to happen while the next write is on its way.
    var strike: (() -> Void)?
    /// Whether old snapshots and logs go at every other snapshot. A server purges once an hour at most; here a learner
    /// that the log behind its snapshot reaches slowly would begin anew for ever.
    var isPurging = true
    /// Factor on the time of a write.
    var slowness: UInt64 = 1
    private(set) var isFull = false
    /// Whether the failure that is set up is a loss of power in the middle of it.
    private(set) var losesPowerAtFailure = false

    init(_ world: World, server: Int, settings: DiskSettings, mutation: DiskMutation?, dice: Dice) {
        self.world = world
        self.server = server
        self.settings = settings
        self.mutation = mutation
        self.dice = dice
        base = MemoryDisk(supportsDirect: settings.supportsDirect)
        memory = MemoryDisk(supportsDirect: settings.supportsDirect)
        if !settings.isSteady { memory.startRecording() }
    }

    /// What the process sees. Some mutations stand between.
    var disk: any Disk { mutation == .zk2872 ? ForgetfulDisk(memory) : memory }

    // MARK: the log

    @discardableResult
    func openLog(lastZxid: Int64, index: LogIndex? = nil) -> LogWriter {
        let made = LogWriter(
            disk: disk, directory: Self.directory, preallocationBytes: settings.preallocationBytes,
            lastZxid: lastZxid, sizeLimitBytes: settings.segmentLimitBytes, sliceBytes: settings.sliceBytes,
            index: index)
        writer = made
        return made
    }

    /// The log thread takes what has gathered: everything up to the next order is one group commit.
    private func pump() {
        guard !isBusy, !waiting.isEmpty, let writer else { return }
        var group: [TxnBatch] = []
        while case .batch(let batch)? = waiting.first {
            group.append(batch)
            waiting.removeFirst()
        }
        if group.isEmpty {
            beginSnapshot()
            return pump()
        }
        isBusy = true
        inFlight = group
        inFlightStart = memory.changes.count
        guard write(group, writer) else { return }
        let now = generation
        // The mistake: it is reported while the disk is still at it.
        let isEarly = mutation == .noSync
        if isEarly { report(group, now) }
        let delay = syncTime()
        if let atNextWrite {
            self.atNextWrite = nil
            atNextWrite()
        }
        if let strike {
            self.strike = nil
            world.after(UInt64(dice.int(0...Int(delay)))) { strike() }
        }
        world.after(delay) { [self] in
            guard generation == now else { return }
            isBusy = false
            let done = inFlight
            inFlight = []
            inFlightStart = nil
            if !isEarly { report(done, now) }
            pump()
        }
    }

    private func report(_ batches: [TxnBatch], _ now: Int) {
        world.note(.disk, Int64(server), Int64(batches.count))
        world.after(1) { [self] in
            user?.perform { [self] in
                guard generation == now else { return }
                user?.batchesDurable(batches)
            }
        }
    }

    /// However slow: what is on its way when everything is healed must end within the time that is allowed for that.
    private func syncTime() -> UInt64 {
        if settings.isSteady { return settings.syncNanos }
        return min((dice.around(settings.syncNanos) + settings.syncNanos / 8) * slowness, 2 * Span.second)
    }

    /// - Returns: false when the process has ended over it.
    private func write(_ group: [TxnBatch], _ writer: LogWriter) -> Bool {
        do throws(DiskError) {
            try writer.append(group)
            if dice.chance(0.1) { _ = writer.prepareAhead() }
            return true
        } catch {
            // The mistake is to go on: what is missing on the disk has been reported.
            if mutation == .zk4882, !losesPowerAtFailure { return true }
            user?.diskFailed(error)
            return false
        }
    }

    /// Makes everything submitted durable at once; none of it is reported.
    func drain() throws(DiskError) {
        generation += 1
        isBusy = false
        inFlight = []
        inFlightStart = nil
        let orders = waiting
        waiting = []
        for order in orders {
            switch order {
            case .batch(let batch): try writer?.append([batch])
            case .snapshot: user?.perform { [self] in user?.snapshotFinished() }
            }
        }
        if snapshot != nil { try finishSnapshotNow() }
        user?.stall(syncTime())
    }

    func blockForSync() { user?.stall(syncTime()) }

    // MARK: snapshots

    private func beginSnapshot() {
        guard case .snapshot(let zxid, let sessions)? = waiting.first else { return }
        waiting.removeFirst()
        writer?.roll()
        guard snapshot == nil, let tree = user?.tree else { return }
        do throws(DiskError) {
            snapshot = try SnapshotTask(
                disk: disk, directory: Self.directory, tree: tree, zxid: zxid, sessions: sessions,
                isNamedAtEnd: mutation == .zk3144)
        } catch {
            return snapshotFailed(error)
        }
        world.say("server \(server): snapshot at \(hex(zxid)) begins")
        scheduleSnapshotStep(generation)
    }

    private func scheduleSnapshotStep(_ now: Int) {
        world.after(dice.around(settings.syncNanos)) { [self] in
            guard generation == now, let snapshot else { return }
            do throws(DiskError) {
                if try snapshot.step(nodes: settings.snapshotSliceNodes) {
                    try endSnapshot()
                } else {
                    scheduleSnapshotStep(now)
                }
            } catch {
                snapshotFailed(error)
            }
        }
    }

    private func finishSnapshotNow() throws(DiskError) {
        guard let snapshot else { return }
        while !(try snapshot.step(nodes: 1 << 20)) {}
        try endSnapshot()
    }

    private func endSnapshot() throws(DiskError) {
        snapshot = nil
        world.say("server \(server): snapshot written")
        if isPurging, settings.retainedSnapshots > 0, dice.chance(0.5) {
            _ = try Purge(retainCount: settings.retainedSnapshots).run(
                disk: disk, logDirectory: Self.directory, snapshotDirectory: Self.directory)
        }
        tellSnapshotFinished()
    }

    private func tellSnapshotFinished() {
        user?.perform { [self] in user?.snapshotFinished() }
    }

    /// A snapshot that fails loses nothing; but the disk that failed is the log's too.
    private func snapshotFailed(_ error: DiskError) {
        snapshot = nil
        if losesPowerAtFailure { user?.diskFailed(error) } else { tellSnapshotFinished() }
    }

    // MARK: faults

    /// From now on every change fails for lack of room.
    func fill() {
        isFull = true
        memory.failChange(0, code: ENOSPC)
    }

    func makeRoom() {
        isFull = false
        memory.stopFailing()
    }

    /// Power is lost at one of the next changes: it and everything after never happens.
    func losePower(afterChanges count: Int) {
        guard !isFull else { return }
        losesPowerAtFailure = true
        memory.failChange(count, code: EIO)
    }

    /// The process has ended, or its machine lost power: what the next one will find.
    func crash(losesPower: Bool) {
        let own = memory.changes
        let changes = earlier + own
        var end = changes.count
        if let start = inFlightStart {
            // The write in flight may have come to any point.
            end = dice.int(earlier.count + start...end)
        }
        var model = CrashModel(from: base, changes: changes)
        while model.position < end { model.advance() }
        if losesPower {
            let fate: CrashModel.Fate = dice.chance(0.2) ? .lost : .torn(seed: dice.next())
            base = model.crash(fate)
            earlier = []
            memory = CrashModel.copy(of: base)
        } else {
            // The kernel still has it all; a power failure later may take what was not synced.
            let partial = CrashModel(from: base, changes: Array(changes[..<end]))
            var whole = partial
            while !whole.isAtEnd { whole.advance() }
            memory = whole.crash(.kept)
            earlier = Array(changes[..<end])
        }
        world.note(.power, Int64(server), losesPower ? Int64(end - changes.count) : 1)
        memory.startRecording()
        writer = nil
        snapshot = nil
        waiting = []
        inFlight = []
        inFlightStart = nil
        isBusy = false
        losesPowerAtFailure = false
        strike = nil
        atNextWrite = nil
        generation += 1
        if isFull { fill() }
    }
}

extension SimulatedDisk: TxnSink {
    func submit(_ batch: TxnBatch) {
        waiting.append(.batch(batch))
        wakeUp()
    }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        waiting.append(.snapshot(zxid: zxid, sessions: sessions))
        wakeUp()
    }

    private func wakeUp() {
        let now = generation
        world.after(20 * Span.microsecond) { [self] in if generation == now { pump() } }
    }
}

func hex(_ zxid: Int64) -> String { "0x" + String(zxid, radix: 16) }
