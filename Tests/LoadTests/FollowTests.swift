import CPlatform
import Foundation
import Synchronization
import Testing

@testable import Load

/// Clients that follow the service across servers.
@Suite(.serialized) struct FollowTests {
    @Test func pausesDoubleUpToTheLongest() throws {
        let policy = FollowPolicy(sessionTimeoutMillis: 30_000)
        #expect(policy.replyTimeoutMillis == 20_000)
        var random = RandomSource(seed: 1)
        for failures in 0..<40 {
            let whole = min(3_000_000 * pow(2, Double(failures)), 200_000_000)
            let pause = Double(policy.pauseNanos(failures: failures, using: &random))
            #expect(pause >= whole / 2 - 1 && pause <= whole + 1, "\(failures): \(pause)")
        }
        var bad = policy
        bad.firstPauseMillis = 500
        #expect(throws: LoadError.self) { try bad.validate() }
        bad = policy
        bad.replyTimeoutMillis = 0
        #expect(throws: LoadError.self) { try bad.validate() }
    }

    @Test func aTimelineKnowsItsSilences() {
        var timeline = SuccessTimeline(startNanos: 1_000_000_000)
        for (millis, count) in [(1, 5), (4, 1), (50, 2), (55, 1), (400, 1)] as [(UInt64, UInt64)] {
            timeline.note(count, at: 1_000_000_000 + millis * 1_000_000)
        }
        timeline.close(at: 1_405_000_000)
        #expect(timeline.total == 10)
        #expect(timeline.silences.map { $0.nanos / 1_000_000 } == [46, 345])
        #expect(timeline.counts.count == 41 && timeline.counts[0] == 6 && timeline.counts[5] == 3)
        timeline.close(at: 1_500_000_000)
        #expect(timeline.silences.last == Silence(startNanos: 1_405_000_000, endNanos: 1_500_000_000))
    }

