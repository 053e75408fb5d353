import Load

/// The machine, as recorded.
enum EnvironmentSection {
    /// Below a report's title: of the first experiment, with the commits of all.
    static func short(_ environments: [EnvironmentRecord], durability: String) -> HTML? {
        guard let environment = environments.first else { return nil }
        var commits: [String] = []
        for text in environments.map(commit) where !commits.contains(text) { commits.append(text) }
        return list([
            ("Machine", environment.machine), ("Memory", memory(environment)), ("Disk", disk(environment)),
            ("Durability", durability), ("Corral", commits.joined(separator: "; ")),
            ("Compiler", environment.compiler),
        ])
    }

    static func html(_ run: ReportedRun) -> HTML {
        var blocks: [HTML] = []
        var seen: [[String]] = []
        for experiment in run.experiments {
            guard let environment = experiment.heading?.environment else { continue }
            let items = all(environment)
            if seen.contains(items.map(\.1)) { continue }
            seen.append(items.map(\.1))
            blocks.append("<h3>\(experiment.name)</h3>\n\(list(items))")
        }
        let rest = Array(blocks.dropFirst())
        let folded: HTML =
            blocks.count < 2
            ? "\(blocks)" : "\(blocks[0])<details><summary>of the others</summary>\n\(rest)</details>\n"
        let names = run.otherResults.joined(separator: ", ")
        let others: HTML =
            names.isEmpty ? "" : "<p class=\"note\">Other results under this label: \(names).</p>"
        return """
            <section id="environment"><h2>Environment</h2>
            \(folded)
            \(others)
            </section>

            """
    }

    private static func all(_ environment: EnvironmentRecord) -> [(String, String)] {
        [
            ("Machine", environment.machine), ("Kernel", environment.kernel), ("Memory", memory(environment)),
            ("CPU governor", environment.governor), ("Clock", environment.clockSource),
            ("Huge pages", environment.transparentHugePages), ("File system", environment.dataDirectoryFileSystem),
            ("Disk", disk(environment)),
            (
                "Control group",
                environment.cgroup.sorted { $0.key < $1.key }.map { "\($0): \($1)" }.joined(separator: "; ")
            ),
            ("Open files", "\(environment.openFileLimit)"),
            ("TCP", environment.tcp.sorted { $0.key < $1.key }.map { "\($0): \($1)" }.joined(separator: "; ")),
            ("Corral", commit(environment)), ("Compiler", environment.compiler),
        ]
    }

    private static func list(_ items: [(String, String)]) -> HTML {
        "<dl>\n\(items.map { name, value -> HTML in "<dt>\(name)</dt><dd>\(value)</dd>\n" })</dl>\n"
    }

    private static func memory(_ environment: EnvironmentRecord) -> String {
        Decimal.text(Double(environment.memoryBytes) / 1_073_741_824, 1) + " GiB"
    }

    private static func commit(_ environment: EnvironmentRecord) -> String {
        "commit \(environment.commit.prefix(12))" + (environment.dirty ? ", with changes that are not committed" : "")
            + (environment.optimized ? "" : ", NOT OPTIMIZED")
    }

    private static func disk(_ environment: EnvironmentRecord) -> String {
        let words = environment.diskCalibration.map { disk in
            "fdatasync of \(disk.writeBytes / 1024) KB: \(Decimal.text(disk.fdatasyncP50Micros / 1000, 2)) ms median, "
                + "\(Decimal.text(disk.fdatasyncP99Micros / 1000, 2)) ms p99"
        }
        return words.isEmpty ? "not measured" : words.joined(separator: "; ")
    }
}
