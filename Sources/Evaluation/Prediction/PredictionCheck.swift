import Foundation
import Load

extension ExperimentCheck {
    /// A prediction again: the model's curves from its costs, and all of it from the experiment it is from, where that
    /// lies beside it.
    static func problems(_ prediction: Prediction, directory: String) -> [String] {
        var problems: [String] = []
        if prediction.sourceStatus != .valid { problems.append("its source is \(prediction.sourceStatus.rawValue)") }
        let model = CapacityModel(
            costs: prediction.costs, hardware: prediction.hardware, valueBytes: prediction.valueBytes,
            outstanding: prediction.outstanding)
        for point in prediction.points
        where model.prediction(servers: point.servers, readPercent: point.readPercent) != point.prediction {
            problems.append("\(place(point.servers, point.readPercent)): the curve is not the model's")
        }
        if prediction.points.isEmpty { problems.append("nothing is predicted") }
        if prediction.isBudgeted == prediction.errors.isEmpty {
            let budgets = prediction.isBudgeted ? "with" : "without"
            problems.append("\(prediction.errors.count) checks, by a run \(budgets) budgets")
        }
        let own = CapacityModel(
            costs: prediction.costs, hardware: prediction.measuredHardware, valueBytes: prediction.valueBytes,
            outstanding: prediction.outstanding)
        for error in prediction.errors
        where own.prediction(servers: error.servers, readPercent: error.readPercent) != error.predicted {
            problems.append("\(place(error.servers, error.readPercent)): the check is not the model's")
        }
        if let simulated = prediction.simulated { problems += check(simulated, of: prediction) }
        problems += source(prediction, directory: directory)
        return problems + ResultCheck.differences(PredictionFiles.tables(prediction), directory: directory)
    }

    private static func place(_ servers: Int, _ reads: Double) -> String {
        "\(servers) servers, \(NumberFormat.short(reads)) % reads"
    }

    /// The simulator must have been asked about the same costs and hardware, and be held against the same figures.
    private static func check(_ simulated: SimulatedPrediction, of prediction: Prediction) -> [String] {
        var problems: [String] = []
        let question = simulated.question
        if question.costs != prediction.costs || question.hardware != prediction.hardware
            || question.measured != prediction.measuredHardware || question.valueBytes != prediction.valueBytes
        {
            problems.append("the simulator was asked something else")
        }
        let places = simulated.points.map { point in
            SimulatedPrediction.Place(servers: point.servers, readPercent: point.readPercent)
        }
        if places != question.places { problems.append("the simulator's points are not those asked for") }
        for check in simulated.checks {
            let error = prediction.errors.first {
                $0.servers == check.servers && $0.readPercent == check.readPercent
            }
            if error?.measuredPerSecond != check.measuredPerSecond {
                problems.append(
                    "\(place(check.servers, check.readPercent)): the simulator is held against another figure")
            }
        }
        return problems
    }

    private static func source(_ prediction: Prediction, directory: String) -> [String] {
        let path = "\(directory)/../../\(prediction.source)/summary.json"
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        guard let summary = try? JSONDecoder().decode(SaturationSummary.self, from: data),
            let again = try? Prediction(
                summary, source: prediction.source, hardware: prediction.hardware, label: prediction.label)
        else { return ["\(prediction.source), which it is from, is no result to predict from"] }
        var problems: [String] = []
        if again.costs != prediction.costs { problems.append("the costs are not those of \(prediction.source)") }
        if again.measuredHardware != prediction.measuredHardware || again.isBudgeted != prediction.isBudgeted
            || again.valueBytes != prediction.valueBytes || again.outstanding != prediction.outstanding
        {
            problems.append("the hardware and load are not those of \(prediction.source)")
        }
        if again.errors != prediction.errors { problems.append("the checks are not those of \(prediction.source)") }
        if again.points.map(\.servers) != prediction.points.map(\.servers) {
            problems.append("the sizes are not those of \(prediction.source)")
        }
        return problems
    }
}
