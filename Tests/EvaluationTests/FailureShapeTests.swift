import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Shapes of Figure 8")
struct FailureShapeTests {
    private func outcomes(_ course: FailureCourse) -> [ShapeVerdict.Outcome] {
        FailureShapes.verdicts(course).map(\.outcome)
    }

    @Test("the paper's own curve has the paper's shapes")
    func ofThePaper() throws {
        let course = try FailureCourse.ofThePaper(try Project.paper())
        let verdicts = FailureShapes.verdicts(course)
        // Nobody drew where the clients were.
        #expect(outcomes(course) == [.reproduced, .reproduced, .reproduced, .notTested], "\(verdicts)")
        #expect(verdicts[0].measured.hasPrefix("1: 31 %, 2: 23 %, 4a: 20 %, 4b: 1 %"), "\(verdicts[0].measured)")
        #expect(verdicts[1].measured.contains("3: to 1 %, below a fifth for 5."), "\(verdicts[1].measured)")
    }

    @Test("each shape can fail")
    func damaged() throws {
        let good = try FailureCourse.ofThePaper(try Project.paper())
        func outcomes(_ change: (inout FailureCourse) -> Void) -> [ShapeVerdict.Outcome] {
            var course = good
            change(&course)
            return self.outcomes(course)
        }
        // No follower is missed.
        #expect(
            outcomes { course in
                for index in course.samples.indices where course.samples[index].rate > 10_000 {
                    course.samples[index].rate = 55_000
                }
            }[0] == .notReproduced)
        // One follower stops everything.
        #expect(
            outcomes { course in
                for index in course.samples.indices
                where (52..<66).contains(course.samples[index].seconds)
                    || (163..<194).contains(course.samples[index].seconds)
                {
                    course.samples[index].rate = 0
                }
            }[0] == .notReproduced)
        // The leader is not missed.
        #expect(
            outcomes { course in
                for index in course.samples.indices {
                    course.samples[index].rate = max(course.samples[index].rate, 20_000)
                }
            }[1] == .notReproduced)
        // It is missed for long.
        #expect(
            outcomes { course in
                for index in course.samples.indices where (116..<130).contains(course.samples[index].seconds) {
                    course.samples[index].rate = 500
                }
            }[1] == .notReproduced)
        // What was lost stays lost.
        #expect(
            outcomes { course in
                for index in course.samples.indices where course.samples[index].seconds > 52 {
                    course.samples[index].rate *= 0.6
                }
            }[2] == .notReproduced)
        #expect(self.outcomes(FailureCourse(servers: 5, samples: [], events: [])).allSatisfy { $0 == .notTested })
    }

    @Test("a fail-over shorter than a sample is not judged by samples")
    func shortFailOver() throws {
        let good = try FailureCourse.ofThePaper(try Project.paper())
        func outcome(_ floors: [String: Double], silentMillis: Double?) -> ShapeVerdict.Outcome {
            var course = good
            for index in course.events.indices where course.events[index].isOnLeader {
                let event = course.events[index]
                course.events[index].silentMillis = silentMillis
                guard let floor = floors[event.label] else { continue }
                for sample in course.samples.indices
                where (event.seconds..<event.seconds + 15).contains(course.samples[sample].seconds) {
                    course.samples[sample].rate = max(course.samples[sample].rate, floor)
                }
            }
            return FailureShapes.verdicts(course)[1].outcome
        }
        #expect(outcome([:], silentMillis: 1400) == .reproduced)
        #expect(outcome(["3": 20_000], silentMillis: 1400) == .reproduced, "the other was seen")
        #expect(outcome(["3": 20_000, "5": 20_000], silentMillis: 1400) == .notTested)
        // The paper's samples are seconds apart.
        #expect(outcome(["3": 20_000, "5": 20_000], silentMillis: 60_000) == .notReproduced)
        #expect(outcome(["3": 20_000], silentMillis: nil) == .notReproduced)
    }

    @Test("a follower's share is not missed where the leader sets the rate, and the verdict says so")
    func leaderBound() throws {
        let event = FailureCourse.Event("1", at: 20, isFault: true, isOnLeader: false, end: 22)
        let samples = (0..<300).map { FailureCourse.Sample(seconds: Double($0) / 10, rate: 1000) }
        var course = FailureCourse(servers: 5, samples: samples, events: [event])
        #expect(!FailureShapes.verdicts(course)[0].measured.contains("the leader set the rate"))
        course.budgetUse = .init(leader: 1, follower: 0.56)
        let verdict = FailureShapes.verdicts(course)[0]
        #expect(verdict.outcome == .notReproduced)
        #expect(verdict.measured.contains("the leader set the rate, with 100 % of its CPU budget used"))
        #expect(verdict.measured.contains("followers 56 % of theirs"))
        course.budgetUse = .init(leader: 1, follower: 0.95)
        #expect(!FailureShapes.verdicts(course)[0].measured.contains("the leader set the rate"))
    }

    @Test("clients who move although their server lives are seen")
    func redistribution() {
        var event = FailureCourse.Event("1", at: 2, isFault: true, isOnLeader: false, end: 3)
        event.clients = 100
        event.clientsOnIt = 20
        event.connectionsLost = 20
        var course = FailureCourse(servers: 5, samples: [.init(seconds: 1, rate: 10)], events: [event])
        #expect(outcomes(course)[3] == .reproduced)
        course.events[0].connectionsLost = 60
        #expect(outcomes(course)[3] == .notReproduced)
        // Nobody noticed that the server was gone.
        course.events[0].connectionsLost = 0
        #expect(outcomes(course)[3] == .notReproduced)
        // Clients who go back to a server that returns; a leader whose followers keep their clients.
        course.events[0].connectionsLost = 20
        var back = FailureCourse.Event("back", at: 3, isFault: false, isOnLeader: false)
        (back.clients, back.clientsOnIt, back.connectionsLost) = (100, 0, 20)
        course.events.append(back)
        #expect(outcomes(course)[3] == .notReproduced)
        course.events[1].connectionsLost = 0
        #expect(outcomes(course)[3] == .reproduced)
        var leader = FailureCourse.Event("3", at: 4, isFault: true, isOnLeader: true)
        (leader.clients, leader.clientsOnIt, leader.connectionsLost) = (100, 20, 20)
        course.events.append(leader)
        #expect(outcomes(course)[3] == .notReproduced)
    }

    @Test("verdicts are about servers that were killed")
    func otherFaults() throws {
        var course = try FailureCourse.ofThePaper(try Project.paper())
        for index in course.events.indices { course.events[index].isKill = false }
        #expect(outcomes(course)[0] == .notTested && outcomes(course)[1] == .notTested)
        // Nobody moves because a server stands still for a moment.
        var pause = FailureCourse.Event("pause", at: 2, isFault: true, isOnLeader: false, end: 3)
        (pause.clients, pause.clientsOnIt, pause.connectionsLost, pause.isKill) = (100, 20, 0, false)
        let other = FailureCourse(servers: 5, samples: [.init(seconds: 1, rate: 10)], events: [pause])
        #expect(outcomes(other)[3] == .notTested)
    }

    @Test("a dip that levels show without any failure is none")
    func placebo() {
        func course(_ dip: Double, noise: Double) -> FailureCourse {
            // Levels go up and down by themselves every two seconds; from 20 to 22 s a server is away.
            let samples = (0..<300).map { index -> FailureCourse.Sample in
                let seconds = Double(index) / 10
                let swing = Int(seconds / 2) % 2 == 0 ? 1 + noise : 1 - noise
                return .init(seconds: seconds, rate: 1000 * swing * ((20..<22).contains(seconds) ? 1 - dip : 1))
            }
            let fault = FailureCourse.Event("1", at: 20, isFault: true, isOnLeader: false, end: 22)
            return FailureCourse(servers: 5, samples: samples, events: [fault])
        }
        #expect(outcomes(course(0.2, noise: 0.01))[0] == .reproduced)
        #expect(outcomes(course(0, noise: 0.01))[0] == .notReproduced)
        #expect(outcomes(course(0.2, noise: 0.2))[0] == .notTested)
        // One server of five cannot take everything with it.
        #expect(outcomes(course(1, noise: 0.01))[0] == .notReproduced)
    }

    @Test("levels are medians, and those before a fault begin behind what was before it")
    func levels() {
        let samples = (0..<100).map { FailureCourse.Sample(seconds: Double($0) / 10, rate: $0 < 50 ? 100 : 200) }
        let course = FailureCourse(
            servers: 5, samples: samples,
            events: [
                .init("a", at: 5, isFault: true, isOnLeader: false, end: 6),
                .init("b", at: 9, isFault: true, isOnLeader: true),
            ])
        #expect(course.level(from: 0, to: 5) == 100 && course.level(from: 4.9, to: 5.1) == 150)
        #expect(course.level(from: 20, to: 30) == nil)
        #expect(course.levelBefore(5) == 100 && course.levelBefore(9) == 200)
        #expect(course.momentAfter(5) == 6 && course.momentAfter(6) == 9)
        // The second never came back.
        #expect(course.wholeStretches.count == 1 && course.wholeStretches[0].start == 6)
    }
}

