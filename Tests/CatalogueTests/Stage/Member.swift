import DataTree
import Jute
import RequestQueue
import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// One machine with its disk and, while it runs, one server process: the production replica, core and front.
final class Member: PeerNetwork {
    let id: ServerID
    unowned let stage: Stage
    /// As it was before the first recorded change.
    private var image: MemoryDisk
    private(set) var disk: MemoryDisk
    private(set) var process: Process?
    /// Raised with every start and end.
    private(set) var life = 0
    private(set) var isRunning = false
    private var isInTurn = false
    private(set) var acceptsLearners = false
    /// The log's thread stands still; a snapshot once begun is not finished.
    var holdsDisk = false
    var holdsSnapshots = false
    /// What its replica has told, since the beginning.
    private(set) var notices: [ReplicaNotice] = []
    /// What the log held when the process ended.
    private var remainingZxid: Int64 = 0

    /// What lives in one process.
    final class Process {
        let core: Core
        let replica: Replica
        let front: Front
        let hand: DiskHand

        init(core: Core, replica: Replica, front: Front, hand: DiskHand) {
            self.core = core
            self.replica = replica
            self.front = front
            self.hand = hand
        }
    }

    init(_ id: ServerID, _ stage: Stage) throws {
        self.id = id
        self.stage = stage
        disk = MemoryDisk()
        try disk.createDirectory(DiskHand.directory)
        image = CrashModel.copy(of: disk)
        disk.startRecording()
    }

    var tree: DataTree? { process?.core.tree }
    var inspection: ReplicaInspection? { process?.replica.inspection }
    var isEstablished: Bool { inspection?.isEstablished ?? false }
    var durableZxid: Int64 { process?.hand.durableZxid ?? remainingZxid }
    var leader: LeaderMachine? { process?.replica.leader }
    var learner: LearnerMachine? { process?.replica.learner }

    // MARK: life

    func start() throws {
        precondition(!isRunning)
        life += 1
        isRunning = true
        let seenDisk: any Disk = stage.mistakes.contains(.forgetsSnapshotSync) ? ForgetfulDisk(disk) : disk
        let made: Process
        do {
            made = try makeProcess(seenDisk)
        } catch {
            isRunning = false
            stage.complain("server \(id) cannot start: \(error)")
            throw error
        }
        process = made
        turn { $0.replica.start() }
        for other in stage.members where other !== self && other.isRunning {
            turn { $0.replica.electionLinkUp(other.id) }
            other.turn { $0.replica.electionLinkUp(self.id) }
        }
    }

    private func makeProcess(_ disk: any Disk) throws -> Process {
        var configuration = CoreConfiguration()
        configuration.tickTimeMillis = 200
        configuration.minSessionTimeoutMillis = 400
        configuration.snapCount = stage.snapCount
        configuration.serverId = id
        configuration.isReplicated = true
        configuration.broadcastOutstanding = stage.broadcastOutstanding
        configuration.broadcastBytes = 16
        let state = RecoveredState()
        let directory = DiskHand.directory
        let epochs = try EpochStore(disk: disk, directory: directory)
        let index = LogIndex()
        let result = try Recovery(committedZxid: epochs.record.committedZxid, index: index).run(
            disk: disk, logDirectory: directory, snapshotDirectory: directory, visitor: state)
        if result.isNewDatabase {
            try SnapshotWalk(disk, state.tree, zxid: 0, sessions: []).finish(isNamedAtEnd: false)
        }
        let writer = LogWriter(
            disk: disk, directory: directory, preallocationBytes: 0, lastZxid: result.lastZxid, index: index)
        try epochs.reconcile(lastZxid: result.lastZxid)
        let files = ReplicaFiles(
            disk: disk, logDirectory: directory, snapshotDirectory: directory, epochs: epochs, writer: writer,
            index: index, sections: SnapshotReceiver.Sections())
        let hand = DiskHand(self, disk, files, writer)
        let core = Core(
            configuration: configuration, tree: state.tree, lock: ReaderLock(slots: 1), registry: ConnectionRegistry(),
            clock: stage.clock, log: hand, random: Dice(seed: UInt64(id)), recoveredSessions: state.sortedSessions)
        let front = Front(core: core)
        var replication = ReplicaConfiguration(
            myId: id, quorum: stage.quorum, isObserver: stage.observers.contains(id), limits: stage.limits,
            members: nil)
        replication.recentTxnBytesMax = stage.recentBytesMax
        replication.leaderServes = stage.leaderServes
        replication.mutations = stage.mutations
        let born = life
        let replica = Replica(
            configuration: replication, core: core, network: self, disk: hand, epochs: epochs.record
        ) { [unowned self] reason in if life == born { die(reason) } }
        replica.log = { [unowned self] notice in notices.append(notice) }
        return Process(core: core, replica: replica, front: front, hand: hand)
    }

