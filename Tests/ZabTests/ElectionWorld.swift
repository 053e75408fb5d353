import Zab

/// A simulated ensemble that only elects: N `Election`s, a network that delays, reorders and loses messages, partitions,
/// crashes; and in place of the rest of Zab the least that shows whether an election was worth anything: followers that
/// give up a leader that does not lead, leaders that give up without a quorum, epochs, and a zxid that grows with writes.
/// All of it follows from one seed.
final class ElectionWorld {
    struct Node {
        var election: Election
        var isUp = true
        var isPaused = false
        /// Durable: survives a crash.
        var acceptedEpoch: Int64 = 0
        var currentEpoch: Int64 = 0
        var zxid: Int64 = 0
        /// Volatile.
        var leader: ServerID?
        var established = false
        var sinceMillis: Int64 = 0
        var tickAtMillis: Int64 = .max
        var decidedMillis: Int64 = -1
    }

    enum Event {
        case deliver(ElectionNotification, from: Int, to: Int)
        case tick(Int)
        case link(Int, Int, isUp: Bool)
        case supervise(Int)
        case start(Int)
        case fault
    }

    let rule: QuorumRule
    let ids: [ServerID]
    var nodes: [Node] = []
    var nowMillis: Int64 = 0
    var random: SplitMix
    var minimumDelayMillis: Int64 = 1
    var maximumDelayMillis: Int64 = 1
    /// In a thousand.
    var lossPerMille = 0
    /// Whether partitions are noticed by the connections they cut.
    var cutsAreNoticed = true
    private(set) var reachable: [[Bool]]
    private var queue = Heap()
    private(set) var violations: [String] = []
    private(set) var messages = 0
    private(set) var elections = 0
    /// What was committed last; no leader may be established without it.
    private(set) var committed = Vote(leader: .min, zxid: 0, peerEpoch: 0)
    /// The vote for itself that each voter brought into a round, by round and place.
    private var brought: [Int64: [Int: Vote]] = [:]
    private var effects: [ElectionEffect] = []

    init(rule: QuorumRule, seed: UInt64, options: ElectionOptions = ElectionOptions()) {
        self.rule = rule
        ids = rule.members
        random = SplitMix(state: seed)
        reachable = Array(repeating: Array(repeating: true, count: ids.count), count: ids.count)
        nodes = ids.map { Node(election: Election(id: $0, rule: rule, options: options)) }
        self.options = options
    }
    private let options: ElectionOptions

    // MARK: - Running

    func after(_ delayMillis: Int64, _ event: Event) { queue.push(nowMillis + delayMillis, event) }

    /// Lets time pass up to `endMillis`, or until `condition` holds after an event.
    func run(until endMillis: Int64, orUntil condition: () -> Bool = { false }) {
        while let time = queue.firstTime, time <= endMillis {
            nowMillis = time
            handle(queue.pop())
            if condition() { return }
        }
        nowMillis = endMillis
    }

    /// Connects everyone, and starts everyone within `spreadMillis`.
    func startAll(spreadMillis: Int64) {
        for place in nodes.indices {
            after(Int64.random(in: 0...spreadMillis, using: &random), .start(place))
            after(25, .supervise(place))
            for other in nodes.indices where other != place { after(0, .link(place, other, isUp: true)) }
        }
    }

    private func handle(_ event: Event) {
        switch event {
        case .deliver(let notification, let from, let to):
            guard nodes[to].isUp, reachable[from][to] else { return }
            if nodes[to].isPaused { return after(20, event) }
            input(to) { $0.received(notification, from: ids[from], nowMillis: nowMillis, effects: &effects) }
        case .tick(let place):
            guard nodes[place].isUp, nodes[place].tickAtMillis == nowMillis else { return }
            if nodes[place].isPaused {
                nodes[place].tickAtMillis = nowMillis + 20
                return after(20, event)
            }
            nodes[place].tickAtMillis = .max
            input(place) { $0.tick(nowMillis: nowMillis, effects: &effects) }
        case .link(let place, let other, let isUp):
            guard nodes[place].isUp else { return }
            if isUp {
                guard nodes[other].isUp, reachable[place][other] else { return }
                input(place) { $0.linkUp(ids[other], nowMillis: nowMillis, effects: &effects) }
            } else {
                input(place) { $0.linkDown(ids[other], nowMillis: nowMillis, effects: &effects) }
            }
        case .supervise(let place):
            after(25, .supervise(place))
            if nodes[place].isUp, !nodes[place].isPaused { supervise(place) }
        case .start(let place):
            if nodes[place].isUp { look(place) }
        case .fault: break
        }
    }

