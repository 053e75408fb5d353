import ArgumentParser
import Foundation
import Load
import Simulation

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server's core in virtual time, with faults, and checks everything it does.",
        discussion: """
            Each seed is an ensemble with clients, a network, disks and clocks of its own, all of which the seed \
            decides, and is the same run every time. A failing seed prints the command that runs it again.

            Several seeds leave summary.json and report.txt under OUTPUT/simulation/LABEL. Exit codes: 0 nothing \
            wrong, 1 a property was broken, 130 interrupted (the result is written and marked partial), 64 wrong usage.
            """)

    @Option(help: "How many seeds to run.")
    var seeds: Int?
    @Option(help: "The first seed. Alone, or with --trace: the only one.")
    var seed: UInt64?
    @Option(help: "Begin no new seed after this many minutes.")
    var minutes: Double?
    @Option(help: "Servers of the ensemble (1 for a server without one); by default each seed decides.")
    var servers: Int?
    @Option(help: "A known mistake to make, by name; 'list' lists them.")
    var mutation: String?
    @Flag(
        help: """
            Look for every known mistake, and write the table of how many seeds it took: simulation/mutations.md below \
            the output directory. With --mutation only that row is renewed.
            """)
    var mutations = false
    @Option(help: "With --mutations: starting points to take the median over.")
    var repeats = 3
    @Flag(help: "Print everything that happens.")
    var trace = false
    @Option(help: "Processes that run seeds.")
    var jobs = 1
    @OptionGroup var outputArguments: OutputArguments

    @Flag(help: .hidden) var worker = false
    @Option(help: .hidden) var stride: UInt64 = 1

    mutating func run() throws {
        if mutation == "list" {
            for known in Mutation.all { print("\(known.name): \(known.summary)") }
            return
        }
        var options = SimulationOptions(servers: servers)
        if let mutation {
            guard let known = Mutation(name: mutation) else {
                throw ValidationError("'\(mutation)' is no known mistake; --mutation list names them")
            }
            options.mutation = known
        }
        if let servers, !(1...13).contains(servers) { throw ValidationError("--servers: 1 to 13") }
        if let seeds, seeds < 1 { throw ValidationError("--seeds: at least 1, not \(seeds)") }
        if let minutes, !(minutes > 0 && minutes.isFinite) { throw ValidationError("--minutes: more than 0") }
        if !(1...256).contains(jobs) { throw ValidationError("--jobs: 1 to 256, not \(jobs)") }
        if !(1...100).contains(repeats) { throw ValidationError("--repeats: 1 to 100, not \(repeats)") }
        if worker {
            SeedWorker(first: seed ?? 1, count: seeds ?? 1, stride: stride, options: options).run()
            return
        }
        if trace {
            options.trace = { print($0) }
            let result = SimulationRun(seed: seed ?? 1, options: options).run()
            if result.violation != nil { throw ExitCode.failure }
            return
        }
        if mutations { try findMutations() } else { try campaign() }
    }

    private func settings(first: UInt64, seeds: Int, mutation: String?) -> Campaign.Settings {
        var settings = Campaign.Settings()
        settings.first = first
        settings.seeds = seeds
        settings.jobs = max(1, jobs)
        settings.limitSeconds = minutes.map { $0 * 60 }
        settings.executable = Bundle.main.executablePath ?? CommandLine.arguments[0]
        if let servers { settings.workerArguments += ["--servers", String(servers)] }
        if let mutation { settings.workerArguments += ["--mutation", mutation] }
        return settings
    }

    private func campaign() throws {
        let count = seeds ?? (seed == nil ? 100 : 1)
        Interrupt.install()
        var settings = settings(first: seed ?? 1, seeds: count, mutation: mutation)
        settings.isCancelled = { Interrupt.isRequested }
        var done = 0
        var next = Date().addingTimeInterval(10)
        let start = Date()
        let startedAt = ResultFiles.timestamp()
        // Before the seeds: the tree may change while they run.
        let environment = count > 1 ? EnvironmentRecord.capture(dataDirectory: nil) : nil
        let quiet = outputArguments.quiet
        let campaign = Campaign(settings) { report in
            done += 1
            if let property = report.property {
                print("seed \(report.seed): \(property): \(report.text ?? "")")
                print("  replay: \(replay(report.seed))")
            } else if count == 1 {
                print("seed \(report.seed): nothing wrong; \(report.events) events, trace \(hex(report.traceHash))")
            }
            if !quiet, Date() > next {
                next = Date().addingTimeInterval(10)
                let rate = Double(done) / Date().timeIntervalSince(start)
                print("\(done) of \(count) seeds, \(String(format: "%.1f", rate)) a second")
            }
        }
        try campaign.run()
        let summary = campaign.summary
        print(SimulationResult.describe(summary))
        if let environment {
            try write(
                SimulationResult(
                    summary, startedAt: startedAt, environment: environment, isInterrupted: Interrupt.isRequested))
        }
        if !summary.violations.isEmpty { throw ExitCode.failure }
        if Interrupt.isRequested { throw ExitCode(LoadExitCode.interrupted) }
    }

    private func hex(_ hash: UInt64) -> String { String(hash, radix: 16) }

    private func replay(_ seed: UInt64) -> String {
        var command = "corral-bench simulate --seed \(seed) --trace"
        if let servers { command += " --servers \(servers)" }
        if let mutation { command += " --mutation \(mutation)" }
        return command
    }

    private func write(_ result: SimulationResult) throws {
        let output = outputArguments
        let path = try finish { () throws(LoadError) in
            let directory = try ResultFiles.directory(
                output: output.output, experiment: "simulation", label: output.label)
            try ResultFiles.write(try ResultFiles.json(result), to: "\(directory)/summary.json")
            try ResultFiles.write(result.report { replay($0) }, to: "\(directory)/report.txt")
            return "\(directory)/summary.json"
        }
        print("written to \(path)")
    }

    // MARK: mutations

    private func findMutations() throws {
        var table = MutationTable()
        table.seedLimit = seeds ?? 20_000
        table.maskedSeedLimit = min(table.seedLimit, 300)
        let environment = EnvironmentRecord.capture(dataDirectory: nil)
        let commit = environment.commit.prefix(12) + (environment.dirty ? ", with changes" : "")
        table.circumstances =
            "\(environment.machine); \(environment.compiler); commit \(commit); "
            + Date().ISO8601Format() + "."
        let all = Mutation.all.map(\.name)
        let names = mutation.map { [$0] } ?? all
        let place = URL(fileURLWithPath: tableDirectory + "/mutations.json")
        if mutation != nil, let known = try? Data(contentsOf: place) {
            // One mistake alone: its row is renewed, the others stay.
            table.rows = (try? JSONDecoder().decode(MutationTable.self, from: known))?.rows ?? []
        }
        for name in names {
            let row = try search(name, table)
            table.rows.removeAll { $0.mutation == name || !all.contains($0.mutation) }
            table.rows.append(row)
            table.rows.sort { all.firstIndex(of: $0.mutation)! < all.firstIndex(of: $1.mutation)! }
            let seeds = row.seedsNeeded.map { $0.map(String.init) ?? "-" }.joined(separator: " ")
            print("\(name): \(seeds) \(row.property ?? "not found")  \((row.text ?? "").prefix(150))")
            fflush(nil)
            // A search of all takes long: what is known so far is kept.
            try write(table)
        }
        print("\(table.foundCount) of \(table.rows.count) found")
    }

    /// Searches that need more seeds than this are not repeated.
    private static let cheapSeeds = 100

    private func search(_ name: String, _ table: MutationTable) throws -> MutationTable.Row {
        var row = MutationTable.Row(mutation: name)
        let isMasked = Mutation(name: name)?.maskedBy != nil
        for round in 0..<max(1, repeats) {
            let first = UInt64(round) * 1_000_000 + 1
            var settings = settings(
                first: first, seeds: isMasked ? table.maskedSeedLimit : table.seedLimit, mutation: name)
            settings.stopsAtFirstViolation = true
            let campaign = Campaign(settings) { _ in }
            try campaign.run()
            let found = campaign.summary.violations.min { $0.seed < $1.seed }
            row.seedsNeeded.append(found.map { Int($0.seed - first) + 1 })
            if row.property == nil, let found {
                row.property = found.property
                row.seed = found.seed
                row.text = found.text
            }
            // Where one search takes long, or finds nothing, another is not worth its time.
            if (row.seedsNeeded.last ?? nil).map({ $0 > Self.cheapSeeds }) ?? true { break }
        }
        return row
    }

    /// The table is the project's, one for all runs: it has no label.
    private var tableDirectory: String { outputArguments.output + "/simulation" }

    private func write(_ table: MutationTable) throws {
        let directory = tableDirectory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(table).write(to: URL(fileURLWithPath: directory + "/mutations.json"))
        try Data(table.markdown.utf8).write(to: URL(fileURLWithPath: directory + "/mutations.md"))
    }
}