    /// The process ends by itself, at the end of the turn in hand.
    func die(_ reason: String) {
        guard isRunning else { return }
        stage.deaths.append("server \(id): \(reason)")
        isRunning = false
        if !isInTurn { bury() }
    }

    /// The process is killed; with `losesPower` what is not durable is lost.
    func kill(losesPower: Bool = true) {
        precondition(isRunning && !isInTurn)
        isRunning = false
        if losesPower {
            disk = durableDisk()
            image = CrashModel.copy(of: disk)
            disk.startRecording()
            promises.removeAll()
        }
        bury()
    }

    private func bury() {
        life += 1
        acceptsLearners = false
        stage.gone(self)
        process?.replica.log = nil
        // What the fronts and the core know of each other without owning it must outlive them.
        if let process { stage.graves.append(process) }
        process = nil
        let left = CrashModel.copy(of: disk)
        remainingZxid = (try? RecoveredState.load(left).zxid) ?? 0
        for other in stage.members where other !== self && other.isRunning {
            other.turn { $0.replica.electionLinkDown(self.id) }
        }
    }

    // MARK: the disk after a crash

    /// What a power failure now would leave.
    func durableDisk() -> MemoryDisk { disk(afterChange: disk.changes.count, .lost) }

    /// What a power failure after the first `count` changes would have left.
    func disk(afterChange count: Int, _ fate: CrashModel.Fate) -> MemoryDisk {
        var model = CrashModel(from: image, changes: Array(disk.changes.prefix(count)))
        while !model.isAtEnd { model.advance() }
        return model.crash(fate)
    }

    /// What it has said of its disk, and after how many changes of it.
    private(set) var promises: [(changes: Int, promise: Promise)] = []

    func promised(_ promise: Promise) { promises.append((disk.changes.count, promise)) }

    // MARK: turns

    func turn(_ body: (Process) -> Void) {
        guard isRunning, let process else { return }
        precondition(!isInTurn)
        isInTurn = true
        process.front.beginTurn(nanos: stage.clock.nanos)
        body(process)
        process.front.endTurn()
        if isRunning { process.replica.endTurn() }
        process.core.flushRemoteFronts()
        isInTurn = false
        if isRunning { stage.inspect(self) } else { bury() }
    }

    func tick() {
        turn {
            $0.core.tick()
            $0.replica.tick()
            $0.front.tick()
        }
    }

    // MARK: the network between servers

    func sendElectionMessage(_ bytes: [UInt8], to server: ServerID) { stage.post(bytes, from: self, to: server) }
    func connectToLeader(_ server: ServerID) { stage.dial(from: self, to: server) }
    func cancelConnect() { stage.cancelDial(of: self) }
    func setAcceptsLearners(_ accepts: Bool) { acceptsLearners = accepts }

    // MARK: what it knows

    func value(_ path: String) -> String? {
        guard let tree else { return nil }
        return Array(path.utf8).withUnsafeBytes { bytes in
            tree.find(bytes).map { String(decoding: tree.data(of: $0) ?? bytes, as: UTF8.self) }
        }
    }

    /// The permissions that a znode's list grants, entry by entry.
    func permissions(of path: String) throws -> [Int32] {
        let tree = try #require(tree)
        let node = try #require(Array(path.utf8).withUnsafeBytes { tree.find($0) })
        return tree.acl(of: node).entries.map(\.permissions)
    }

    /// Whether a term of this server's has ended since it told `count` notices.
    func hasGivenUp(since count: Int) -> Bool {
        notices.dropFirst(count).contains { if case .termEnded = $0 { true } else { false } }
    }

    func startSnapshot() { turn { $0.core.startSnapshot() } }
}

extension RecoveredState {
    convenience init() { self.init(DataTree(digestEnabled: true)) }

    /// What a start on a disk would find; repairs it as a start does.
    static func load(_ disk: any Disk) throws -> (zxid: Int64, epochs: EpochRecord, state: RecoveredState) {
        let state = RecoveredState()
        let epochs = try EpochStore(disk: disk, directory: DiskHand.directory)
        let result = try Recovery(committedZxid: epochs.record.committedZxid).run(
            disk: disk, logDirectory: DiskHand.directory, snapshotDirectory: DiskHand.directory, visitor: state)
        return (result.lastZxid, epochs.record, state)
    }
}

/// The same throws for the same seed.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
