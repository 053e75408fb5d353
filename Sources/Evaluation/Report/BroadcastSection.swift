import Load

/// Figure 7, and Zab's own figures.
enum BroadcastSection {
    /// - Parameter paper: the paper's own, of one way to keep logs where several are compared.
    static func html(_ summary: BroadcastSummary, paper: (BroadcastLog?) -> [PaperBroadcast]) -> HTML {
        let logs: [BroadcastLog?] = summary.plan.logs.map { $0.map { $0 } } ?? [nil]
        let tables = summary.payloads.flatMap { bytes in
            logs.map { log in table(summary, bytes: bytes, log: log, paper: paper(log)) }
        }
        let load: HTML =
            summary.plan.isLatency == true
            ? "one after another, so that there is no queue" : "\(summary.plan.outstanding) outstanding"
        let rounds = summary.plan.rounds == 1 ? "one round" : "\(summary.plan.rounds) rounds"
        return """
            <p>Transactions are made inside the leader, \(load); no client is connected.
            \(durability(summary.plan))
            Measured in \(rounds) of \(NumberFormat.short(summary.plan.seconds)) s.</p>
            \(tables.isEmpty ? ["<p class=\"note\">No ensemble was measured to its end.</p>"] : tables)
            """
    }

    private static func durability(_ plan: BroadcastExperimentPlan) -> HTML {
        guard let logs = plan.logs else {
            return plan.durable
                ? "Acknowledged when they are on disk." : "Acknowledged before they are on disk."
        }
        let items = logs.map { log -> HTML in "<li><strong>\(log.title).</strong> \(log.explanation).</li>" }
        return "What is switched off in each row of figures:</p><ul>\(items)</ul><p>"
    }

    private static func table(
        _ summary: BroadcastSummary, bytes: Int, log: BroadcastLog?, paper: [PaperBroadcast]
    ) -> HTML {
        let isLatency = summary.plan.isLatency == true
        let unit = isLatency ? "milliseconds until a transaction is applied" : "transactions per second"
        let hasBars = paper.isEmpty || paper.contains { $0.minimum != nil }
        var table = ReportTable(
            "\(log.map { "\($0.title). " } ?? "")\(bytes) bytes of data a transaction: \(unit); "
                + summary.limitText,
            [
                "servers", "mean", isLatency ? "fastest half second" : "slowest half second",
                isLatency ? "slowest half second" : "fastest half second", "the paper's mean",
            ] + (hasBars ? ["its least", "its most"] : []) + ["CPU of all servers, µs", "of the leader, µs"]
                + (summary.isDerived ? ["derived for a CPU budget, a second"] : []))
        for result in summary.subjects where result.subject.bytes == bytes && result.subject.log == log {
            let own = paper.first { $0.servers == result.subject.servers }
            func printed(_ value: Double?) -> HTML { "\(value.map(ReportNumber.text) ?? "–")" }
            let slow = result.minimumPerSecond
            let fast = result.maximumPerSecond
            let figures: [HTML] =
                isLatency
                ? [
                    "\(ReportNumber.text(result.meanMillis.median))", printed(result.leastMillis),
                    printed(result.mostMillis),
                ]
                : [
                    "\(ReportNumber.text(result.throughputPerSecond.median))", "\(ReportNumber.text(slow))",
                    "\(ReportNumber.text(fast))",
                ]
            table.add(
                ["\(result.subject.servers)"] + figures + [printed(own?.mean)]
                    + (hasBars ? [printed(own?.minimum), printed(own?.maximum)] : []) + [
                    "\(Decimal.text(result.cpuMicrosPerTransaction.median, 2))",
                    "\(Decimal.text(result.leaderCpuMicrosPerTransaction.median, 2))",
                ] + (summary.isDerived ? [printed(result.derived?.perSecond.median)] : []))
        }
        return table.html
    }
}

extension BroadcastLog {
    /// Beside what the paper's row was.
    var explanation: String {
        switch self {
        case .memory:
            "The log is a file in memory (/dev/shm) and forceSync=no, so no disk is touched, but transactions are "
                + "still laid out and copied for it; the paper's servers wrote no log here"
        case .cached:
            "The log is on the disk's file system and forceSync=no, so the kernel writes it back when it likes and a "
                + "power failure would lose it; the paper's servers forced logs to a disk whose own cache answered"
        case .forced:
            "Nothing is off: every batch is on the disk (as far as the disk tells) before it is acknowledged; the "
                + "paper's disk had its own cache switched off, this one's is as the machine has it"
        }
    }
}
