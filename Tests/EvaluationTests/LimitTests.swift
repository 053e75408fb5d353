import Foundation
import Testing

@testable import Evaluation
@testable import Load

/// What experiments do where the machine does not permit what their files ask for.
@Suite("Refused limits", .serialized)
struct LimitTests {
    private func file(_ text: String) throws -> ExperimentFile {
        try ExperimentFile(text: text, path: "test.yaml", scale: .full)
    }

    private static let saturation = """
        title: Reads and writes
        kind: saturation
        servers: 3
        reads: [0, 100]
        connections: 6
        window: 8
        valueBytes: 64
        seconds: 0.3
        warmupSeconds: 0.2
        rounds: 1
        cpuPercent: 5
        network: {rateMegabits: 200}

        """

    @Test("a network is read from a file, and mistakes are named with their line")
    func files() throws {
        guard case .saturation(let plan) = try file(Self.saturation).body else { throw LoadError.usage("another kind") }
        #expect(plan.network == (try NetworkPlan(rateMegabits: 200)))
        let sweep = plan.plan(for: plan.subjects[0], round: 1)
        #expect(sweep.network == plan.network && sweep.budget == plan.budget)
        for (text, message) in [
            ("network: fast", "test.yaml:3: 'network' is a mapping"),
            ("network: {rateMegabits: 0}", "'rateMegabits' is a number of"),
            ("network: {burstKilobytes: 1}", "'burstKilobytes' is a whole number of 66"),
            ("network: {colour: blue}", "'colour' is no field"),
        ] {
            let error = #expect(throws: LoadError.self) { try file("title: x\nkind: saturation\n\(text)\n") }
            #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        }
        let cut = "title: x\nkind: failures\nseconds: 9\nnetwork: {}\nevents: [{at: 1, cut: leader, as: a}]\n"
        let error = #expect(throws: LoadError.self) { try file(cut) }
        #expect(error?.description.contains("cannot be cut off") == true)
    }

    @Test("what is switched off is left out of the plan and remembered; the rest stays")
    func settling() throws {
        var both = try file(Self.saturation)
        both.settleLimits(LimitChoice(usesBudgets: false, usesNetworks: false))
        guard case .saturation(let plan) = both.body else { throw LoadError.usage("another kind") }
        #expect(plan.budget == nil && plan.network == nil)
        let refused = try #require(both.refused)
        #expect(refused.budget?.percent == 5 && refused.network?.rateMegabits == 200)
        #expect(refused.sentences.count == 2 && refused.sentences[0].contains("--no-budgets"))
        #expect(LimitText(refused: refused, isDerived: true).text.contains("DERIVED from cost per operation for 5 %"))
        #expect(LimitText(refused: refused).text.contains("NO CPU BUDGETS here"))
        #expect(LimitText(refused: refused).text.hasSuffix("NO LINKS here"))
        let permitted = LimitText(budget: try CpuBudget(percent: 5), network: try NetworkPlan()).text
        #expect(permitted == "each server has 5 % of a CPU, a link of 1000 Mbit/s each way")

        var none = try file("title: x\nkind: broadcast\n")
        none.settleLimits(LimitChoice(usesBudgets: false, usesNetworks: false))
        #expect(none.refused == nil, "nothing was asked for")
        var creates = try file("title: x\nkind: creates\nnetwork: {}\n")
        creates.settleLimits(LimitChoice(usesNetworks: false))
        guard case .creates(let own) = creates.body else { throw LoadError.usage("another kind") }
        #expect(own.network == nil && creates.refused?.network != nil && creates.refused?.budget == nil)
        var failures = try file(
            "title: x\nkind: failures\nseconds: 9\ncpuPercent: 9\nevents: [{at: 1, kill: leader, as: a}]\n")
        failures.settleLimits(LimitChoice(usesBudgets: false))
        guard case .failures(let run) = failures.body else { throw LoadError.usage("another kind") }
        #expect(run.run.budget == nil && failures.refused?.budget?.percent == 9)
    }

    // MARK: Derived

    /// The same costs as under budgets of 4 %, at whatever rate the machine gave.
    private func shared(leaderOnly: Bool = false) throws -> SaturationSummary {
        var summary = try Synthetic.saturation(
            name: leaderOnly ? "figure-6" : "figure-5", leaderOnly: leaderOnly
        ) { servers, reads, _ in 9000 + 100 * Double(servers) + reads }
        summary.refused = RefusedLimits(budget: summary.plan.budget, budgetReason: "none is mounted")
        summary.plan.budget = nil
        summary.derived = SaturationSummary.derive(
            summary.subjects, refused: summary.refused, seed: summary.plan.seed)
        return summary
    }

    @Test("capacity is the budget over the cost of the role that an operation costs most")
    func derived() throws {
        let summary = try shared()
        let derived = try #require(summary.derived)
        #expect(derived.count == 30)
        for point in derived {
            let figure = try #require(
                summary.subjects.first { $0.subject == point.subject }?.figure(reads: point.readPercent))
            let costs = try #require(figure.roles).map { ($0.role, $0.cpuMicrosPerOperation.median) }
            let most = try #require(costs.max { $0.1 < $1.1 })
            #expect(abs(point.rate.perSecond.median - 40_000 / most.1) < 1)
            if costs.allSatisfy({ $0.0 == most.0 || $0.1 < most.1 }) { #expect(point.rate.role == most.0) }
        }
        let budget = try CpuBudget(percent: 4)
        #expect(DerivedRate(budget, runs: [], seed: 1) == nil)
        #expect(DerivedRate(budget, runs: [[]], seed: 1) == nil)
    }

    @Test("shapes are judged on what is derived, and say so; drawings, tables and the page do too")
    func report() throws {
        let (five, six) = (try shared(), try shared(leaderOnly: true))
        var broadcast = try Synthetic.broadcast()
        broadcast.refused = RefusedLimits(budget: broadcast.plan.budget, budgetReason: "none is mounted")
        broadcast.plan.budget = nil
        broadcast.subjects = broadcast.subjects.compactMap {
            .init($0.subject, runs: $0.runs, refused: broadcast.refused, seed: 1)
        }
        try Synthetic.withResults(["figure-5": five, "figure-6": six, "figure-7": broadcast]) { place in
            var writer = ReportWriter(
                output: "\(place)/results", plots: "\(place)/plots", root: Synthetic.root,
                paper: try PaperPoints.load(Synthetic.paperPath))
            writer.only = []
            let (path, shapes) = try writer.write(label: "made-up", progress: ProgressReporter(quiet: true))
            let html = try String(contentsOfFile: path, encoding: .utf8)
            // The measured curve is level: these shapes are in the costs alone.
            for shape in shapes.prefix(6) {
                #expect(shape.outcome == .reproduced, "\(shape.shape.title): \(shape.verdicts)")
                #expect(shape.verdicts.allSatisfy { $0.verdict.measured.contains("derived from cost per operation") })
            }
            #expect(html.contains("Not permitted on this machine") && html.contains("none is mounted"))
            #expect(html.contains("DERIVED from cost per operation for 4 % of a CPU each"))
            #expect(html.contains("capacity is derived from cost per operation"))
            let own = "\(place)/results/figure-5/made-up"
            let csv = try String(contentsOfFile: "\(own)/derived.csv", encoding: .utf8)
            #expect(csv.split(separator: "\n").count == 31)
            #expect(csv.split(separator: "\n").dropFirst().allSatisfy { $0.hasSuffix(DerivedRate.basis) })
            let variables = try String(contentsOfFile: "\(own)/plot.gp", encoding: .utf8)
            #expect(variables.contains("figures_file = \"derived.csv\"") && variables.contains("cpu_text = \"DERIVED"))
            let table = try String(contentsOfFile: "\(place)/results/figure-7/made-up/figures.csv", encoding: .utf8)
            #expect(table.contains("derived_per_s") && table.contains(DerivedRate.basis))
        }
    }

    @Test("a loss of servers says nothing where the others take their CPU time over")
    func failures() {
        var lost = FailureCourse.Event("1", at: 10, isFault: true, isOnLeader: false, end: 20)
        (lost.clientsOnIt, lost.clients, lost.connectionsLost) = (20, 100, 20)
        let samples = (0..<30).map { second in
            FailureCourse.Sample(seconds: Double(second), rate: (10..<20).contains(second) ? 80 : 100)
        }
        let course = FailureCourse(servers: 5, samples: samples, events: [lost])
        let refused = RefusedLimits(budget: try? CpuBudget(percent: 9))
        let (with, without) = (FailureShapes.verdicts(course), FailureShapes.verdicts(course, refused: refused))
        #expect(with[0].outcome == .reproduced)
        #expect(without[0].outcome == .notTested && without[0].measured.contains("without CPU budgets"))
        #expect(Array(with.dropFirst()) == Array(without.dropFirst()))
    }

    // MARK: Runs

    private func damage(_ path: String, _ changes: [(from: String, to: String)]) throws {
        func problems() throws -> [String] { try ResultCheck.problems(path: path, others: ExperimentCheck.schemas) }
        #expect(try problems() == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        for (from, to) in changes {
            #expect(good.contains(from), "\(from)")
            try good.replacing(from, with: to, maxReplacements: 1).write(
                toFile: path, atomically: true, encoding: .utf8)
            #expect(try problems() != [], "\(from)")
        }
    }

