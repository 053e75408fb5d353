import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Experiment files")
struct ExperimentFileTests {
    private func plan(_ text: String, scale: Scale = .full) throws -> SaturationPlan {
        let file = try ExperimentFile(text: text, path: "some/figure.yaml", scale: scale, paper: try Project.paper())
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        return plan
    }

    @Test("a scale's fields win, and the other's do not count")
    func scales() throws {
        let text = """
            title: A figure
            kind: saturation
            servers: [3, 5]
            reads: [0, "2:1", 100]
            rounds: 4
            quick: {servers: [3], rounds: 1}
            """
        #expect(try plan(text).servers == [3, 5])
        #expect(try plan(text).rounds == 4)
        let quick = try plan(text, scale: .quick)
        #expect(quick.servers == [3] && quick.rounds == 1)
        #expect(quick.readPercents == [0, 100 * 2.0 / 3, 100])
    }

    @Test("subjects are every combination, in turns that come back")
    func order() throws {
        let plan = try plan(
            """
            title: A figure
            kind: saturation
            kinds: [corral, apache]
            servers: [1, 3]
            rounds: 2
            """)
        #expect(plan.subjects.map(\.name).sorted() == ["apache-1", "apache-3", "corral-1", "corral-3"])
        let names = plan.order.map(\.subject.name)
        #expect(names.count == 8 && Array(names[4...]) == names[..<4].reversed())
    }

    @Test(
        "a mistake is told with its line",
        arguments: [
            ("title: x\nkind: saturation\nreads: [101]\n", "some/figure.yaml:3: 'reads' lists percentages"),
            ("title: x\nkind: saturation\nreed: [1]\n", "some/figure.yaml:3: 'reed' is no field"),
            (
                "title: x\nkind: waltz\n",
                "some/figure.yaml:2: 'kind' is one of saturation, broadcast, failures, creates, barriers, "
            ),
            ("title: x\nkind: saturation\nservers: [14]\n", "some/figure.yaml:3: 'servers' lists whole numbers"),
            ("title: x\nkind: saturation\nkinds: [null]\n", "some/figure.yaml:3: 'kinds' lists"),
            ("title: x\nkind: saturation\ncpuPercent: 4\ncpuPeriodMillis: 5\n", "less than the millisecond"),
            ("title: x\nkind: saturation\ncpuPeriodMillis: 5\n", "'cpuPeriodMillis' needs cpuPercent"),
            ("title: x\nkind: saturation\nbins: 5\n", "some/figure.yaml:3: 'bins' needs 'faithful: true'"),
            ("kind: saturation\n", "'title' is missing"),
            ("title: [x\n", "no YAML"),
            (
                "title: x\nkind: saturation\nservers: [3]\nsettings: {forceSync: no}\n",
                "some/figure.yaml:4: 'settings' 'forceSync' cannot be given: --no-fsync does that"
            ),
            (
                "title: x\nkind: saturation\nservers: [3]\nsettings:\n  snapCount: 9\n  nosuchKey: 5\n",
                "some/figure.yaml:6: 'settings' knows no key 'nosuchKey'; it takes tickTime, "
            ),
            (
                "title: x\nkind: creates\nsettings: {globalOutstandingLimit: lots}\n",
                "some/figure.yaml:3: 'settings' 'globalOutstandingLimit' is a whole number of 1 to "
            ),
            (
                "title: x\nkind: barriers\nsettings: {clientPort: 5}\n",
                "some/figure.yaml:3: 'settings' 'clientPort' is set for each server"
            ),
            (
                "title: x\nkind: saturation\npaperPoints: [table1, nosuch]\n",
                "some/figure.yaml:3: 'paperPoints' names 'nosuch', which the paper's points do not have; "
            ),
            ("- x\n", "is a mapping"),
            ("title: x\nkind: saturation\nquick: 3\n", "some/figure.yaml:3: 'quick' is a mapping"),
            (
                "title: x\nkind: saturation\nservers: [1]\nsettings: {snapCount: 9}\nclients: leader\n",
                "need an ensemble"
            ),
        ])
    func mistakes(text: String, message: String) {
        let error = #expect(throws: LoadError.self) { try plan(text, scale: .quick) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test("one server has no settings of an ensemble")
    func settings() {
        let text = "title: x\nkind: saturation\nkinds: [corral, etcd]\nservers: [1, 3]\nreads: [0, 100]\n"
        #expect(throws: LoadError.self) { try plan(text + "settings: {globalOutstandingLimit: 2000}\n") }
        #expect(throws: LoadError.self) { try plan(text + "offeredRate: 500\n") }
    }

    @Test("every experiment of the project can be read at either scale")
    func ownFiles() throws {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Bench/experiments").path
        let names = ExperimentFile.names(directory)
        #expect(names.contains("figure-5") && names.contains("peers"))
        for name in names {
            for scale in Scale.allCases {
                _ = try ExperimentFile.load(name, directory: directory, scale: scale, paper: try Project.paper())
            }
        }
    }
}