    @Test func allThreadsMustBeSilent() {
        func silence(_ from: UInt64, _ to: UInt64) -> Silence {
            Silence(startNanos: from * 1_000_000, endNanos: to * 1_000_000)
        }
        let one = [silence(0, 100), silence(200, 300), silence(400, 500)]
        let other = [silence(50, 220), silence(295, 450), silence(490, 600)]
        #expect(
            SuccessTimeline.common([one, other]) == [
                silence(50, 100), silence(200, 220), silence(400, 450), silence(490, 500),
            ])
        #expect(SuccessTimeline.common([one]) == one)
        #expect(SuccessTimeline.common([one, []]) == [])
        #expect(SuccessTimeline.sum([[1, 2], [10, 20, 30]]) == [11, 22, 30])
    }

    /// Null servers that agree on the zxid, as servers of one ensemble do.
    private func ensemble(
        _ count: Int, _ fate: @escaping @Sendable (_ server: Int, _ number: Int) -> NullServer.ReplyFate
    ) throws -> [ServerThread] {
        final class Zxid: Sendable { let value = Atomic<Int64>(1 << 32) }
        let zxid = Zxid()
        return try (0..<count).map { server in
            try ServerThread { reply, _, number in
                let next = zxid.value.add(1, ordering: .relaxed).newValue
                reply.storeBytes(of: next.bigEndian, toByteOffset: 4, as: Int64.self)
                return fate(server, number)
            }
        }
    }

    /// Two servers of which one cuts a connection off now and then: the run is valid, every client keeps its session.
    @Test(arguments: [nil, 4000.0]) func connectionsLostAreMovedOn(rate: Double?) throws {
        let directory = try TemporaryDirectory()
        let servers = try ensemble(2) { server, number in
            server == 0 && number % 700 == 699 ? .disconnect : .send
        }
        var configuration = try shortConfiguration(servers[0].address, readPercent: 70)
        configuration.servers = servers.map(\.address)
        configuration.following = FollowPolicy(sessionTimeoutMillis: 30_000)
        configuration.ratePerSecond = rate
        configuration.durationSeconds = 1
        let (summary, path) = try runToFiles(configuration, directory)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let following = try #require(summary.repeats[0].following)
        #expect(following.sessionsLost == 0)
        #expect(following.outcomes.reduce(0) { $0 + $1.succeeded } == summary.repeats[0].completed)
        #expect(following.longestGaps.count == 4)
        #expect(following.longestGaps.maximumNanos < 1_100_000_000)
        // In the closed loop clients leave the moody server within the warm-up perhaps; then they stay away.
        if rate != nil { #expect(following.connectionsLost == following.reattached) }
        #expect(try ResultCheck.problems(path: path) == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        let wrong = good.replacingOccurrences(of: "\"succeeded\" : ", with: "\"succeeded\" : 1")
        try wrong.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path).contains { $0.contains("do not add up") })
    }

    /// Both servers cut connections off all the time: sessions go back and forth, unknown requests are counted, and
    /// those that were only planned are not lost.
    @Test func outcomesAreKeptApart() throws {
        let directory = try TemporaryDirectory()
        let servers = try ensemble(2) { _, number in number % 400 == 399 ? .disconnect : .send }
        var configuration = try shortConfiguration(servers[0].address, readPercent: 50)
        configuration.servers = servers.map(\.address)
        configuration.following = FollowPolicy(sessionTimeoutMillis: 30_000)
        configuration.durationSeconds = 1
        let summary = try runToFiles(configuration, directory).0
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let following = try #require(summary.repeats[0].following)
        #expect(following.connectionsLost > 3 && following.reattached > 3)
        #expect(following.outcomes.contains { $0.unknown > 0 } && following.outcomes.allSatisfy { $0.failed == 0 })
        #expect(RunReport.lines(following).contains { $0.contains("unknown") })
    }

    /// One server falls silent: its clients give it up after the reply timeout and go on elsewhere.
    @Test func aSilentServerIsGivenUp() throws {
        let directory = try TemporaryDirectory()
        let servers = try ensemble(2) { server, number in server == 0 && number > 500 ? .drop : .send }
        var configuration = try shortConfiguration(servers[0].address)
        configuration.servers = servers.map(\.address)
        var policy = FollowPolicy(sessionTimeoutMillis: 30_000)
        policy.replyTimeoutMillis = 300
        configuration.following = policy
        configuration.ratePerSecond = 2000
        configuration.warmupLimitSeconds = 0
        configuration.durationSeconds = 1.5
        let summary = try runToFiles(configuration, directory).0
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let following = try #require(summary.repeats[0].following)
        #expect(following.connectionsLost == 2 && following.reattached == 2, "\(following)")
        #expect(following.longestGaps.maximumNanos > 300_000_000, "\(following.longestGaps)")
        // The other clients went on all the while.
        #expect(following.silences.allSatisfy { $0.nanos < 300_000_000 })
    }

    /// A server that takes a client although it is behind what the client has seen.
    @Test func aServerThatIsBehindIsFound() throws {
        let directory = try TemporaryDirectory()
        let ahead = try ServerThread { reply, _, number in
            reply.storeBytes(of: Int64(number + 1_000_000).bigEndian, toByteOffset: 4, as: Int64.self)
            return number > 500 ? .disconnect : .send
        }
        let behind = try ServerThread()
        var configuration = try shortConfiguration(ahead.address)
        configuration.servers = [ahead.address, behind.address]
        configuration.following = FollowPolicy(sessionTimeoutMillis: 30_000)
        configuration.warmupLimitSeconds = 0
        let summary = try runToFiles(configuration, directory).0
        #expect(summary.status == .invalid)
        #expect(summary.repeats[0].violations.counts["zxidOrder"] ?? 0 > 0)
    }

    @Test func theLastServerGoneIsSilenceNotFailure() throws {
        // Nobody answers any more: the run ends in its time, and all of the rest is one silence.
        let directory = try TemporaryDirectory()
        let server = try ServerThread { _, _, number in number > 1000 ? .disconnect : .send }
        var configuration = try shortConfiguration(server.address)
        configuration.following = FollowPolicy(sessionTimeoutMillis: 30_000)
        configuration.warmupLimitSeconds = 0
        configuration.durationSeconds = 1
        let summary = try runToFiles(configuration, directory).0
        let following = try #require(summary.repeats[0].following)
        #expect(following.longestGaps.maximumNanos > 500_000_000)
        #expect(following.silences.contains { $0.nanos > 500_000_000 })
    }
}
