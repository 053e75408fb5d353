import Foundation
import TestSupport
import ZooKeeperProtocol

/// One session's writes while servers come and go: what was acknowledged must be there at the end, once, and every read
/// must show at least what its session wrote before.
///
/// Used by its own thread while it runs, then by the test's.
final class FollowingLoad: @unchecked Sendable {
    let base: String
    private let client: FollowingClient
    private let tally: LoadTally
    /// Numbers of nodes whose creation was acknowledged, and of those that nobody knows about.
    private(set) var acknowledged: [Int] = []
    private(set) var unknown: Set<Int> = []
    /// The counter's last acknowledged value; writes of unknown outcome may have raised it since.
    private var counter = 0
    private var highestCounter = 0
    private(set) var violations: [String] = []
    /// When each acknowledged write was answered, in seconds since the reference date.
    private(set) var answerTimes: [Double] = []

    var moves: Int { client.moves }
    var ephemeral: String { "\(base)-e" }

    init(ports: [Int], index: Int, tally: LoadTally) throws {
        base = "/load/\(index)"
        self.tally = tally
        client = try FollowingClient(ports: ports, first: index)
        for request in [
            Request.create(base), .create("\(base)/counter", data: Array("0".utf8)),
            .create("\(base)-e", flags: CreateFlag.ephemeral),
        ] {
            let reply = try client.repeated(request)
            guard reply.error == 0 else { throw ProtocolClient.Failure.server(reply.error) }
        }
    }

    /// Writes until the tally says stop.
    func run() {
        var number = 0
        do {
            while !tally.isStopping {
                if let reply = try client.attempt(.create("\(base)/n\(number)")) {
                    if reply.error == 0 {
                        acknowledged.append(number)
                        noteAnswer()
                    } else {
                        violations.append("\(base)/n\(number): error \(reply.error)")
                    }
                } else {
                    unknown.insert(number)
                }
                number += 1
                try count()
            }
        } catch {
            violations.append("\(base), after \(client.moves) moves: \(error)")
        }
        tally.ended()
    }

    private func count() throws {
        highestCounter += 1
        if let reply = try client.attempt(.setData("\(base)/counter", data: Array(String(highestCounter).utf8))) {
            guard reply.error == 0 else { return violations.append("\(base)/counter: error \(reply.error)") }
            counter = highestCounter
            noteAnswer()
        }
        if let reply = try client.attempt(.getData("\(base)/counter")) {
            try checkCounter(reply, "a read of its own")
        }
    }

    private func checkCounter(_ reply: Reply, _ what: String) throws {
        let (data, _) = try reply.dataAndStat()
        let value = Int(String(decoding: data, as: UTF8.self)) ?? -1
        if value < counter || value > highestCounter {
            violations.append("\(base): \(what) shows \(value), \(counter) was acknowledged, \(highestCounter) sent")
        }
    }

    private func noteAnswer() {
        answerTimes.append(Date().timeIntervalSinceReferenceDate)
        tally.add(base)
    }

    /// Every acknowledged write is there, nothing else is, and the session with its ephemeral node lives.
    func check(through member: EnsembleMember) throws {
        let reader = try member.client()
        try reader.perform(.sync(base))
        let names = Set(try reader.call(.getChildren(base)).strings())
        for number in acknowledged where !names.contains("n\(number)") {
            violations.append("\(base)/n\(number) was acknowledged, and server \(member.id) does not have it")
        }
        let possible = Set(acknowledged).union(unknown)
        for name in names where name != "counter" {
            guard let number = Int(name.dropFirst()), possible.contains(number) else {
                violations.append("\(base)/\(name) was never written")
                continue
            }
        }
        try checkCounter(try reader.perform(.getData("\(base)/counter")), "server \(member.id)")
        let owned = try reader.call(.getData(ephemeral))
        let owner = owned.error == 0 ? try owned.dataAndStat().1.ephemeralOwner : 0
        if owner != client.session.id { violations.append("\(ephemeral) is not the session's any more") }
        try reader.close()
    }

