import Foundation
import Testing

@testable import Evaluation

@Suite("Shapes")
struct ShapeTests {
    private func paper() throws -> PaperPoints {
        let place = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Bench/paper/points.csv").path
        return try PaperPoints.load(place)
    }

    /// Figure 5 as drawn, its hidden ends from Table 1.
    private func figure5() throws -> [Int: Curve] {
        let paper = try paper()
        var curves = paper.curves("fig5_digitised")
        for (servers, curve) in paper.curves("table1") where curves[servers]?[100] == nil {
            curves[servers]?.add(100, curve[100]!)
        }
        return curves
    }

    @Test("the paper's own points have the paper's shapes")
    func ofThePaper() throws {
        let verdicts = SaturationShapes.everywhere(try figure5(), ownCpus: true)
        for verdict in verdicts { #expect(verdict.outcome == .reproduced, "\(verdict)") }
        let leader = SaturationShapes.leaderAlone(try paper().curves("fig6_digitised"), everywhere: try figure5())
        for verdict in leader { #expect(verdict.outcome == .reproduced, "\(verdict)") }
    }

    @Test("crossings are where the paper's curves cross")
    func crossings() throws {
        let curves = try figure5()
        let five = try #require(curves[3]!.overtaken(by: curves[5]!))
        // Drawn as the paper does, with straight lines between 50 and 75 %, they cross at 67.5 %.
        #expect(abs(five.x - 71.4) < 0.1 && five.between == 50...75, "\(five)")
        #expect(curves[5]!.overtaken(by: curves[3]!) == nil)
    }

    /// Reads that cost next to nothing against writes: throughput rises tenfold over the last tenth of the way, and a
    /// straight line through it would cross anything just behind 90 %.
    @Test("crossings are read off the time of an operation, which is straight over the share of reads")
    func crossingsOfSteepCurves() throws {
        func curve(write: Double, read: Double) -> Curve {
            var curve = Curve()
            for share in [0.0, 50, 90, 100] { curve.add(share, 1 / (write * (100 - share) + read * share)) }
            return curve
        }
        let three = curve(write: 1, read: 0.02)
        // Equal at 1 * (100 - x) + 0.02 x = 1.2 * (100 - x) + 0.01 x.
        let crossing = try #require(three.overtaken(by: curve(write: 1.2, read: 0.01)))
        #expect(abs(crossing.x - 95.238) < 0.01 && crossing.between == 90...100, "\(crossing)")
    }

    @Test("the order of crossings between the same two shares is not known, and a wrong one between others is wrong")
    func crossingOrder() {
        func outcome(_ reads: [Double: [Double]]) -> ShapeVerdict.Outcome {
            var curves: [Int: Curve] = [:]
            for (share, rates) in reads {
                for (servers, rate) in zip([3, 5, 7], rates) { curves[servers, default: Curve()].add(share, rate) }
            }
            return SaturationShapes.everywhere(curves, ownCpus: true)
                .first { $0.name == "3 servers are overtaken" }!.outcome
        }
        let ends: [Double: [Double]] = [0: [300, 200, 100], 100: [3000, 6000, 9000]]
        #expect(outcome(ends.merging([50: [500, 550, 300], 75: [800, 1000, 900]]) { $1 }) == .reproduced)
        #expect(outcome(ends.merging([50: [500, 450, 448], 75: [800, 1000, 1000]]) { $1 }) == .notTested)
        #expect(outcome(ends.merging([50: [500, 300, 700], 75: [800, 700, 1000]]) { $1 }) == .notReproduced)
    }

    @Test("crossings that rounds move past each other have no order, those that they do not have one")
    func crossingRanges() throws {
        func outcome(_ share: Double, swapped: Bool = false) -> ShapeVerdict {
            var curves: [Int: Curve] = [:]
            // By cost, 5 servers overtake 3 between 50 and 75 %, 7 between 75 and 90 %.
            let rates: [Double: [Double]] = [
                0: [300, 200, 100], 50: [500, 450, 300], 75: [800, 1000, 700], 90: [1500, 2500, 1800],
                100: [3000, 6000, 9000],
            ]
            for (reads, values) in rates {
                for (servers, rate) in zip(swapped ? [3, 7, 5] : [3, 5, 7], values) {
                    curves[servers, default: Curve()].add(
                        reads, rate, interval: (rate * (1 - share), rate * (1 + share)))
                }
            }
            return SaturationShapes.everywhere(curves, ownCpus: true).first { $0.name == "3 servers are overtaken" }!
        }
        #expect(outcome(0.01).outcome == .reproduced, "\(outcome(0.01))")
        #expect(outcome(0.2).outcome == .notTested, "\(outcome(0.2))")
        #expect(outcome(0.01, swapped: true).outcome == .notReproduced, "\(outcome(0.01, swapped: true))")
        #expect(outcome(0.2, swapped: true).outcome == .notTested)
    }

    @Test("each shape can fail")
    func broken() throws {
        let good = try figure5()
        func outcomes(_ change: (inout [Int: Curve]) -> Void) -> [ShapeVerdict.Outcome] {
            var curves = good
            change(&curves)
            return SaturationShapes.everywhere(curves, ownCpus: true).map(\.outcome)
        }
        #expect(outcomes { $0[13]!.add(0, 30_000) }[0] == .notReproduced)
        #expect(outcomes { $0[13]!.add(100, 90_000) }[1] == .notReproduced)
        #expect(outcomes { $0[3]!.add(50, 80_000) }[2] == .notReproduced)
        #expect(outcomes { $0[5]!.add(100, 50_000) }[3] == .notReproduced)
        var six = try paper().curves("fig6_digitised")
        six[3]!.add(100, 120_000)
        #expect(
            SaturationShapes.leaderAlone(six, everywhere: good).map(\.outcome) == [.notReproduced, .notReproduced])
    }

    @Test("a shape within noise is not tested, and flat curves are none")
    func noise() throws {
        func curves(_ rates: [Double], at reads: Double, share: Double) -> [Int: Curve] {
            var curves: [Int: Curve] = [:]
            for (servers, rate) in zip([3, 5, 7, 9, 13], rates) {
                curves[servers, default: Curve()].add(
                    reads, rate, interval: (rate * (1 - share), rate * (1 + share)))
            }
            return curves
        }
        func order(_ rates: [Double], share: Double) -> ShapeVerdict.Outcome {
            SaturationShapes.everywhere(curves(rates, at: 0, share: share), ownCpus: true)[0].outcome
        }
        // Equal within what rounds differ by: no order, neither way.
        #expect(order([1010, 1050, 1040, 1030, 1005], share: 0.15) == .notTested)
        #expect(order([1010, 1050, 1040, 1030, 1005], share: 0.01) == .notReproduced)
        #expect(order([2600, 2200, 1800, 1400, 1000], share: 0.15) == .reproduced)
        #expect(order([1400, 1300, 1200, 1100, 1000], share: 0.3) == .notTested)
        // One step that clearly goes the other way.
        #expect(order([2600, 2200, 1200, 1500, 1000], share: 0.02) == .notReproduced)
        // A single round has no range of its own: a tenth to both sides.
        #expect(order([1250, 1200, 1150, 1100, 1050], share: 0) == .notTested)

        func bend(_ middle: Double, share: Double) -> ShapeVerdict.Outcome {
            var curve = Curve()
            for (x, y) in [(0.0, 1000.0), (50, middle), (100, 3000)] {
                curve.add(x, y, interval: (y * (1 - share), y * (1 + share)))
            }
            return SaturationShapes.everywhere([3: curve], ownCpus: true)[2].outcome
        }
        #expect(bend(2000, share: 0.01) == .notReproduced)
        #expect(bend(2090, share: 0.01) == .notReproduced)
        #expect(bend(1850, share: 0.1) == .notTested)
        #expect(bend(1300, share: 0.1) == .reproduced)
    }

    @Test("clients on the leader are no limit where all servers together read no more")
    func flatCap() throws {
        let six = try paper().curves("fig6_digitised")
        let cap = SaturationShapes.leaderAlone(six, everywhere: six)
        #expect(cap[0].outcome == .notReproduced)
        #expect(SaturationShapes.leaderAlone(six, everywhere: [:]).map(\.outcome) == [.notTested, .notTested])
    }

    @Test("a shape is reproduced when all its parts are")
    func parts() {
        func judged(_ outcomes: [ShapeVerdict.Outcome]) -> ShapeVerdict.Outcome {
            JudgedShape(
                PaperShapes.all[0],
                outcomes.map { ExplainedVerdict(ShapeVerdict("a", paper: "b", measured: "c", $0)) }
            ).outcome
        }
        #expect(judged([.reproduced, .reproduced]) == .reproduced)
        #expect(judged([.reproduced, .notTested]) == .notTested)
        #expect(judged([.reproduced, .notTested, .notReproduced]) == .notReproduced)
        #expect(judged([]) == .notTested)
    }

    @Test("what a shared machine cannot show is not tested")
    func sharedMachine() throws {
        let outcomes = SaturationShapes.everywhere(try figure5(), ownCpus: false).map(\.outcome)
        #expect(outcomes == [.reproduced, .notTested, .reproduced, .notTested])
        #expect(SaturationShapes.everywhere([:], ownCpus: true).allSatisfy { $0.outcome == .notTested })
    }
}
