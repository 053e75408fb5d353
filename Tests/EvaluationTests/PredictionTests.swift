import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Predictions")
struct PredictionTests {
    private func line(_ points: (Int, Double)...) throws -> RoleCosts.Line {
        try #require(RoleCosts.Line(points.map { ($0.0, $0.1) }))
    }

    private func model(_ hardware: Hardware) throws -> CapacityModel {
        CapacityModel(
            costs: RoleCosts(
                leaderWrite: try line((3, 2), (5, 2.4), (7, 2.8)), followerWrite: try line((3, 1.3)),
                read: try line((3, 0.2), (13, 0.2))),
            hardware: hardware, valueBytes: 1024, outstanding: 25_000)
    }

    @Test("lines go through what was measured")
    func lines() throws {
        let line = try line((3, 2), (5, 2.4), (7, 2.8))
        #expect(abs(line.value(5) - 2.4) < 1e-9 && abs(line.value(13) - 4) < 1e-9)
        #expect(try self.line((3, 1.3)).value(9) == 1.3)
        #expect(RoleCosts.Line([]) == nil)
    }

    @Test("without reads the leader's CPU decides, with reads alone every server's")
    func cpu() throws {
        let model = try model(try Hardware(cpus: 0.04, networkMegabits: 100_000))
        let writes = model.prediction(servers: 3, readPercent: 0)
        #expect(writes.limit == .leaderCpu && abs(writes.operationsPerSecond - 20_000) < 1)
        let reads = model.prediction(servers: 3, readPercent: 100)
        #expect(abs(reads.operationsPerSecond - 3 * 200_000) < 1)
        #expect(abs(model.prediction(servers: 13, readPercent: 100).operationsPerSecond - 13 * 200_000) < 1)
    }

    @Test("a leader's link and a slow disk are limits of their own")
    func others() throws {
        let network = try model(try Hardware(cpus: 8, networkMegabits: 1000, fsyncMillis: 0))
        let writes = network.prediction(servers: 5, readPercent: 0)
        #expect(writes.limit == .network && abs(writes.operationsPerSecond - 125e6 / (4 * 1144)) < 1)
        let disk = try model(try Hardware(cpus: 8, networkMegabits: 100_000, fsyncMillis: 1000))
        #expect(disk.prediction(servers: 3, readPercent: 0).limit == .disk)
        #expect(disk.prediction(servers: 3, readPercent: 100).limit != .disk)
        // Writes have one order, whatever the number of CPUs; reads do not.
        let one = try model(try Hardware(cpus: 1, networkMegabits: 1_000_000, fsyncMillis: 0))
        let many = try model(try Hardware(cpus: 64, networkMegabits: 1_000_000, fsyncMillis: 0))
        let rate = { (model: CapacityModel, reads: Double) in
            model.prediction(servers: 3, readPercent: reads).operationsPerSecond
        }
        #expect(abs(rate(many, 0) / rate(one, 0) - 1) < 1e-9 && rate(many, 100) > 10 * rate(one, 100))
    }

    @Test("what predicts has the shapes of the paper's figure")
    func shapes() throws {
        let model = try model(try Hardware(cpus: 0.04, networkMegabits: 1000))
        var curves: [Int: Curve] = [:]
        for servers in [3, 5, 7, 9, 13] {
            curves[servers] = model.curve(servers: servers, readPercents: [0, 25, 50, 75, 90, 95, 98, 100])
        }
        for verdict in SaturationShapes.everywhere(curves, ownCpus: true) {
            #expect(verdict.outcome == .reproduced, "\(verdict)")
        }
    }

    @Test("hardware that is none is refused")
    func refusals() {
        #expect(throws: LoadError.self) { try Hardware(cpus: 0) }
        #expect(throws: LoadError.self) { try Hardware(speed: .nan) }
        #expect(throws: LoadError.self) { try Hardware(networkMegabits: -1) }
        #expect(throws: LoadError.self) { try Hardware(fsyncMillis: .infinity) }
    }
}

@Suite("Predictions from a run")
struct RunPredictionTests {
    @Test("a prediction from a run is checked against that run, and made for other hardware")
    func check() throws {
        let summary = try Synthetic.saturation()
        let hardware = try Hardware(cpus: 0.08, networkMegabits: 1_000_000, fsyncMillis: 0)
        let prediction = try Prediction(summary, source: "figure-5/made-up", hardware: hardware, label: "made-up")
        #expect(prediction.errors.count == 30 && prediction.measuredHardware.cpus == 0.04)
        // Between the ends, from which its costs are, it must find what the rule that made the numbers gave.
        #expect(try #require(prediction.typicalError) < 1.02)
        let writes = prediction.points.first { $0.servers == 3 && $0.readPercent == 0 }
        #expect(abs(try #require(writes).prediction.operationsPerSecond - 80_000 / 8.1) < 100)
        let text = PredictionFiles.text(prediction)
        #expect(text.contains("3 servers, 50 % reads: predicted") && text.contains("[leader]"))
    }

    @Test("a run that is off shows as an error")
    func errors() throws {
        let summary = try Synthetic.saturation { _, reads, rate in reads == 50 ? rate / 2 : rate }
        let prediction = try Prediction(
            summary, source: "x", hardware: try Hardware(fsyncMillis: 0), label: "made-up")
        let worst = try #require(prediction.worstError)
        #expect(worst.readPercent == 50 && abs(worst.ratio - 2) < 0.05)
    }

    @Test("a prediction is made again, from its source where that is there")
    func checked() throws {
        let source = try Synthetic.saturation()
        try Synthetic.withResults(["figure-5": source]) { place in
            let directory = "\(place)/results/prediction/made-up"
            let path = "\(directory)/summary.json"
            let good = try Prediction(
                source, source: "figure-5/made-up", hardware: try Hardware(fsyncMillis: 1), label: "made-up")
            try PredictionFiles.write(good, paper: [:], machine: "", directory: directory)
            func problems() throws -> [String] {
                try ResultCheck.problems(path: path, others: ExperimentCheck.schemas)
            }
            #expect(try problems() == [])
            let changes: [(finds: String, (inout Prediction) -> Void)] = [
                ("the curve is not the model's", { $0.points[3].prediction.operationsPerSecond *= 2 }),
                ("the check is not the model's", { $0.errors[3].predicted.operationsPerSecond *= 2 }),
                ("the checks are not those of", { $0.errors[3].measuredPerSecond *= 2 }),
                ("the costs are not those of", { $0.costs.leaderWrite.constant *= 2 }),
                ("the hardware and load are not those of", { $0.measuredHardware.cpus *= 2 }),
                ("the sizes are not those of", { $0.points.removeLast() }),
                ("checks, by a run without budgets", { $0.isBudgeted = false }),
                ("its source is partial", { $0.sourceStatus = .partial }),
                ("is no result to predict from", { $0.source = "prediction/made-up" }),
                ("schema version", { $0.schemaVersion = 7 }),
            ]
            for (text, change) in changes {
                var bad = good
                change(&bad)
                try ResultFiles.write(try ResultFiles.json(bad), to: path)
                let found = try problems()
                #expect(found.contains { $0.contains(text) }, "\(text): \(found)")
            }
            try ResultFiles.write(try ResultFiles.json(good), to: path)
            try ResultFiles.write("", to: "\(directory)/check.csv")
            #expect(try problems() == ["check.csv is not what the summary says"])
            try FileManager.default.removeItem(atPath: "\(directory)/check.csv")
            #expect(try problems() == ["check.csv is missing"])
        }
    }
}
