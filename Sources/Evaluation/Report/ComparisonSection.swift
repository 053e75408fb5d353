import Load

/// A table for each case and size: measures below each other, kinds of servers beside each other.
enum ComparisonSection {
    static func html(_ summary: any ComparisonReport) -> HTML {
        let rows = summary.rows
        guard !rows.isEmpty else { return "<p class=\"note\">No ensemble was measured to its end.</p>" }
        var places: [(name: String, servers: Int)] = []
        for row in rows where !places.contains(where: { $0 == (row.name, row.subject.servers) }) {
            places.append((row.name, row.subject.servers))
        }
        let isOneSize = Set(rows.map(\.subject.servers)).count == 1
        return places.map { place -> HTML in
            let own = rows.filter { $0.name == place.name && $0.subject.servers == place.servers }
            let size = isOneSize ? "" : ", \(serversText(place.servers))"
            let remarks = own.flatMap { row in row.remarks.map { "\(row.subject.kind.title): \($0)" } }
            let note: HTML = remarks.isEmpty ? "" : "<p class=\"note\">\(remarks.joined(separator: "; ")).</p>\n"
            return "\(table(own, caption: place.name.prefix(1).uppercased() + place.name.dropFirst() + size))\(note)"
        }.reduce(into: "") { $0 += $1 }
    }

    static func serversText(_ servers: Int) -> String { servers == 1 ? "1 server" : "\(servers) servers" }

    private static func table(_ rows: [ComparisonRow], caption: String) -> HTML {
        let hasRatio = rows.count == 2
        var table = ReportTable(
            caption, ["measure"] + rows.map(\.subject.kind.title) + (hasRatio ? ["better by"] : []))
        let measures = rows.max { $0.measures.count < $1.measures.count }?.measures ?? []
        for measure in measures {
            let estimates = rows.map { $0.estimate(measure.name) }
            let values = estimates.map { estimate -> HTML in
                estimate.map { ReportCell.html($0, paper: nil) } ?? "–"
            }
            let ratio = hasRatio ? [better(measure, rows, estimates)] : []
            table.add(["\(measure.title)"] + values + ratio)
        }
        return table.html
    }

    /// Which one is ahead, and how many times.
    private static func better(
        _ measure: ComparisonRow.Measure, _ rows: [ComparisonRow], _ estimates: [Estimate?]
    ) -> HTML {
        guard let direction = measure.better, let first = estimates[0]?.median, let second = estimates[1]?.median
        else { return "" }
        // Neither a difference below nothing nor a share of nothing is a ratio.
        guard first > 0, second > 0 else { return first == second ? "equal" : "" }
        let firstIsAhead = direction == .lower ? first < second : first > second
        let ratio = max(first, second) / min(first, second)
        if ratio < 1.005 { return "equal" }
        return "\(rows[firstIsAhead ? 0 : 1].subject.kind.title) × \(ReportNumber.text(ratio))"
    }
}
