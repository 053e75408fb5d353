/// A machine on the network.
protocol NetworkHost: AnyObject {
    /// Whether its process runs (it may be paused).
    var isRunning: Bool { get }
    /// Whether its kernel answers: false after a power loss until the restart.
    var isPowered: Bool { get }
    func perform(_ action: @escaping () -> Void)
    /// Whether its process listens there.
    func listens(_ service: Service) -> Bool
    /// Takes a new connection. Within `perform`.
    func accept(_ end: StreamEnd, _ service: Service, from host: Int)
    func electionMessage(_ bytes: [UInt8], from host: Int)
    func electionLinkUp(_ host: Int)
    func electionLinkDown(_ host: Int)
}

enum Service { case clients, quorum }

/// How the network of one run behaves when nothing is broken.
struct NetworkSettings {
    var delayNanos: UInt64 = 200 * Span.microsecond
    /// Chance that a parcel takes ten times as long.
    var stragglerChance = 0.01
    var fragmentChance = 0.05
    /// Chance that an election message is lost with its connection.
    var electionLossChance = 0.0
    /// Chance that an attempt to connect reaches the other side twice.
    var duplicateConnectionChance = 0.01
    /// Bytes that a process finds at most when it reads: what is long comes in pieces, and can break off between them.
    var receiptBytesMax = 64 << 10
    /// Bytes that fit between two processes.
    var windowBytes = 64 << 10
    var connectTimeoutNanos = 2 * Span.second
    /// What the link of each server takes in a second, out of it; nil without limit.
    var serverBytesPerSecond: Double?
}

/// The network: streams in order, election messages, and cuts in either direction.
final class SimulatedNetwork {
    let world: World
    var dice: Dice
    var settings: NetworkSettings
    private let serverCount: Int
    private var hosts: [(any NetworkHost)?]
    /// How many cuts lie on the way from one host to another: `from * hosts.count + to`.
    private var cuts: [Int]
    /// Factor on the delay of what a host sends or receives.
    private var slowness: [UInt64]
    /// Until when a host's link is taken by what has been sent already.
    private var linkBusyUntil: [UInt64]
    private var nextStream = 1
    /// Open ends, in the order of their making.
    private var ends: [StreamEnd] = []
    private var heldUp: [StreamEnd] = []
    /// All there ever were: they and their owners know one another until the world has ended.
    private var everyEnd: [StreamEnd] = []
    /// Ends whose other side has lost its power.
    private var orphans: [StreamEnd] = []
    private var electionArrival: [UInt64]
    /// The newest election message that waits for its path to open, and its place in the order.
    private var electionWaiting: [[UInt8]?]
    /// Raised when the connection between a pair breaks: what was under way is lost.
    private var electionConnection: [Int]
    private(set) var electionLosses = 0

    init(_ world: World, serverCount: Int, hostCount: Int, settings: NetworkSettings, dice: Dice) {
        self.world = world
        self.dice = dice
        self.settings = settings
        self.serverCount = serverCount
        hosts = Array(repeating: nil, count: hostCount)
        cuts = Array(repeating: 0, count: hostCount * hostCount)
        slowness = Array(repeating: 1, count: hostCount)
        linkBusyUntil = Array(repeating: 0, count: hostCount)
        electionArrival = Array(repeating: 0, count: hostCount * hostCount)
        electionWaiting = Array(repeating: nil, count: hostCount * hostCount)
        electionConnection = Array(repeating: 0, count: hostCount * hostCount)
    }

    func attach(_ host: any NetworkHost, at index: Int) { hosts[index] = host }

    private func pair(_ from: Int, _ to: Int) -> Int { from * hosts.count + to }

    // MARK: paths

    func isBlocked(from: Int, to: Int) -> Bool { cuts[pair(from, to)] > 0 }

    func cut(from: Int, to: Int) { cuts[pair(from, to)] += 1 }

