import ArgumentParser
import Load

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Flags of the commands that start servers by themselves.
struct ServerArguments: ParsableArguments {
    @Option(help: "The corral program. Default: beside this one.")
    var corral: String?
    @Option(help: "Directory for the servers' data directories, on the disk to be measured.")
    var dataRoot = ".build/bench-data"
    @Option(help: "Apache's heap, as -Xmx takes it. Default: 2g, less for each of a large ensemble.")
    var apacheHeap: String?
    @Option(
        help: ArgumentHelp(
            "Another Apache ZooKeeper than Debian's: its jar, and those it needs, as Java's -cp takes them.",
            valueName: "class path"))
    var apacheJars: String?
    @Option(help: "The etcd program, for servers of the kind etcd.")
    var etcd = "etcd"
    @Option(help: "etcd's load generator, which Bench/etcd/build makes.")
    var etcdLoad = ServerOptions.builtEtcdLoad
    @Option(help: "etcd's reads: serializable, from the serving member as ZooKeeper's, or linearizable, its default.")
    var etcdReads = EtcdReads.serializable
    @Option(
        help: ArgumentHelp(
            "ClickHouse Keeper's program, for servers of the kind keeper: clickhouse-keeper, or clickhouse.",
            valueName: "path"))
    var keeper: String?
    @Flag(help: "Servers acknowledge writes before they are on disk (forceSync=no). Unsafe; marked in every result.")
    var noFsync = false

    func options(valueBytes: Int) throws(LoadError) -> ServerOptions {
        guard let program = realpath("/proc/self/exe", nil) else {
            throw .environment("cannot find this program's own path")
        }
        defer { free(program) }
        let own = String(cString: program)
        let beside = own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/corral"
        var options = ServerOptions(corralPath: corral ?? beside, benchPath: own, dataRoot: dataRoot)
        options.fsync = !noFsync
        if let apacheHeap {
            options.apacheHeap = apacheHeap
            options.hasChosenHeap = true
        }
        if let apacheJars { options.apacheClassPath = apacheJars }
        options.etcdPath = etcd
        options.etcdLoadPath = etcdLoad
        options.etcdReads = etcdReads
        options.keeperPath = keeper
        options.valueBytes = valueBytes
        return options
    }
}

/// Where a result goes.
struct OutputArguments: ParsableArguments {
    @Option(help: "Directory for results.")
    var output = "Results"
    @Option(help: "Name of this result; a directory under the experiment.")
    var label = "latest"
    @Flag(help: "No progress.")
    var quiet = false
}

/// Of the commands whose figures another measurement on the same machine would spoil.
struct MachineArguments: ParsableArguments {
    @Flag(help: "Measure although another measurement runs on this machine. Results say so.")
    var besideOthers = false

    func takeMachine(for what: String) throws(LoadError) {
        try MeasuringLock.takeMachine(for: what, besideOthers: besideOthers)
    }
}

extension ServerKind: ExpressibleByArgument {}
extension EtcdReads: ExpressibleByArgument {}

/// Maps a result's status to the documented exit codes.
func end(with status: RunStatus) throws {
    switch status {
    case .valid: break
    case .invalid: throw ExitCode(LoadExitCode.invalidRun)
    case .partial: throw ExitCode(LoadExitCode.interrupted)
    }
}

/// Words out of a fixed set, separated by commas.
func choices<T: RawRepresentable & CaseIterable>(_ text: String, _ flag: String) throws(LoadError) -> [T]
where T.RawValue == String {
    var list: [T] = []
    for part in text.split(separator: ",") {
        guard let item = T(rawValue: String(part)) else {
            let known = T.allCases.map(\.rawValue).joined(separator: ", ")
            throw .usage("'\(part)' makes no sense in \(flag), which lists some of: \(known)")
        }
        list.append(item)
    }
    return list
}

/// Numbers separated by commas.
func numbers<T: LosslessStringConvertible>(_ text: String, _ flag: String) throws(LoadError) -> [T] {
    var list: [T] = []
    for part in text.split(separator: ",") {
        guard let number = T(String(part)) else { throw .usage("'\(part)' is no number in \(flag) \(text)") }
        list.append(number)
    }
    return list
}