    @Test("without budgets an experiment goes on, and its result holds what is derived")
    func runWithoutBudgets() throws { try Project.onAnyMachine(runAndDamage) }

    private func runAndDamage() throws {
        let directory = try TemporaryDirectory()
        var file = try file(Self.saturation)
        file.settleLimits(LimitChoice(usesBudgets: false, usesNetworks: false))
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try SaturationRunner(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), directory: directory.path,
            paper: [:], resumes: false, progress: ProgressReporter(quiet: true)
        ).run(label: "one")
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.derived?.count == 2)
        #expect(summary.subjects[0].figures.allSatisfy { $0.runs.allSatisfy { $0.throttling == nil } })
        let text = try String(contentsOfFile: "\(directory.path)/summary.json", encoding: .utf8)
        #expect(text.contains("switched off with --no-budgets") && text.contains("switched off with --no-network"))
        try damage("\(directory.path)/summary.json", [
            ("\"role\" : \"", "\"role\" : \"observer\", \"was\" : \""),
            ("\"derived\" : [", "\"derived\" : [], \"was\" : ["),
        ])
    }

    static let permitsNetworks: Bool = {
        let reason = (try? NetworkPlan())?.refusal
        if let reason { print("experiments with networks are not tested here: \(reason)") }
        return reason == nil
    }()

    @Test("servers in networks are measured, and their networks go with them", .enabled(if: permitsNetworks))
    func runWithNetworks() throws {
        let directory = try TemporaryDirectory()
        var file = try file(
            """
            title: Creates
            kind: creates
            servers: [1, 3]
            workers: 2
            createsPerWorker: 30
            warmupCreates: 5
            valueBytes: 64
            rounds: 1
            network: {rateMegabits: 100}
            """)
        file.settleLimits(LimitChoice())
        #expect(file.refused == nil)
        guard case .creates(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try CreatesExperiment.run(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), paper: try Project.paper(),
            directory: directory.path, label: "one", progress: ProgressReporter(quiet: true))
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.descriptions["corral"]?.settings["clientPortAddress"]?.hasPrefix("10.") == true)
        #expect(summary.text.contains("a link of 100 Mbit/s each way"))
        let names = try FileManager.default.contentsOfDirectory(atPath: "/run/netns")
        #expect(!names.contains { $0.hasPrefix("corral-bench-\(getpid())-") })
    }
}