    private func look(_ place: Int) {
        nodes[place].leader = nil
        nodes[place].established = false
        input(place) {
            $0.start(
                lastZxid: nodes[place].zxid, currentEpoch: nodes[place].currentEpoch, nowMillis: nowMillis,
                effects: &effects)
        }
    }

    private func input(_ place: Int, _ body: (inout Election) -> Void) {
        effects.removeAll(keepingCapacity: true)
        var election = nodes[place].election
        body(&election)
        nodes[place].election = election
        let produced = effects
        for effect in produced {
            switch effect {
            case .send(let notification, let to): transmit(notification, from: place, to: rule.position(of: to)!)
            case .elected(let leader, let round): elected(place, leader: leader, round: round)
            case .supportLost: after(0, .start(place))
            }
        }
        if let next = nodes[place].election.nextTickMillis, next != nodes[place].tickAtMillis {
            nodes[place].tickAtMillis = max(next, nowMillis)
            queue.push(max(next, nowMillis), .tick(place))
        }
    }

    private func transmit(_ notification: ElectionNotification, from: Int, to: Int) {
        messages += 1
        if notification.state == .looking, from < rule.voterCount {
            // A crashed server counts its rounds from 1 again; the least it ever brought into one is what can be told.
            let vote = ownVote(from)
            let known = brought[notification.electionEpoch]?[from]
            if known.map({ $0.isAfter(vote) }) ?? true { brought[notification.electionEpoch, default: [:]][from] = vote }
        }
        guard reachable[from][to], nodes[to].isUp else { return }
        if lossPerMille > 0, Int.random(in: 0..<1000, using: &random) < lossPerMille { return }
        let delay = Int64.random(in: minimumDelayMillis...maximumDelayMillis, using: &random)
        after(delay, .deliver(notification, from: from, to: to))
    }

    private func ownVote(_ place: Int) -> Vote {
        Vote(leader: ids[place], zxid: nodes[place].zxid, peerEpoch: nodes[place].currentEpoch)
    }

    // MARK: - What an election is worth

    private func elected(_ place: Int, leader: ServerID, round: Int64) {
        elections += 1
        nodes[place].leader = leader
        nodes[place].established = false
        nodes[place].sinceMillis = nowMillis
        nodes[place].decidedMillis = nowMillis
        if rule.weight(of: leader) == 0 { violations.append("\(ids[place]) elected \(leader), which has no weight") }
        if place >= rule.voterCount, leader == ids[place] { violations.append("observer \(leader) elected itself") }
        guard leader == ids[place] else { return }
        let own = ownVote(place)
        var behind = VoterSet()
        for (voter, vote) in brought[round] ?? [:] where !vote.isAfter(own) { behind.insert(voter) }
        behind.insert(place)
        if !rule.containsQuorum(behind) {
            violations.append("\(leader) elected in round \(round), most recent of no quorum")
        }
    }

    private func follows(_ place: Int, _ leader: Int) -> Bool {
        nodes[place].isUp && !nodes[place].isPaused && nodes[leader].isUp && nodes[place].leader == ids[leader]
            && nodes[leader].election.state == .leading && reachable[place][leader] && reachable[leader][place]
    }

    private func supervise(_ place: Int) {
        guard let leader = nodes[place].leader, let leaderPlace = rule.position(of: leader) else { return }
        if leaderPlace == place { return superviseLeader(place) }
        if follows(place, leaderPlace), !nodes[leaderPlace].isPaused {
            if nodes[leaderPlace].established || !nodes[place].established { nodes[place].sinceMillis = nowMillis }
        }
        if nowMillis - nodes[place].sinceMillis > 150 { look(place) }
    }

    private func superviseLeader(_ place: Int) {
        var supporters = VoterSet()
        supporters.insert(place)
        for other in 0..<rule.voterCount where other != place && follows(other, place) {
            supporters.insert(other)
            nodes[place].election.supported(by: ids[other])
        }
        guard rule.containsQuorum(supporters) else {
            if nowMillis - nodes[place].sinceMillis > 200 { look(place) }
            return
        }
        nodes[place].sinceMillis = nowMillis
        if !nodes[place].established { establish(place, with: supporters) }
        // One write, known to this quorum, and those that joined since are brought up to date.
        nodes[place].zxid += 1
        let epoch = nodes[place].currentEpoch
        for other in nodes.indices where other != place && follows(other, place) {
            nodes[other].acceptedEpoch = epoch
            nodes[other].currentEpoch = epoch
            nodes[other].zxid = nodes[place].zxid
            if !nodes[other].established {
                nodes[other].established = true
                input(other) { $0.established(epoch: epoch, nowMillis: nowMillis, effects: &effects) }
            }
        }
        committed = Vote(leader: .min, zxid: nodes[place].zxid, peerEpoch: epoch)
    }

