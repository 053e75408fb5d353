import TestSupport
import Testing
import ZooKeeperProtocol

/// The comparison itself: it must see every reply and event that is not what it should be.
@Suite("Comparer", .serialized)
struct ComparerTests {
    /// A short plan with a reply of each shape and an event.
    static let plan: [Step] = {
        let path = PlanGenerator.base + "/a"
        func one(_ session: Int, _ request: Request) -> Step { .requests(session: session, [PlannedRequest(request)]) }
        return [
            .open(session: 0, timeoutMillis: 30_000, readOnlyByte: true),
            .open(session: 1, timeoutMillis: 30_000, readOnlyByte: true),
            one(0, .create(path, data: [1], opcode: .create2)), one(1, .getData(path, watch: true)),
            one(0, .setData(path, data: [2])), one(0, .getChildren(PlanGenerator.base)),
            one(0, .delete(path, version: 7)),
            one(0, .multi([.setData(path, data: [3]), .check(path, version: 2)])), one(0, .path(.getACL, path)),
        ]
    }()

    @Test("a change of one byte in any frame of one side is a difference")
    func tamperedFrames() throws {
        let vendor = Vendor.underTest[0]
        let left = try ServerUnderTest(vendor, settings: DifferentialTests.settings)
        let right = try ServerUnderTest(vendor, settings: DifferentialTests.settings)
        let duel = Duel(leftPort: left.port, rightPort: right.port, explanations: .none)
        var frames = 0
        duel.tamperRight = { _ in frames += 1 }
        #expect(try duel.run(Self.plan) == nil, "untouched frames must not differ")
        #expect(frames > 15)
        // In each frame: the xid's, the zxid's and the error's last byte, then the last byte of all.
        for target in 0..<frames {
            for place in [3, 11, 15, Int.max] {
                var seen = 0
                duel.tamperRight = { frame in
                    if seen == target { frame[min(place, frame.count - 1)] ^= 0x40 }
                    seen += 1
                }
                let difference = try duel.run(Self.plan)
                #expect(difference != nil, "frame \(target), byte \(place): not noticed")
            }
        }
    }

    @Test("a shrunk plan keeps the difference and little else")
    func shrinking() throws {
        let vendor = Vendor.underTest[0]
        let left = try ServerUnderTest(vendor, settings: DifferentialTests.settings)
        // Another answer to one request among many.
        let right = try ServerUnderTest(
            vendor, settings: DifferentialTests.settings.merging(["extendedTypesEnabled": "false"]) { $1 })
        let duel = Duel(leftPort: left.port, rightPort: right.port, explanations: .none)
        let ttl = Request.create(PlanGenerator.base + "/t", flags: 5, opcode: .createTTL, ttlMillis: 1000)
        let noise = (0..<30).map { Step.requests(session: $0 % 2, [PlannedRequest(.exists("/zookeeper"))]) }
        let plan = Self.plan + noise + [.requests(session: 1, [PlannedRequest(.whoAmI), PlannedRequest(ttl)])] + noise
        let difference = try #require(try duel.run(plan))
        let (small, last) = try duel.shrink(plan, difference: difference, within: 30)
        #expect(small.count == 2, "\(small.map(\.description))")
        #expect(last.description.contains("createTTL"))
    }

    @Test("explanations: rewriting, and lines that are none")
    func explanationsAreRead() throws {
        let rules = try Explanations(
            text: "# comment\n\na | accept | x\\nleft 1\\nright 2 | - | why\nb | rewrite | [0-9]+ | n | why\n")
        #expect(rules.rewritten("zxid 12 of 7") == "zxid n of n")
        for wrong in [
            "a | accept | x | - |", "a | perhaps | x | - | why", "a | accept | ( | - | why", "a",
            "a | behind | x | ( | why",
        ] {
            #expect(throws: Explanations.SyntaxError.self) { try Explanations(text: wrong) }
        }
    }
}
