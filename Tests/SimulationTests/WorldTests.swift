import Testing

@testable import Simulation

@Suite("The simulated world")
struct WorldTests {
    @Test("events come by time, and at one time in the order they were scheduled")
    func order() {
        let world = World()
        var seen: [Int] = []
        world.at(20) { seen.append(3) }
        world.at(10) { seen.append(1) }
        world.at(10) {
            seen.append(2)
            world.at(5) { seen.append(4) }
        }
        world.at(30) { seen.append(6) }
        world.at(20) { seen.append(5) }
        world.run(until: 25)
        #expect(seen == [1, 2, 4, 3, 5])
        #expect(world.now == 25)
    }

    @Test("the world stops at the first violation")
    func stops() {
        let world = World()
        var later = false
        world.at(1) { world.fail(.noGap, "first") }
        world.at(2) { later = true }
        world.run(until: 10)
        #expect(!later)
        #expect(world.violation?.text == "first")
    }

    @Test("dice are what their seed says")
    func dice() {
        var one = Dice(seed: 7)
        var two = Dice(seed: 7)
        var other = Dice(seed: 8)
        let drawn = (0..<100).map { _ in one.next() }
        #expect(drawn == (0..<100).map { _ in two.next() })
        #expect(drawn != (0..<100).map { _ in other.next() })
        var die = Dice(seed: 1)
        let thrown = (0..<10_000).map { _ in die.int(1...6) }
        for face in 1...6 { #expect((1400...1950).contains(thrown.count { $0 == face })) }
        let mean = (0..<20_000).reduce(0.0) { sum, _ in sum + Double(die.around(1000)) } / 20_000
        #expect((900...1100).contains(mean))
    }

    /// Keeps what it is sent; takes at most so many bytes a call.
    private final class Taker: StreamOwner, NetworkHost {
        var bytes: [UInt8] = []
        var ends: [StreamEnd] = []
        var closed = 0
        var isRunning = true
        var isPowered = true
        func perform(_ action: @escaping () -> Void) { action() }
        func streamReceived(_ end: StreamEnd, _ bytes: UnsafeRawBufferPointer) -> Int {
            self.bytes += Array(bytes)
            return bytes.count
        }
        func streamClosed(_ end: StreamEnd) { closed += 1 }
        func streamDrained(_ end: StreamEnd) {}
        func listens(_ service: Service) -> Bool { true }
        func accept(_ end: StreamEnd, _ service: Service, from host: Int) {
            ends.append(end)
            end.owner = self
        }
        func electionMessage(_ bytes: [UInt8], from host: Int) {}
        func electionLinkUp(_ host: Int) {}
        func electionLinkDown(_ host: Int) {}
    }

    private func network(_ world: World) -> (SimulatedNetwork, Taker, Taker, StreamEnd?) {
        var settings = NetworkSettings()
        settings.duplicateConnectionChance = 0
        settings.fragmentChance = 0.5
        let network = SimulatedNetwork(world, serverCount: 2, hostCount: 2, settings: settings, dice: Dice(seed: 3))
        let left = Taker()
        let right = Taker()
        network.attach(left, at: 0)
        network.attach(right, at: 1)
        var made: StreamEnd?
        network.dial(from: 0, to: 1, .clients, owner: left) { made = $0 }
        world.run(until: Span.second)
        return (network, left, right, made)
    }

    private func send(_ range: ClosedRange<UInt8>, _ end: StreamEnd?, _ world: World) {
        for byte in range {
            [byte].withUnsafeBytes { end?.send($0) }
            world.run(until: world.now + 10 * Span.microsecond)
        }
    }

    @Test("a stream keeps its order, across a cut too")
    func streams() {
        let world = World()
        let (network, _, right, end) = network(world)
        #expect(end != nil)
        send(1...50, end, world)
        network.cut(from: 0, to: 1)
        send(51...100, end, world)
        world.run(until: world.now + Span.second)
        #expect(right.bytes.count < 100)
        network.mend(from: 0, to: 1)
        world.run(until: world.now + Span.second)
        #expect(right.bytes == Array(1...100))
        network.dismantle()
    }

    @Test("a broken stream loses what was under way, and both sides hear of it")
    func breaks() {
        let world = World()
        let (network, left, right, end) = network(world)
        send(1...10, end, world)
        network.breakStream(end!)
        world.run(until: world.now + Span.second)
        #expect(right.bytes.count < 10)
        #expect(left.closed == 1)
        #expect(right.closed == 1)
        network.dismantle()
    }

    @Test("a loss of power is silent until the machine is back")
    func powerLoss() {
        let world = World()
        let (network, left, _, _) = network(world)
        network.powerLost(1)
        world.run(until: world.now + 10 * Span.second)
        #expect(left.closed == 0)
        network.powerRestored(1)
        world.run(until: world.now + Span.second)
        #expect(left.closed == 1)
        network.dismantle()
    }
}