    func close() throws { try client.close() }
}

/// What a load's threads have in common. Locked.
final class LoadTally: @unchecked Sendable {
    private let condition = NSCondition()
    private var counts: [String: Int] = [:]
    private var isToStop = false
    private var endedThreads = 0

    func add(_ name: String) {
        condition.lock()
        counts[name, default: 0] += 1
        condition.broadcast()
        condition.unlock()
    }

    func ended() {
        condition.lock()
        endedThreads += 1
        condition.broadcast()
        condition.unlock()
    }

    var isStopping: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isToStop
    }

    var total: Int {
        condition.lock()
        defer { condition.unlock() }
        return counts.values.reduce(0, +)
    }

    func stop() {
        condition.lock()
        isToStop = true
        condition.unlock()
    }

    private func wait(within seconds: Double, _ isReached: () -> Bool) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        condition.lock()
        defer { condition.unlock() }
        while !isReached() {
            if !condition.wait(until: deadline) { return isReached() }
        }
        return true
    }

    /// Waits until each of so many names has got so many further counts.
    func waitForProgress(of names: Int, by more: Int, within seconds: Double) -> Bool {
        condition.lock()
        let before = counts
        condition.unlock()
        return wait(within: seconds) {
            counts.count { $0.value - before[$0.key, default: 0] >= more } >= names
        }
    }

    func waitForEnd(of threads: Int, within seconds: Double) -> Bool {
        wait(within: seconds) { endedThreads >= threads }
    }
}

/// Sessions under load through all servers of an ensemble. Used by the test's thread.
final class LoadCrowd {
    private let ensemble: EnsembleHarness
    private let tally = LoadTally()
    let loads: [FollowingLoad]

    init(_ ensemble: EnsembleHarness, sessions: Int) throws {
        self.ensemble = ensemble
        let first = try ensemble.running[0].client()
        try first.create("/load")
        try first.close()
        let ports = ensemble.clientPorts
        let tally = tally
        // The root may not have reached the session's server yet: a sync is part of connecting elsewhere.
        try ensemble.waitForEqualZxids()
        loads = try (0..<sessions).map { try FollowingLoad(ports: ports, index: $0, tally: tally) }
    }

    func start() {
        for load in loads { Thread { load.run() }.start() }
    }

    /// Waits until every session has had so many further writes acknowledged.
    func waitForProgress(by more: Int = 20, within seconds: Double = 60) throws {
        guard tally.waitForProgress(of: loads.count, by: more, within: seconds) else {
            tally.stop()
            throw ensemble.failure(
                "not all sessions had \(more) writes acknowledged in \(seconds) s: "
                    + "\(loads.flatMap(\.violations).prefix(5)), \(tally.total) in all")
        }
    }

    /// Stops the load, checks everything through every running server, and closes the sessions; what was wrong.
    func finish() throws -> [String] {
        tally.stop()
        guard tally.waitForEnd(of: loads.count, within: 90) else { throw ensemble.failure("a session does not end") }
        // Apache's leader answers a sync at once, whatever it still has to apply.
        try ensemble.waitForEqualZxids()
        for load in loads {
            for member in ensemble.running {
                do {
                    try ensemble.asking(member) { try load.check(through: member) }
                } catch {
                    throw ensemble.failure("\(load.base) cannot be read through server \(member.id): \(error)")
                }
            }
        }
        let violations = loads.flatMap(\.violations)
        if violations.isEmpty { for load in loads { try load.close() } }
        return violations
    }

    var acknowledged: Int { loads.reduce(0) { $0 + $1.answerTimes.count } }
    var unknown: Int { loads.reduce(0) { $0 + $1.unknown.count } }
    var moves: Int { loads.reduce(0) { $0 + $1.moves } }

    /// The longest time, in milliseconds, in which no session at all had a write acknowledged.
    var longestSilenceMillis: Int {
        let times = loads.flatMap(\.answerTimes).sorted()
        return Int((zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? 0) * 1000)
    }
}
