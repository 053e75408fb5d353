import Load

/// What the suite predicts, and how far it is off where it was measured.
enum PredictionSection {
    static func html(_ prediction: Prediction, drawings: [HTML]) -> HTML {
        var errors = ReportTable(
            "Predicted over measured, on the run that costs are from"
                + (prediction.simulated == nil ? "" : "; below each, the simulator's"),
            ["reads"] + sizes(prediction.errors).map { "\($0) servers" })
        for share in Set(prediction.errors.map(\.readPercent)).sorted() {
            let cells = sizes(prediction.errors).map { servers -> HTML in
                guard let error = prediction.errors.first(where: { $0.servers == servers && $0.readPercent == share })
                else { return "–" }
                let simulated = prediction.simulated?.check(error).map { check -> HTML in
                    "<span class=\"simulated\">\(Decimal.text(check.ratio, 2))</span>"
                }
                return "\(Decimal.text(error.ratio, 2))\(simulated ?? "")"
            }
            errors.add(["\(NumberFormat.short(share.rounded())) %"] + cells)
        }
        var costs = ReportTable("Costs by role, µs of CPU", ["what"] + prediction.sizes.map { "\($0) servers" })
        for (name, line) in [
            ("a write, the leader", prediction.costs.leaderWrite),
            ("a write, each follower", prediction.costs.followerWrite), ("a read, its server", prediction.costs.read),
        ] {
            costs.add(["\(name)"] + prediction.sizes.map { "\(Decimal.text(line.value($0), 2))" })
        }
        let warning: HTML =
            prediction.sourceStatus == .valid
            ? "" : "<p class=\"banner bad\">Its source is \(prediction.sourceStatus.rawValue).</p>"
        return """
            <section id="prediction"><h2>Prediction for other hardware</h2>
            \(warning)
            <p>From what an operation costs each role in <code>\(prediction.source)</code>: an ensemble is as fast as
            the first of its servers without CPU time left,
            its leader's link, or its disk lets it be. Hardware asked about:
            \(prediction.hardware.text). Other hardware: <code>corral-bench predict --from … --cpus … --speed …
            --network … --fsync …</code>.</p>
            <p><strong>\(check(prediction))</strong></p>
            \(drawings)
            \(errors.html)
            \(costs.html)
            \(curves(prediction).html)
            \(simulation(prediction))
            </section>

            """
    }

    private static func sizes(_ errors: [PredictionError]) -> [Int] { Set(errors.map(\.servers)).sorted() }

    private static func simulation(_ prediction: Prediction) -> HTML {
        guard let simulated = prediction.simulated else {
            return "<p class=\"note\">There is no prediction from the simulator here.</p>"
        }
        var table = ReportTable(
            "Operations per second from the simulator", ["reads"] + prediction.sizes.map { "\($0) servers" })
        for share in Set(simulated.points.map(\.readPercent)).sorted() {
            let cells = prediction.sizes.map { servers -> HTML in
                let point = simulated.points.first { $0.servers == servers && $0.readPercent == share }
                return "\(point.map { ReportNumber.text($0.operationsPerSecond) } ?? "–")"
            }
            table.add(["\(NumberFormat.short(share)) %"] + cells)
        }
        return """
            <p>The simulator runs the servers' own code in virtual time: elections, batches, acknowledgements and
            commits are real, and each server is busy for as long as a read, a write led or a write followed
            was measured to cost; links carry so many bytes a second out of each server, and a disk takes
            its time for each batch. About \(simulated.question.outstanding) requests are outstanding.</p>
            \(table.html)
            """
    }

    private static func check(_ prediction: Prediction) -> String {
        guard let typical = prediction.typicalError, let worst = prediction.worstError else {
            return "Not checked: the run had no CPU budgets, and without them there is nothing to check it against."
        }
        let simulator =
            prediction.simulated?.typicalError.map {
                "The simulator, with the same costs, is off by \(ReportNumber.percent($0 - 1)). "
            } ?? ""
        return "On the run itself, at \(prediction.checks.count) points, the prediction is off by "
            + "\(ReportNumber.percent(typical - 1)) (geometric mean); the worst is \(worst.servers) servers at "
            + "\(NumberFormat.short(worst.readPercent.rounded())) % reads, predicted over measured "
            + "\(Decimal.text(worst.ratio, 2)). \(simulator)"
            + "The ends (0 and 100 % reads) gave the costs; the rest tests them."
    }

    private static func curves(_ prediction: Prediction) -> ReportTable {
        var table = ReportTable(
            "Predicted operations per second; below each, what sets it",
            ["reads"] + prediction.sizes.map { "\($0) servers" })
        for share in [0.0, 25, 50, 75, 90, 100] {
            let cells = prediction.sizes.map { servers -> HTML in
                guard let point = prediction.points.first(where: { $0.servers == servers && $0.readPercent == share })
                else { return "–" }
                let rate = ReportNumber.text(point.prediction.operationsPerSecond)
                return "\(rate)<span class=\"interval\">\(point.prediction.limit.short)</span>"
            }
            table.add(["\(Int(share)) %"] + cells)
        }
        return table
    }
}