    private func establish(_ place: Int, with supporters: VoterSet) {
        if !ownVote(place).isAfter(committed) {
            violations.append("\(ids[place]) established at \(nowMillis) ms without what was committed")
        }
        let accepted = nodes.indices.filter { $0 < rule.voterCount && supporters.contains($0) }
            .map { nodes[$0].acceptedEpoch }
        let epoch = accepted.max()! + 1
        nodes[place].acceptedEpoch = epoch
        nodes[place].currentEpoch = epoch
        nodes[place].zxid = Zxid.make(epoch: epoch, counter: 0)
        nodes[place].established = true
        input(place) { $0.established(epoch: epoch, nowMillis: nowMillis, effects: &effects) }
    }

    /// Whether every server that is up follows one established leader.
    var isStable: Bool {
        guard let leader = nodes.firstIndex(where: { $0.isUp && $0.established && $0.election.state == .leading })
        else { return false }
        return nodes.indices.allSatisfy { place in
            !nodes[place].isUp || place == leader
                || nodes[place].established && nodes[place].leader == ids[leader] && nodes[place].election.state != .looking
        }
    }

    // MARK: - Faults

    func crash(_ place: Int, noticedAfterMillis: Int64 = 0) {
        guard nodes[place].isUp else { return }
        nodes[place].isUp = false
        nodes[place].isPaused = false
        nodes[place].leader = nil
        nodes[place].established = false
        nodes[place].tickAtMillis = .max
        for other in nodes.indices where other != place {
            after(noticedAfterMillis, .link(other, place, isUp: false))
            // A follower whose connection to the leader breaks looks at once.
            if nodes[other].leader == ids[place] {
                nodes[other].leader = nil
                after(noticedAfterMillis, .start(other))
            }
        }
    }

    func restart(_ place: Int) {
        guard !nodes[place].isUp else { return }
        nodes[place].isUp = true
        nodes[place].election = Election(id: ids[place], rule: rule, options: options)
        nodes[place].tickAtMillis = .max
        after(0, .start(place))
        for other in nodes.indices where other != place && reachable[place][other] {
            after(1, .link(place, other, isUp: true))
            after(1, .link(other, place, isUp: true))
        }
    }

    func cut(_ one: Int, _ other: Int, bothWays: Bool = true) {
        reachable[one][other] = false
        if bothWays { reachable[other][one] = false }
        guard cutsAreNoticed else { return }
        for (near, far) in [(one, other), (other, one)] { after(5, .link(near, far, isUp: false)) }
    }

    func mend(_ one: Int, _ other: Int) {
        guard !reachable[one][other] || !reachable[other][one] else { return }
        reachable[one][other] = true
        reachable[other][one] = true
        for (near, far) in [(one, other), (other, one)] {
            // A silent cut ends the old connection only now.
            after(0, .link(near, far, isUp: false))
            after(2, .link(near, far, isUp: true))
        }
    }

    func heal() {
        lossPerMille = 0
        for place in nodes.indices {
            nodes[place].isPaused = false
            restart(place)
            for other in 0..<place { mend(place, other) }
        }
    }

    /// Something bad, or its end.
    func randomFault() {
        let place = Int.random(in: nodes.indices, using: &random)
        let other = Int.random(in: nodes.indices, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: crash(place, noticedAfterMillis: Int64.random(in: 0...30, using: &random))
        case 1, 2: restart(place)
        case 3: if place != other { cut(place, other, bothWays: Bool.random(using: &random)) }
        case 4:
            for far in nodes.indices where far != place { cut(place, far) }
        case 5, 6:
            for far in nodes.indices where far != place { mend(place, far) }
        case 7: nodes[place].isPaused.toggle()
        default:
            if let leader = nodes.firstIndex(where: { $0.isUp && $0.election.state == .leading }) { crash(leader) }
        }
    }
}

/// Events by time, in the order they were added where the time is the same.
struct Heap {
    private var items: [(time: Int64, order: Int, event: ElectionWorld.Event)] = []
    private var added = 0

    var firstTime: Int64? { items.first?.time }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (items[left].time, items[left].order) < (items[right].time, items[right].order)
    }

    mutating func push(_ time: Int64, _ event: ElectionWorld.Event) {
        items.append((time, added, event))
        added += 1
        var place = items.count - 1
        while place > 0, precedes(place, (place - 1) / 2) {
            items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func pop() -> ElectionWorld.Event {
        let first = items[0].event
        let last = items.removeLast()
        guard !items.isEmpty else { return first }
        items[0] = last
        var place = 0
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2] where child < items.count && precedes(child, smallest) {
                smallest = child
            }
            if smallest == place { return first }
            items.swapAt(place, smallest)
            place = smallest
        }
    }
}