@Suite("Shapes of Tables 2 and 3")
struct TableShapeTests {
    @Test("the paper's creates have the paper's shapes, and each can fail")
    func creates() throws {
        let good = try Project.paper().creates("table2")
        #expect(good[3]?[1] == 776 && good[9]?[20] == 1890 && good.count == 4)
        func outcomes(_ change: (inout [Int: Curve]) -> Void) -> [ShapeVerdict.Outcome] {
            var curves = good
            change(&curves)
            return CreatesShapes.verdicts(curves).map(\.outcome)
        }
        #expect(outcomes { _ in } == [.reproduced, .reproduced])
        #expect(outcomes { $0[3]!.add(10, 9000) }[0] == .notReproduced)
        #expect(outcomes { $0[5]!.add(20, 1000) }[0] == .notReproduced)
        #expect(outcomes { $0[9]!.add(20, 3600) }[1] == .notReproduced)
        #expect(outcomes { $0 = [:] } == [.notTested, .notTested])
    }

    @Test("the paper's barriers have the paper's shapes, and each can fail")
    func barriers() throws {
        let good = try Project.paper().barriers("table3")
        #expect(good[50]?[200] == 9.4 && good[200]?[1600] == 234.4 && good.count == 3)
        func outcomes(_ change: (inout [Int: Curve]) -> Void) -> [ShapeVerdict.Outcome] {
            var curves = good
            change(&curves)
            return BarriersShapes.verdicts(curves).map(\.outcome)
        }
        #expect(outcomes { _ in } == [.reproduced, .reproduced])
        // Quadratic in the barriers; and the number of clients without weight.
        #expect(outcomes { $0[100]!.add(1600, 64 * 19.8) }[0] == .notReproduced)
        #expect(outcomes { $0[200] = $0[100] }[1] == .notReproduced)
        #expect(outcomes { $0 = [:] } == [.notTested, .notTested])
        // 1.3 times for twice the clients is not about linear.
        #expect(
            outcomes { curves in
                curves[200] = Curve()
                for point in curves[100]!.points { curves[200]!.add(point.x, 1.3 * point.y) }
            }[1] == .notReproduced)
    }
}
