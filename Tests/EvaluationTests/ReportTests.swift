import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Reports")
struct ReportTests {
    private let quiet = ProgressReporter(quiet: true)

    private func page(_ place: String) throws -> (html: String, shapes: [JudgedShape]) {
        let writer = ReportWriter(
            output: "\(place)/results", plots: "\(place)/plots", root: Synthetic.root,
            paper: try PaperPoints.load(Synthetic.paperPath))
        let (path, shapes) = try writer.write(label: "made-up", progress: quiet)
        #expect(path == "\(place)/results/report/made-up/report.html")
        return (try String(contentsOfFile: path, encoding: .utf8), shapes)
    }

    @Test("what is put into HTML is escaped, and HTML is not")
    func escaping() {
        let inner: HTML = "<b>\("a < b & \"c\" 'd'")</b>"
        #expect(inner.text == "<b>a &lt; b &amp; &quot;c&quot; &#39;d&#39;</b>")
        let outer: HTML = "<p title=\"\("\"><script>")\">\(inner)\([inner, inner])\(7)</p>"
        #expect(outer.text.hasPrefix("<p title=\"&quot;&gt;&lt;script&gt;\"><b>a &lt;"))
        #expect(outer.text.components(separatedBy: "<b>").count == 4 && outer.text.hasSuffix("7</p>"))
    }

    @Test("a page has a section for each experiment, every shape, its numbers, and nothing from elsewhere")
    func whole() throws {
        let files: [String: any Encodable] = [
            "figure-5": try Synthetic.saturation(),
            "figure-6": try Synthetic.saturation(name: "figure-6", leaderOnly: true),
            "figure-7": try Synthetic.broadcast(),
        ]
        try Synthetic.withResults(files) { place in
            let (html, shapes) = try page(place)
            for id in ["shapes", "trust", "figure-5", "figure-6", "figure-7", "prediction", "environment"] {
                #expect(html.contains("<section id=\"\(id)\">"), "\(id)")
            }
            #expect(shapes.map(\.shape.number) == Array(1...9))
            for shape in shapes {
                let expected: ShapeVerdict.Outcome = shape.shape.number <= 6 ? .reproduced : .notTested
                #expect(shape.outcome == expected, "\(shape)")
                #expect(html.contains("\(shape.shape.number). \(HTML.escaped(shape.shape.title))"))
            }
            #expect(html.contains("each server has 4 % of a CPU"))
            #expect(html.contains("460,000"), "Table 1 beside ours")
            #expect(html.contains("61,800"), "Figure 7 beside ours")
            #expect(html.contains("corral-bench experiment figure-5 --label &#39;made up&#39;"))
            #expect(html.contains("href=\"../../figure-5/made-up/summary.json\""))
            #expect(html.contains("Fast &amp; &lt;b&gt;Furious&lt;/b&gt;") && !html.contains("<b>Furious"))
            // Markup that was taken for text would show as this.
            #expect(!html.contains("&lt;p") && !html.contains("&lt;span") && !html.contains("&lt;li"))
            for word in ["<script", "<link", "src=", "@import", "@font-face"] {
                #expect(!html.contains(word), "\(word)")
            }
            #expect(!html.contains("INVALID") && !html.contains("PARTIAL"))
        }
    }

    @Test("an invalid, a partial and a missing result are shown as what they are, and an invalid one decides no shape")
    func invalid() throws {
        let files: [String: any Encodable] = [
            "figure-5": try Synthetic.saturation(status: .invalid, reasons: ["order <broken> in round 2"]),
            "figure-6": try Synthetic.saturation(name: "figure-6", leaderOnly: true, status: .partial),
        ]
        try Synthetic.withResults(files) { place in
            try ResultFiles.makeDirectory("\(place)/results/figure-7/made-up")
            let (html, shapes) = try page(place)
            #expect(html.contains("INVALID") && html.contains("order &lt;broken&gt; in round 2"))
            #expect(html.contains("PARTIAL") && html.contains("No result: there is no summary.json"))
            #expect(html.contains("Not everything here is a valid result"))
            #expect(shapes.prefix(4).allSatisfy { $0.outcome == .notTested })
            #expect(shapes[0].verdicts.first?.explanation?.contains("invalid") == true)
            #expect(!html.contains("<section id=\"prediction\">"), "nothing follows from an invalid result")
        }
    }

    @Test("a point with too little traffic makes the result invalid, whatever its file says")
    func silent() throws {
        let summary = try Synthetic.saturation { servers, reads, rate in servers == 9 && reads == 0 ? 95 : rate }
        let experiment = try experiment(summary)
        #expect(experiment.status == .invalid)
        #expect(experiment.heading?.statusReasons?.first?.contains("too little traffic, 94 answers") == true)
    }

    @Test("a shape that is missing is said to be, with a reason")
    func notReproduced() throws {
        let summary = try Synthetic.saturation { servers, reads, rate in
            servers == 13 && reads == 100 ? rate / 10 : rate
        }
        let run = ReportedRun(label: "made-up", experiments: [try experiment(summary)])
        let shapes = RunShapes(run).judged
        #expect(shapes[1].outcome == .notReproduced)
        #expect(shapes[1].verdicts[0].explanation?.contains("13 servers at 100 % reads (10 %)") == true)
        #expect(shapes[0].outcome == .reproduced)
    }

    private func experiment(_ summary: SaturationSummary) throws -> ReportedExperiment {
        var found: ReportedExperiment?
        try Synthetic.withResults([summary.experiment: summary]) { place in
            found = ReportedExperiment(
                name: summary.experiment, directory: "\(place)/results/\(summary.experiment)/made-up")
        }
        return try #require(found)
    }

    @Test("a kind that the report does not know shows its tables and its own verdicts")
    func otherKinds() throws {
        struct Other: Encodable {
            var schema = "corral-bench/waltz"
            var experiment = "table-2"
            var title = "Creates"
            var label = "made-up"
            var status = "valid"
            var subjects = [[
                "shapes": [ShapeVerdict("creates grow", paper: "2.1 times", measured: "2.3 times", holds: true)]
            ]]
        }
        try Synthetic.withResults(["table-2": Other(), "figure-5": try Synthetic.saturation()]) { place in
            try ResultFiles.write("workers,per_s\n1,776\n", to: "\(place)/results/table-2/made-up/creates.csv")
            let (html, shapes) = try page(place)
            #expect(html.contains("<section id=\"table-2\">") && html.contains("776") && html.contains("2.3 times"))
            #expect(shapes[7].outcome == .reproduced)
        }
    }

    @Test("what speaks against figures is in the certificate")
    func certificate() throws {
        var summary = try Synthetic.saturation()
        let clean = try #require(TrustCertificate(try experiment(summary)))
        #expect(clean.grade == .good && clean.doubts.isEmpty && clean.rounds == 2 && clean.points == 30)
        let plan = summary.plan
        summary.subjects[0].figures[0] = try Synthetic.figure(
            servers: 3, reads: 0, rates: [1000, 2000], leader: 1, follower: 1, generatorBound: true, plan: plan)
        summary.environment.loadAverage = "\(2 * summary.environment.cpuCount).0 1 1 1/1 1"
        let doubtful = try #require(TrustCertificate(try experiment(summary)))
        #expect(doubtful.grade == .fair && doubtful.doubts.count == 3, "\(doubtful.doubts)")
        summary.environment.loadAverage = "99.0 1 1 1/1 1"
        #expect(TrustCertificate(try experiment(summary))?.grade == .poor)
        summary.environment.loadAverage = "0.1 1 1 1/1 1"
        summary.status = .partial
        #expect(TrustCertificate(try experiment(summary))?.grade == .poor)
    }

    @Test("what check-result refuses is shown as invalid, with what is wrong, and decides no shape")
    func judged() throws {
        let creates = try Synthetic.creates()
        var faster = creates
        faster.rows = creates.rows.map { row in
            var runs = row.runs
            for index in runs.indices { runs[index].createsPerSecond *= 10 }
            return CreatesSummary.Row(
                row.subject, workers: row.workers, runs: runs, paper: row.paperPerSecond, seed: creates.plan.seed)!
        }
        for (summary, isValid) in [(creates, true), (faster, false)] {
            let files: [String: any Encodable] = ["table-2": summary, "figure-5": try Synthetic.saturation()]
            try Synthetic.withResults(files) { place in
                let own = "\(place)/results/table-2/made-up"
                try ResultFiles.write(summary.csv, to: "\(own)/figures.csv")
                try ResultFiles.write(summary.text, to: "\(own)/report.txt")
                try ResultFiles.write(NamedLatencies.log(summary.latencies), to: "\(own)/latencies.hlog")
                var writer = ReportWriter(
                    output: "\(place)/results", plots: "\(place)/plots", root: Synthetic.root,
                    paper: try PaperPoints.load(Synthetic.paperPath))
                writer.judges = true
                let (path, shapes) = try writer.write(label: "made-up", progress: quiet)
                let html = try String(contentsOfFile: path, encoding: .utf8)
                #expect(html.contains("the rate is not creates over the window") == !isValid)
                #expect((shapes[7].outcome == .notTested) == !isValid, "\(shapes[7])")
                // Its rounds are not there.
                #expect(html.contains("INVALID") && html.contains("corral-3, round 1: cannot read"))
                #expect(shapes[0].outcome == .notTested)
            }
        }
    }

    @Test("a result lies where its names say, and is of the scale whose plan it has")
    func places() throws {
        let summary = try Synthetic.creates()
        try Synthetic.withResults(["table-2": summary, "table-3": summary]) { place in
            #expect(ResultPlace.problems("\(place)/results/table-2/made-up/summary.json") == [])
            #expect(
                ResultPlace.problems("\(place)/results/table-3/made-up/summary.json")
                    == ["lies in table-3/made-up, and says it is table-2/made-up"])
        }
        let experiments = "\(Project.directory)/Bench/experiments"
        var saturation = try Synthetic.saturation()
        let file = try ExperimentFile.load("figure-5", directory: experiments, scale: .quick)
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        saturation.plan = plan
        for scale in Scale.allCases {
            saturation.scale = scale
            try Synthetic.withResults(["figure-5": saturation]) { place in
                let path = "\(place)/results/figure-5/made-up/summary.json"
                let expected = scale == .quick ? [] : ["scale is full, and the plan that of scale quick"]
                #expect(ResultPlace.scaleProblems(path, directory: experiments) == expected)
                #expect(ResultPlace.scaleProblems(path, directory: place) == [], "no file to compare with")
            }
        }
    }

    @Test("links lead from the page to the results")
    func links() {
        #expect(ReportWriter.link(from: "Results/report/x/report.html", to: "Results") == "../..")
        #expect(ReportWriter.link(from: "report.html", to: "Results") == "Results")
        #expect(ReportWriter.link(from: "/a/b/c.html", to: "/d") == "../../d")
    }

    @Test("a label without experiments is refused")
    func nothing() throws {
        try Synthetic.withResults([:]) { place in
            #expect(throws: LoadError.self) { try page(place) }
        }
    }
}
