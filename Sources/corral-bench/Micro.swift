import ArgumentParser
import Load

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Micro: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts instructions and allocations of single operations, and compares them with their thresholds.",
        discussion: """
            Counts, not times: they are the same on a busy machine. Needs valgrind. Exit codes: 0 all within their \
            thresholds, 3 no thresholds for this compiler and architecture, 4 an operation costs more than its \
            threshold or has none, 64 wrong usage, 1 anything else.
            """)

    @Option(help: "The checked-in thresholds.")
    var thresholds = "Bench/micro-thresholds.json"
    @Option(help: "The corral-micro program. Default: beside this one.")
    var program: String?
    @Option(help: "Only these, separated by commas.")
    var only: String?
    @Flag(help: "A quarter of the operations.")
    var short = false
    @Flag(help: "Write what was counted as the thresholds.")
    var update = false
    @Option(help: "Add 'allocation' or 'work' to each operation: for tests of the gates.")
    var inject: String?
    @Option(help: "Directory for valgrind's files.")
    var scratch = ".build/micro"

    mutating func run() throws {
        let arguments = self
        let code = try finish { () throws(LoadError) in try arguments.judge() }
        if code != 0 { throw ExitCode(code) }
    }

    private func judge() throws(LoadError) -> Int32 {
        guard inject == nil || inject == "allocation" || inject == "work" else {
            throw .usage("--inject takes allocation or work, not '\(inject!)'")
        }
        if update, only != nil || inject != nil { throw .usage("--update takes all benchmarks as they are") }
        let own = try serverProgram("corral-micro")
        var runner = MicroRunner(program: program ?? own, directory: scratch, injected: inject)
        runner.divisor = short ? 4 : 1
        let names = only.map { $0.split(separator: ",").map(String.init) }
        let list = try runner.list()
        try runner.prepare()
        for name in names ?? [] where !list.contains(where: { $0.name == name }) {
            throw .usage("no benchmark is called '\(name)': \(list.map(\.name).joined(separator: ", "))")
        }
        var measured: [String: MicroCost] = [:]
        for benchmark in list where names?.contains(benchmark.name) ?? true {
            measured[benchmark.name] = try runner.measure(benchmark.name, operations: benchmark.operations)
        }
        let compiler = EnvironmentRecord.compilerText()
        let release = MicroThresholds.release(of: compiler) ?? "unknown"
        if update {
            let fresh = MicroThresholds(
                compiler: release, architecture: MicroThresholds.ownArchitecture,
                benchmarks: measured.mapValues(\.rounded))
            try ResultFiles.write(try ResultFiles.json(fresh), to: thresholds)
            print("written to \(thresholds)")
            return 0
        }
        let limits = try MicroThresholds(path: thresholds)
        let findings = limits.judge(measured, isWhole: names == nil)
        print(MicroTable.text(findings))
        guard limits.compiler == release, limits.architecture == MicroThresholds.ownArchitecture else {
            print(
                "thresholds are of Swift \(limits.compiler) on \(limits.architecture), this is \(release) on "
                    + "\(MicroThresholds.ownArchitecture): nothing is judged")
            return LoadExitCode.unstable
        }
        return findings.allSatisfy(\.problems.isEmpty) ? 0 : LoadExitCode.slower
    }
}

/// A program beside this one.
func serverProgram(_ name: String) throws(LoadError) -> String {
    guard let program = realpath("/proc/self/exe", nil) else {
        throw .environment("cannot find this program's own path")
    }
    defer { free(program) }
    return String(cString: program).split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
}
