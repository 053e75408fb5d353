import DataTree
import RequestQueue
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// An ensemble of production replicas in one thread and in virtual time, directed by a test: it holds disks, loses
/// packets, kills servers, and nothing happens by chance.
///
/// While it runs, `inspect` and `heard` watch what no server may ever do; what they find is in `problems`.
final class Stage {
    final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { 1_700_000_000_000 + Int64(nanos / 1_000_000) }
    }

    let clock = Clock()
    let quorum: QuorumRule
    let observers: [ServerID]
    let leaderServes: Bool
    let limits = ZabLimits(tickMillis: 200, initLimitTicks: 10, syncLimitTicks: 5)
    let mutations: Mutations
    let mistakes: Set<DiskMistake>
    let snapCount: Int
    var recentBytesMax: Int
    /// Transactions that a leader makes by itself. Acknowledgements must be held, or nothing ever comes to rest.
    var broadcastOutstanding = 0
    private(set) var members: [Member] = []
    /// What is wrong.
    private(set) var problems: [String] = []
    /// Processes that ended by themselves; a problem unless the test says that its disks fail.
    var deaths: [String] = []
    var disksFail = false
    var graves: [Member.Process] = []
    private(set) var clients: [TestClient] = []
    /// What clients were told is done: the data of paths, nil where they are deleted.
    var acknowledged: [String: String?] = [:]
    /// Everything said on quorum ports, in order.
    private(set) var transcript: [Said] = []

    /// Whether to look at the disk of everyone who promises something. Slow.
    var looksAtDisks = false

    // The test's hands.
    var verdict: (Said) -> Verdict = { _ in .pass }
    var holdsSnapshotBytes = false
    /// Whether what election ports are given arrives nowhere, though they are connected.
    var losesElectionMessages = false
    /// Bytes that a connection takes before its sender counts them as unsent.
    var windowBytes = Int.max

    // The network.
    private var post: [(bytes: [UInt8], from: ServerID, to: ServerID, lives: [Int])] = []
    /// A connection takes a while, so that a term that fails at once is not tried for ever in no time.
    private var dials: [(from: Member, to: ServerID, readyNanos: UInt64)] = []
    private var isolated: Set<ServerID> = []
    private(set) var ends: [WireEnd] = []
    private var closings: [WireEnd] = []

    init(
        _ count: Int = 3, observers: [ServerID] = [], rule: QuorumRule? = nil, leaderServes: Bool = true,
        mutations: Mutations = [], mistakes: Set<DiskMistake> = [], snapCount: Int = 100_000,
        recentBytesMax: Int = 16 << 20
    ) throws {
        let ids = (1...count).map { ServerID($0) }
        quorum = try rule ?? QuorumRule(voters: ids.filter { !observers.contains($0) }, observers: observers)
        self.leaderServes = leaderServes
        self.observers = observers
        self.mutations = mutations
        self.mistakes = mistakes
        self.snapCount = snapCount
        self.recentBytesMax = recentBytesMax
        for id in ids { members.append(try Member(id, self)) }
    }

    subscript(_ id: ServerID) -> Member { members[Int(id) - 1] }

    func complain(_ text: String) { if !problems.contains(text) { problems.append(text) } }

    // MARK: running

    /// Starts servers and waits until all of them serve.
    func start(_ ids: ServerID...) throws {
        for id in ids.isEmpty ? members.map(\.id) : ids { try self[id].start() }
        awaitService()
    }

    /// Everything that can happen now happens.
    func settle() {
        var rounds = 0
        while step() {
            rounds += 1
            precondition(rounds < 100_000, "the ensemble does not come to rest")
        }
    }

    /// Waits until something is so; a problem if it is not within the time.
    @discardableResult
    func wait(_ what: String, withinMillis limit: UInt64 = 10_000, _ condition: () -> Bool) -> Bool {
        let end = clock.nanos + limit * 1_000_000
        settle()
        while !condition() {
            guard clock.nanos < end else {
                complain("not within \(limit) ms: \(what)")
                return false
            }
            pass(millis: 10)
        }
        return true
    }

    /// Lets time pass.
    func pass(millis: UInt64) {
        for _ in 0..<max(1, millis / 10) {
            clock.nanos += 10_000_000
            for member in members { member.tick() }
            settle()
        }
    }

    @discardableResult
    func awaitService() -> Bool {
        wait("all servers serve") { members.allSatisfy { !$0.isRunning || $0.isEstablished } }
    }

    var leader: Member? { members.first { $0.isEstablished && $0.leader != nil } }

    private func step() -> Bool {
        var moved = false
        for member in members where member.isRunning { if member.process?.hand.work() == true { moved = true } }
        for client in clients where client.push() { moved = true }
        moved = deliverPost() || moved
        moved = connect() || moved
        for end in ends { moved = deliver(from: end) || moved }
        moved = finishClosings() || moved
        ends.removeAll { $0.isClosed && ($0.other?.isClosed ?? true) && $0.pieces.isEmpty }
        return moved
    }

    // MARK: elections

    func post(_ bytes: [UInt8], from member: Member, to server: ServerID) {
        guard member.isRunning, self[server].isRunning, isolated.isDisjoint(with: [member.id, server]) else { return }
        guard !losesElectionMessages else { return }
        post.append((bytes, member.id, server, [member.life, self[server].life]))
    }

    private func deliverPost() -> Bool {
        guard !post.isEmpty else { return false }
        let letter = post.removeFirst()
        let receiver = self[letter.to]
        guard letter.lives == [self[letter.from].life, receiver.life] else { return true }
        receiver.turn { process in
            letter.bytes.withUnsafeBytes { process.replica.electionMessage($0, from: letter.from) }
        }
        return true
    }

    // MARK: connections

    func dial(from member: Member, to server: ServerID) {
        cancelDial(of: member)
        dials.append((member, server, clock.nanos + 5_000_000))
    }

    func cancelDial(of member: Member) { dials.removeAll { $0.from === member } }

    private func connect() -> Bool {
        for (index, dial) in dials.enumerated() where dial.readyNanos <= clock.nanos {
            let target = self[dial.to]
            guard target.isRunning, isolated.isDisjoint(with: [dial.to, dial.from.id]) else {
                dials.remove(at: index)
                dial.from.turn { $0.replica.leaderConnectFailed(dial.to, reason: "no answer") }
                return true
            }
            guard target.acceptsLearners else { continue }
            dials.remove(at: index)
            let pair = WireEnd.pair(dial.from, target)
            target.turn { pair.leader.name = $0.replica.learnerConnected(pair.leader) }
            guard pair.leader.name != nil else { return true }
            ends += [pair.learner, pair.leader]
            dial.from.turn { $0.replica.leaderConnected(pair.learner, dial.to) }
            return true
        }
        return false
    }

    private func deliver(from end: WireEnd) -> Bool {
        guard let other = end.other, !other.isClosed, other.isOwnerThere, !other.isPaused else { return false }
        guard let bytes = end.next(verdict) else { return false }
        other.inbox += bytes
        other.owner.turn { process in
            let used = other.inbox.withUnsafeBytes { bytes in
                other.name.map { process.replica.received(bytes, fromLearner: $0) }
                    ?? process.replica.received(bytes, fromLeader: other)
            }
            other.inbox.removeFirst(min(used, other.inbox.count))
        }
        if let name = end.name, end.takeWantsRoom() { end.owner.turn { $0.replica.learnerDrained(name) } }
        return true
    }

    func closed(_ end: WireEnd) { closings.append(end) }

    /// The other end of a closed one hears of it behind what was said before.
    private func finishClosings() -> Bool {
        for (index, end) in closings.enumerated() where end.pieces.isEmpty || end.other?.isClosed != false {
            closings.remove(at: index)
            end.cut()
            if let other = end.other, !other.isClosed { lose(other) }
            return true
        }
        return false
    }

    private func lose(_ end: WireEnd) {
        end.cut()
        guard end.isOwnerThere else { return }
        end.owner.turn { process in
            if let name = end.name {
                process.replica.learnerLost(name, reason: "connection lost")
            } else {
                process.replica.leaderLost(end, reason: "connection lost")
            }
        }
    }

    /// Breaks the connection between a learner and its leader, whatever is on the way.
    func cutConnection(of learner: ServerID) {
        for end in ends where end.owner.id == learner && end.name == nil && !end.isClosed {
            let other = end.other
            lose(end)
            if let other, !other.isClosed { lose(other) }
        }
    }

    /// A process has ended: its connections break, its clients are gone.
    func gone(_ member: Member) {
        cancelDial(of: member)
        for end in ends where end.owner === member && !end.isClosed {
            let other = end.other
            end.cut()
            if let other, !other.isClosed { lose(other) }
        }
        closings.removeAll { $0.owner === member }
        for client in clients where client.member === member { client.isGone = true }
    }

    /// Cuts a server off from the others; it runs on.
    func isolate(_ id: ServerID) {
        isolated.insert(id)
        for end in ends where end.owner.id == id && !end.isClosed {
            let other = end.other
            lose(end)
            if let other, !other.isClosed { lose(other) }
        }
        changeLinks(of: id) { $0.electionLinkDown($1) }
    }

    func rejoin(_ id: ServerID) {
        isolated.remove(id)
        changeLinks(of: id) { $0.electionLinkUp($1) }
    }

    private func changeLinks(of id: ServerID, _ change: (Replica, ServerID) -> Void) {
        for member in members where member.id != id && member.isRunning {
            member.turn { change($0.replica, id) }
            self[id].turn { change($0.replica, member.id) }
        }
    }

    // MARK: clients

    /// A new session at a server.
    func connect(to id: ServerID, timeoutMillis: Int32 = 60_000) throws -> TestClient {
        let client = try TestClient(self, self[id])
        clients.append(client)
        client.handshake(timeoutMillis: timeoutMillis)
        wait("a session at server \(id)") { client.sessionId != 0 }
        return client
    }

    /// A session's client comes back.
    func reconnect(_ old: TestClient, to id: ServerID) throws -> TestClient {
        let client = try TestClient(self, self[id])
        clients.append(client)
        client.handshake(timeoutMillis: 60_000, sessionId: old.sessionId, password: old.password)
        wait("the session's return to server \(id)") { client.sessionId == old.sessionId }
        return client
    }

    // MARK: what no server may ever do

    /// What a server says must be true of its disk, should its power fail now.
    func heard(_ said: Said, from end: WireEnd) {
        transcript.append(said)
        if end.name != nil {
            switch said.type {
            case .proposal, .inform, .snap, .trunc: end.lastSaidZxid = said.zxid
            case .newLeader: end.markZxid = end.lastSaidZxid
            case .leaderInfo: end.namedEpoch = Zxid.epoch(of: said.zxid)
            default: break
            }
        }
        let promised = Promise(said, epochNamed: end.other?.namedEpoch ?? 0, mark: end.other?.markZxid ?? 0)
        guard looksAtDisks, promised != Promise() else { return }
        end.owner.promised(promised)
        if let wrong = promised.broken(by: end.owner.durableDisk()) {
            complain("server \(said.from) says \(said.type) 0x\(String(said.zxid, radix: 16)), but \(wrong)")
        }
    }

    /// What a server has applied while it serves must be durable, here and at a quorum.
    func inspect(_ member: Member) {
        guard let now = member.inspection, now.isEstablished else { return }
        if now.appliedZxid > member.durableZxid {
            complain("server \(member.id) has applied what is not durable here")
        }
        let holders = members.filter { $0.durableZxid >= now.appliedZxid }.map(\.id)
        if Zxid.counter(of: now.appliedZxid) > 0, !quorum.containsQuorum(Set(holders)) {
            let zxid = String(now.appliedZxid, radix: 16)
            complain("server \(member.id) has applied 0x\(zxid), which only \(holders) hold")
        }
        for other in members where other !== member {
            guard let there = other.inspection, there.isEstablished, there.appliedZxid == now.appliedZxid,
                there.digest != now.digest
            else { continue }
            complain("servers \(member.id) and \(other.id) differ at 0x\(String(now.appliedZxid, radix: 16))")
        }
    }

    /// Brings everything to rest and looks at it as a whole; everything found so far.
    func audit() -> [String] {
        verdict = { _ in .pass }
        holdsSnapshotBytes = false
        if !disksFail { for death in deaths { complain(death) } }
        for member in members {
            member.holdsDisk = false
            member.holdsSnapshots = false
        }
        guard awaitService() else { return problems }
        guard let leader else {
            complain("nobody leads")
            return problems
        }
        wait("all servers have the leader's state") {
            members.allSatisfy { !$0.isRunning || $0.inspection?.appliedZxid == leader.inspection?.appliedZxid }
        }
        for member in members {
            for case .digestMismatch(let zxid, _, _) in member.notices {
                complain("server \(member.id)'s tree was another at 0x\(String(zxid, radix: 16))")
            }
            guard member.isRunning else { continue }
            for (path, data) in acknowledged.sorted(by: { $0.key < $1.key }) where member.value(path) != data {
                let found = member.value(path) ?? "nothing"
                complain("server \(member.id) has \(found) at \(path), not \(data ?? "nothing")")
            }
            guard let found = try? RecoveredState.load(member.durableDisk()) else {
                complain("server \(member.id) could not start again")
                continue
            }
            if found.zxid == member.inspection?.appliedZxid, found.state.tree.digest != member.inspection?.digest {
                complain("server \(member.id)'s disk differs from its memory")
            }
        }
        return problems
    }
}
