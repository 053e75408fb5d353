/// A table of a report: a caption, a heading, and cells of text or of HTML.
struct ReportTable {
    var caption: String
    var heading: [String]
    /// The first cell of a row names it.
    var rows: [[HTML]] = []
    /// Columns from this one on are numbers.
    var numbersFrom = 1

    init(_ caption: String, _ heading: [String], numbersFrom: Int = 1) {
        self.caption = caption
        self.heading = heading
        self.numbersFrom = numbersFrom
    }

    mutating func add(_ cells: [HTML]) { rows.append(cells) }

    var html: HTML {
        guard !rows.isEmpty else { return "" }
        func attribute(_ column: Int) -> HTML { column >= numbersFrom ? " class=\"number\"" : "" }
        let head = heading.enumerated().map { index, text -> HTML in
            "<th scope=\"col\"\(attribute(index))>\(text)</th>"
        }
        let body = rows.map { row -> HTML in
            let cells = row.enumerated().map { index, cell -> HTML in
                index == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td\(attribute(index))>\(cell)</td>"
            }
            return "<tr>\(cells)</tr>\n"
        }
        return """
            <div class="table"><table><caption>\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)</tbody></table></div>

            """
    }

    /// A comma-separated file as it is; nil for one that has no lines or is long.
    static func ofCsv(_ text: String, caption: String, mostRows: Int = 60) -> ReportTable? {
        let lines = text.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let heading = lines.first, lines.count > 1, lines.count <= mostRows + 1 else { return nil }
        var table = ReportTable(caption, heading.map { $0.replacing("_", with: " ") })
        for line in lines.dropFirst() { table.add(line.map { "\($0)" }) }
        return table
    }
}

/// Numbers as a reader wants them: three digits that count.
enum ReportNumber {
    static func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let size = abs(value)
        if size >= 1000 { return grouped(Int(significant(value).rounded())) }
        if size >= 100 { return Decimal.text(value, 0) }
        if size >= 10 { return Decimal.text(value, 1) }
        return Decimal.text(value, 2)
    }

    /// Three significant digits.
    private static func significant(_ value: Double) -> Double {
        var step = 1.0
        while abs(value) / step >= 1000 { step *= 10 }
        return (value / step).rounded() * step
    }

    static func grouped(_ value: Int) -> String {
        var text = ""
        for (index, digit) in String(abs(value)).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text = "," + text }
            text = "\(digit)" + text
        }
        return (value < 0 ? "-" : "") + text
    }

    /// A quotient: small ones as one over their inverse.
    static func ratio(_ value: Double) -> String { value > 0 && value < 0.1 ? "1/\(text(1 / value))" : text(value) }

    static func percent(_ share: Double, _ places: Int = 0) -> String { Decimal.text(share * 100, places) + " %" }
}
