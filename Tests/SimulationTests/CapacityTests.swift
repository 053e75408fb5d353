import Testing

@testable import Simulation

/// Worlds in which work takes time must show what queueing says they show.
@Suite("Capacity")
struct CapacityTests {
    private func scenario(
        servers: Int = 3, reads: Double = 0, leader: Double = 50, follower: Double = 30, read: Double = 20,
        megabits: Double = 1_000_000, fsyncMicros: UInt64 = 200, window: Int = 20, operations: Int = 600
    ) -> CapacityScenario {
        CapacityScenario(
            servers: servers, readPercent: reads,
            costs: ServiceCosts(
                leaderWriteNanos: leader * 1000, followerWriteNanos: follower * 1000, readNanos: read * 1000),
            networkBitsPerSecond: megabits * 1e6, delayNanos: 50_000, fsyncNanos: fsyncMicros * 1000, valueBytes: 512,
            clientsPerServer: 2, window: window, warmup: 3 * servers * window, operations: operations)
    }

    private func rate(_ scenario: CapacityScenario) throws -> Double {
        try CapacityRun(scenario).run().operationsPerSecond
    }

    private func isNear(_ value: Double, _ expected: Double, _ tolerance: Double = 0.1) -> Bool {
        abs(value - expected) < tolerance * expected
    }

    @Test("without reads the leader's time decides, with reads alone everybody's")
    func cpu() throws {
        let writes = try rate(scenario())
        #expect(isNear(writes, 20_000), "\(writes)")
        let reads = try rate(scenario(servers: 5, reads: 100, operations: 2000))
        #expect(isNear(reads, 5 * 50_000), "\(reads)")
        let dearFollowers = try rate(scenario(leader: 20, follower: 80))
        // Only the faster follower of the two is needed, and yet both do everything.
        #expect(dearFollowers < 20_000, "\(dearFollowers)")
    }

    @Test("a slow link of the leader's divides by its followers")
    func network() throws {
        let fast = scenario(leader: 1, follower: 1, megabits: 100, window: 40, operations: 900)
        var wide = fast
        wide.servers = 5
        let (three, five) = (try rate(fast), try rate(wide))
        // 100 Mbit/s take at most 24,400 values of 512 bytes.
        #expect(three < 12_200 && three > 8000, "\(three)")
        #expect(isNear(three / five, 2, 0.3), "\(three) \(five)")
    }

    @Test("a slow disk lets through what is outstanding, batch by batch")
    func disk() throws {
        let slow = try rate(scenario(leader: 1, follower: 1, fsyncMicros: 20_000))
        // 120 outstanding, in at most two batches that overlap: 20 ms each.
        #expect(slow > 1500 && slow < 12_000, "\(slow)")
        let reads = try rate(scenario(reads: 100, fsyncMicros: 20_000))
        #expect(isNear(reads, 3 * 50_000, 0.15), "\(reads)")
    }

    @Test("the same scenario has the same outcome to the last event")
    func deterministic() throws {
        let mixed = scenario(reads: 60)
        #expect(try CapacityRun(mixed).run() == CapacityRun(mixed).run())
        var other = mixed
        other.seed = 2
        #expect(try CapacityRun(other).run() != CapacityRun(mixed).run())
    }

    @Test("reads are counted where requests are whole, whatever stands between them")
    func reads() {
        var frames: [UInt8] = []
        for (opcode, body) in [(4, 3), (5, 40), (4, 0), (11, 0)] as [(UInt8, Int)] {
            frames += [0, 0, 0, UInt8(8 + body), 0, 0, 0, 1, 0, 0, 0, opcode] + [UInt8](repeating: 4, count: body)
        }
        let costs = ServiceCosts(leaderWriteNanos: 1, followerWriteNanos: 1, readNanos: 7)
        #expect(frames.withUnsafeBytes { costs.ofReads(in: $0) } == 14)
    }
}
