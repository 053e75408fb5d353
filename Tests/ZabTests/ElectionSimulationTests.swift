import Testing
import Zab

@Suite("Elections, simulated") struct ElectionSimulationTests {
    /// The ensemble of a seed: 3 to 7 members, some with observers, some with groups and weights.
    private static func rule(_ random: inout SplitMix) throws -> QuorumRule {
        let size = [3, 3, 4, 5, 5, 6, 7].randomElement(using: &random)!
        let observers = size > 3 ? Int.random(in: 0...1, using: &random) : 0
        let voters = (1...size - observers).map { ServerID($0) }
        guard voters.count >= 5, Int.random(in: 0..<4, using: &random) == 0 else {
            return try QuorumRule(voters: voters, observers: (0..<observers).map { 90 + ServerID($0) })
        }
        let half = voters.count / 2
        return try QuorumRule(
            voters: voters, observers: (0..<observers).map { 90 + ServerID($0) },
            groups: [Array(voters[..<half]), Array(voters[half...])],
            weights: [voters.last!: Int64.random(in: 0...2, using: &random)])
    }

    /// What went wrong with a seed; nil when nothing did.
    static func failure(ofSeed seed: UInt64) throws -> String? {
        var random = SplitMix(state: seed)
        let world = ElectionWorld(rule: try rule(&random), seed: seed)
        for place in world.nodes.indices {
            let epoch = Int64.random(in: 1...3, using: &random)
            world.nodes[place].currentEpoch = epoch
            world.nodes[place].acceptedEpoch = epoch + Int64.random(in: 0...1, using: &random)
            world.nodes[place].zxid = Zxid.make(epoch: epoch, counter: Int64.random(in: 0...2, using: &random))
        }
        world.maximumDelayMillis = [1, 3, 20, 100].randomElement(using: &random)!
        world.lossPerMille = [0, 0, 50, 300].randomElement(using: &random)!
        world.cutsAreNoticed = Bool.random(using: &random)
        world.startAll(spreadMillis: [0, 5, 100].randomElement(using: &random)!)
        let faults = Int.random(in: 0...10, using: &random)
        for _ in 0..<faults {
            world.run(until: world.nowMillis + Int64.random(in: 1...150, using: &random))
            world.randomFault()
        }
        world.heal()
        let healed = world.nowMillis
        world.run(until: healed + 12_000) { world.isStable }
        if let violation = world.violations.first { return violation }
        if !world.isStable { return "no agreement 12 s after everything was healed" }
        return nil
    }

    @Test func fiveThousandSeeds() async throws {
        let first: UInt64 = 1
        let seeds = 5000
        let failures = try await withThrowingTaskGroup(of: [String].self) { group in
            for lane in 0..<4 {
                group.addTask {
                    try stride(from: lane, to: seeds, by: 4).compactMap { offset in
                        let seed = first + UInt64(offset)
                        return try Self.failure(ofSeed: seed).map { "seed \(seed): \($0)" }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(failures.isEmpty, "\(failures.count) of \(seeds): \(failures.prefix(5))")
    }

    @Test func theSameSeedIsTheSameRun() throws {
        func trace(_ seed: UInt64) throws -> [Int64] {
            let world = ElectionWorld(rule: try QuorumRule(voters: [1, 2, 3, 4, 5]), seed: seed)
            world.maximumDelayMillis = 20
            world.lossPerMille = 100
            world.startAll(spreadMillis: 50)
            for _ in 0..<5 {
                world.run(until: world.nowMillis + 100)
                world.randomFault()
            }
            return [Int64(world.messages), Int64(world.elections)] + world.nodes.map(\.zxid)
                + world.nodes.map(\.election.electionEpoch)
        }
        for seed in 1...20 as ClosedRange<UInt64> { #expect(try trace(seed) == trace(seed)) }
    }

    @Test(arguments: [3, 5, 7, 13]) func withoutFaultsAllAgreeAtOnce(size: Int) throws {
        for seed in 1...40 as ClosedRange<UInt64> {
            let rule = try QuorumRule(voters: (1...size).map { ServerID($0) }, observers: [50])
            let world = ElectionWorld(rule: rule, seed: seed)
            world.startAll(spreadMillis: 10)
            world.run(until: 2000) { world.isStable }
            #expect(world.isStable && world.violations.isEmpty, "seed \(seed)")
            let rounds = Set(world.nodes.map(\.election.electionEpoch))
            #expect(Set(world.nodes.map(\.leader)).count == 1, "seed \(seed)")
            #expect(rounds.count == 1 && rounds.first! <= 2, "seed \(seed): rounds \(rounds)")
        }
    }

    /// The old leader is dead and everyone noticed: how long until the others have decided, with 1 ms of delay.
    @Test(arguments: [3, 5]) func aDeadLeaderIsReplacedWithinMilliseconds(size: Int) throws {
        var worst: Int64 = 0
        for seed in 1...100 as ClosedRange<UInt64> {
            let world = ElectionWorld(rule: try QuorumRule(voters: (1...size).map { ServerID($0) }), seed: seed)
            world.startAll(spreadMillis: 0)
            world.run(until: 2000) { world.isStable }
            let leader = try #require(world.nodes.firstIndex { $0.election.state == .leading })
            world.run(until: world.nowMillis + 200)
            let died = world.nowMillis
            world.crash(leader, noticedAfterMillis: 0)
            world.run(until: died + 1000) {
                world.nodes.allSatisfy { !$0.isUp || $0.election.state != .looking && $0.decidedMillis >= died }
            }
            let decided = world.nodes.filter(\.isUp).map(\.decidedMillis)
            #expect(Set(world.nodes.filter(\.isUp).map(\.leader)).count == 1, "seed \(seed)")
            worst = max(worst, (decided.max() ?? .max) - died)
        }
        print("\(size) servers, leader dead: decided after at most \(worst) ms")
        #expect(worst < 20)
    }

    /// As above, but one survivor notices 30 ms later than the others, and nobody's election link breaks.
    @Test(arguments: [3, 5]) func lateAndSilentDeathsCostLittleMore(size: Int) throws {
        var worst: Int64 = 0
        for seed in 1...100 as ClosedRange<UInt64> {
            let world = ElectionWorld(rule: try QuorumRule(voters: (1...size).map { ServerID($0) }), seed: seed)
            world.startAll(spreadMillis: 0)
            world.run(until: 2000) { world.isStable }
            let leader = try #require(world.nodes.firstIndex { $0.election.state == .leading })
            let died = world.nowMillis
            world.nodes[leader].isUp = false
            for place in world.nodes.indices where place != leader {
                world.after(Int64.random(in: 0...30, using: &world.random), .start(place))
            }
            world.run(until: died + 1000) {
                world.nodes.allSatisfy { !$0.isUp || $0.election.state != .looking && $0.decidedMillis > died }
            }
            worst = max(worst, (world.nodes.filter(\.isUp).map(\.decidedMillis).max() ?? .max) - died)
        }
        print("\(size) servers, death noticed over 30 ms: decided after at most \(worst) ms")
        #expect(worst < 100)
    }
}
