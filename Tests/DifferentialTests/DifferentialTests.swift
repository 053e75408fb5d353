import Foundation
import TestSupport
import Testing

/// Apache's server is the specification: whatever a plan makes it say, Corral must say too.
///
/// `CORRAL_DIFFERENTIAL_REQUESTS` sets how many requests, `CORRAL_DIFFERENTIAL_SEED` replays a run.
@Suite("Differential", .serialized)
struct DifferentialTests {
    static let settings = [
        // Nothing may happen by itself while two servers are compared.
        "znode.container.checkIntervalMs": "100000000", "maxSessionTimeout": "60000", "tickTime": "1000",
        "snapCount": "1000000", "forceSync": "no",
    ]
    static let requestsInRound = 250

    static func explanations() throws -> Explanations {
        let file = TestEnvironment.packageRoot.appendingPathComponent("Tests/DifferentialTests/explained.txt")
        var text = try String(contentsOf: file, encoding: .utf8)
        // For looking past differences that are known but not meant to stay.
        if let more = TestEnvironment.string("CORRAL_DIFFERENTIAL_EXPLAINED") {
            text += "\n" + (try String(contentsOfFile: more, encoding: .utf8))
        }
        return try Explanations(text: text)
    }

    /// Runs rounds until enough requests were sent; reports each difference once, shrunk.
    static func compare(_ left: Vendor, _ right: Vendor, requests: Int, explanations: Explanations) throws -> Duel {
        let leftServer = try ServerUnderTest(left, settings: settings)
        let rightServer = try ServerUnderTest(right, settings: settings)
        let duel = Duel(leftPort: leftServer.port, rightPort: rightServer.port, explanations: explanations)
        let seed = TestEnvironment.seed("CORRAL_DIFFERENTIAL_SEED")
        let limit = TestEnvironment.int("CORRAL_DIFFERENTIAL_FAILURES", default: 5)
        TestEnvironment.note(
            "differential \(left) against \(right): \(requests) requests; replay with "
                + "CORRAL_DIFFERENTIAL_SEED=\(seed) CORRAL_DIFFERENTIAL_REQUESTS=\(requests) "
                + "Tests/run --filter DifferentialTests"
        )
        var round: UInt64 = 0
        var failures = 0
        var races = 0
        let servers = [leftServer, rightServer]
        while duel.requests < requests && failures < limit {
            round += 1
            var generator = PlanGenerator(seed: seed &* 0x1_0000_01b3 &+ round)
            let plan = generator.plan(requests: requestsInRound)
            guard let difference = try guarded(duel, plan, round, servers, isFirst: true) else { continue }
            if left == .apache, try isRaceOfApaches(
                difference, right: right,
                rerun: {
                    _ = try guarded(duel, plan, round, servers)
                    return duel.transcript
                })
            {
                races += 1
                TestEnvironment.note("seed \(seed) round \(round): Apache differs from itself: \(difference)")
                continue
            }
            failures += 1
            let (small, last) = try duel.shrink(plan, difference: difference, within: 45)
            let transcript = small.map(\.description).joined(separator: "\n")
            Issue.record(
                """
                seed \(seed) round \(round): left \(left), right \(right)
                \(transcript)
                \(last)
                as it was seen first, in step \(difference.stepIndex):
                \(difference)
                """)
        }
        TestEnvironment.note(
            "differential \(left) against \(right): \(duel.requests) requests answered by both and compared, "
                + "\(round) rounds; Apache differed from itself in \(races)")
        for rule in duel.explanations.rules where rule.kind != .rewrite {
            TestEnvironment.note("explained \(rule.id): \(duel.explanations.uses[rule.id] ?? 0) times; \(rule.reason)")
        }
        leftServer.stop()
        rightServer.stop()
        return duel
    }

    /// Whether Apache varied and not Corral: one of four more runs of the plan made Apache say, in the difference's
    /// step and for the request that differed, what Corral had said at first, and Corral say the same again. Of two
    /// Apaches, either may be the one that varied.
    ///
    /// A difference that merely does not show again is no such race, and a failure.
    static func isRaceOfApaches(
        _ difference: Difference, right: Vendor, rerun: () throws -> Transcript
    ) rethrows -> Bool {
        let index = difference.stepIndex
        for _ in 0..<4 {
            let transcript = try rerun()
            guard transcript.indices.contains(index) else { continue }
            let (left, other) = transcript[index]
            let part = difference.part
            let now = (left.filter { $0.part == part }, other.filter { $0.part == part })
            let before = (difference.left.filter { $0.part == part }, difference.right.filter { $0.part == part })
            if now.0 == before.1, now.1 == before.1 { return true }
            if right == .apache, now.0 == now.1 { return true }
        }
        return false
    }

    /// Runs a plan; when a server did not survive it, says so with the plan and the end of the server's log.
    private static func guarded(
        _ duel: Duel, _ plan: [Step], _ round: UInt64, _ servers: [ServerUnderTest], isFirst: Bool = false
    ) throws -> Difference? {
        do {
            return try duel.run(plan, isFirst: isFirst)
        } catch {
            for server in servers where server.process?.waitForExit(within: 3) != nil {
                let transcript = plan.prefix(duel.lastStep + 1).suffix(40).map(\.description).joined(separator: "\n")
                let log = String(server.process?.output.suffix(20_000) ?? "")
                Issue.record(
                    "\(server.vendor) ended in round \(round): \(transcript)\n\(log)"
                )
            }
            throw error
        }
    }

    @Test("Apache against Apache shows no difference but for its own races, so the harness invents none")
    func harnessIsSound() throws {
        let requests = TestEnvironment.int("CORRAL_DIFFERENTIAL_SELF_REQUESTS", default: 8000)
        let duel = try Self.compare(.apache, .apache, requests: requests, explanations: .none)
        #expect(duel.requests >= requests)
    }

    @Test("Corral against Corral shows no difference", .enabled(if: Vendor.underTest.contains(.corral)))
    func corralIsDeterministic() throws {
        let requests = TestEnvironment.int("CORRAL_DIFFERENTIAL_SELF_REQUESTS", default: 8000)
        let duel = try Self.compare(.corral, .corral, requests: requests, explanations: .none)
        #expect(duel.requests >= requests)
    }

    @Test("Corral says what Apache says", .enabled(if: Vendor.underTest.contains(.corral)))
    func corralAgainstApache() throws {
        let requests = TestEnvironment.int("CORRAL_DIFFERENTIAL_REQUESTS", default: 50_000)
        let duel = try Self.compare(.apache, .corral, requests: requests, explanations: Self.explanations())
        #expect(duel.requests >= requests)
    }
}