    func mend(from: Int, to: Int) {
        let index = pair(from, to)
        guard cuts[index] > 0 else { return }
        cuts[index] -= 1
        guard cuts[index] == 0 else { return }
        let waiting = heldUp
        heldUp = []
        for end in waiting {
            if let other = end.other, end.host == from, other.host == to {
                end.release()
            } else {
                heldUp.append(end)
            }
        }
        if let message = electionWaiting[index] {
            electionWaiting[index] = nil
            sendElection(message, from: from, to: to)
        }
        if cuts[pair(to, from)] == 0 { electionLinkUp(from, to) }
    }

    func setSlowness(of host: Int, to factor: UInt64) { slowness[host] = factor }

    func holdUp(_ end: StreamEnd) { heldUp.append(end) }

    func arrivalTime(from: Int, to: Int) -> UInt64 {
        var delay = dice.around(settings.delayNanos) + settings.delayNanos / 4
        let slowness = max(slowness[from], slowness[to])
        if slowness == 1, dice.chance(settings.stragglerChance) { delay *= 10 }
        return world.now + delay * slowness
    }

    /// Takes a server's link for some bytes. - Returns: how long it takes until they have left.
    func occupyLink(of host: Int, bytes: Int) -> UInt64 {
        guard let rate = settings.serverBytesPerSecond, host < serverCount else { return 0 }
        let end = max(world.now, linkBusyUntil[host]) + UInt64(Double(bytes) / rate * 1e9)
        linkBusyUntil[host] = end
        return end - world.now
    }

    func arrivalJitter() -> UInt64 { dice.around(settings.delayNanos / 4) }

    func fragments() -> Bool { dice.chance(settings.fragmentChance) }

    // MARK: streams

    /// Connects two hosts. `done` is called within the dialler's `perform`: with its end, or nil after a refusal or a
    /// timeout.
    func dial(
        from: Int, to: Int, _ service: Service, owner: any StreamOwner, done: @escaping (StreamEnd?) -> Void
    ) {
        let there = arrivalTime(from: from, to: to)
        world.at(there) { [self] in
            guard let target = hosts[to], target.isPowered, !isBlocked(from: from, to: to),
                !isBlocked(from: to, to: from)
            else {
                world.after(settings.connectTimeoutNanos) { owner.perform { done(nil) } }
                return
            }
            guard target.isRunning, target.listens(service) else {
                world.at(arrivalTime(from: to, to: from)) { owner.perform { done(nil) } }
                return
            }
            if dice.chance(settings.duplicateConnectionChance) { makeStray(from: from, to: to, service, target) }
            let near = makeEnd(from)
            let far = makeEnd(to)
            StreamEnd.join(near, far)
            near.owner = owner
            world.at(arrivalTime(from: to, to: from)) {
                owner.perform { done(near.isOpen ? near : nil) }
            }
            target.perform {
                guard far.isOpen else { return }
                target.accept(far, service, from: from)
            }
        }
    }

    /// A connection that the dialler has given up already: only the other side knows of it, until it ends.
    private func makeStray(from: Int, to: Int, _ service: Service, _ target: any NetworkHost) {
        let near = makeEnd(from)
        let far = makeEnd(to)
        StreamEnd.join(near, far)
        target.perform { if far.isOpen { target.accept(far, service, from: from) } }
        world.after(dice.around(Span.second)) { near.close(losesUnsent: false) }
    }

    private func makeEnd(_ host: Int) -> StreamEnd {
        let end = StreamEnd(id: nextStream, host: host, network: self)
        nextStream += 1
        ends.append(end)
        everyEnd.append(end)
        return end
    }

    func forget(_ end: StreamEnd) {
        if let index = ends.firstIndex(where: { $0 === end }) { ends.remove(at: index) }
    }

    /// Open streams between two hosts, one end of each, in the order of their making.
    func streams(between left: Int, and right: Int) -> [StreamEnd] {
        ends.filter { $0.host == left && $0.other?.host == right }
    }

    /// Streams of a host, its own ends.
    func streams(of host: Int) -> [StreamEnd] { ends.filter { $0.host == host } }

    /// Breaks a connection: each side hears of it in its own time, what is under way is lost.
    func breakStream(_ end: StreamEnd) {
        world.note(.streamBreak, Int64(end.id), 0)
        end.other?.breakOff(after: dice.around(50 * Span.millisecond))
        end.breakOff(after: dice.around(50 * Span.millisecond))
    }

    /// The process of a host has ended: its kernel closes what it had open.
    func processEnded(_ host: Int) {
        for end in streams(of: host) { end.close(losesUnsent: dice.chance(0.5)) }
        forgetElection(host, isSilent: false)
    }

    /// The machine is off: nobody is told until it answers again, or a sender gives up.
    func powerLost(_ host: Int) {
        for end in streams(of: host) {
            if let other = end.other { orphans.append(other) }
            end.fallSilent()
        }
        forgetElection(host, isSilent: true)
    }

    /// The machine is on again: its kernel knows nothing of the old connections and says so.
    func powerRestored(_ host: Int) {
        let all = orphans
        orphans = []
        for end in all where end.isOpen {
            if end.other?.host == host {
                end.breakOff(after: dice.around(100 * Span.millisecond))
            } else {
                orphans.append(end)
            }
        }
    }

    // MARK: election messages

    /// Sends one message; of several that cannot leave, only the newest is kept.
    func sendElection(_ bytes: [UInt8], from: Int, to: Int) {
        let index = pair(from, to)
        if isBlocked(from: from, to: to) {
            world.say("election message \(from + 1) -> \(to + 1) waits")
            electionWaiting[index] = bytes
            return
        }
        if dice.chance(settings.electionLossChance) {
            electionLosses += 1
            world.note(.electionLoss, Int64(from), Int64(to))
            // With its connection: what was under way is lost too, and the two will connect anew.
            electionConnection[index] += 1
            electionArrival[index] = 0
            electionLinkDown(from, to)
            world.after(dice.around(200 * Span.millisecond)) { [self] in electionLinkUp(from, to) }
            return
        }
        let connection = electionConnection[index]
        let time = max(electionArrival[index] + 1, arrivalTime(from: from, to: to))
        electionArrival[index] = time
        world.at(time) { [self] in
            guard electionConnection[index] == connection || dice.chance(0.5), let host = hosts[to], host.isRunning
            else { return }
            if isBlocked(from: from, to: to) {
                if electionWaiting[index] == nil { electionWaiting[index] = bytes }
                return
            }
            world.note(.election, Int64(from), Int64(to))
            world.say("election message \(from + 1) -> \(to + 1), \(bytes.count) bytes")
            bytes.withUnsafeBytes { world.trace.mix($0) }
            host.perform { host.electionMessage(bytes, from: from) }
        }
    }

    /// Two servers have connected on their election ports.
    func electionLinkUp(_ left: Int, _ right: Int) {
        guard let one = hosts[left], let two = hosts[right] else { return }
        world.after(dice.around(2 * settings.delayNanos) + 1) { [self] in
            guard !isBlocked(from: left, to: right), !isBlocked(from: right, to: left) else { return }
            if one.isRunning, two.isRunning {
                world.say("election ports of \(left + 1) and \(right + 1) are connected")
                one.perform { one.electionLinkUp(right) }
                two.perform { two.electionLinkUp(left) }
            }
        }
    }

    /// The connection of two election ports is gone: each hears of it in its own time.
    private func electionLinkDown(_ left: Int, _ right: Int) {
        for (one, other) in [(left, right), (right, left)] {
            guard let host = hosts[one], host.isRunning else { continue }
            world.after(dice.around(20 * Span.millisecond)) { [self] in
                world.say("election ports of \(one + 1) and \(other + 1) are not connected any more")
                if host.isRunning { host.perform { host.electionLinkDown(other) } }
            }
        }
    }

    private func forgetElection(_ host: Int, isSilent: Bool) {
        for other in 0..<serverCount where other != host {
            if !isSilent { electionLinkDown(other, host) }
        }
        for other in hosts.indices {
            electionConnection[pair(host, other)] += 1
            electionConnection[pair(other, host)] += 1
            electionWaiting[pair(host, other)] = nil
            electionWaiting[pair(other, host)] = nil
        }
    }

    /// Breaks the cycles of a world that has ended.
    func dismantle() {
        for end in everyEnd { end.dismantle() }
        everyEnd = []
        ends = []
        orphans = []
        heldUp = []
        hosts = hosts.map { _ in nil }
    }
}
