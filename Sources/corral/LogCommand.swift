import ArgumentParser
import DataFiles
import TxnLog

/// What `corral log` and `corral snapshot` have in common.
enum ToolHelp {
    static let exits = """
        A DIRECTORY is a server's data directory or its version-2. Files of Apache ZooKeeper are the same. \
        Exit codes: 0 fine or the same, 1 damaged or different, 64 wrong usage, 66 cannot be read, 74 output cannot \
        be written.
        """
}

struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("text, or json: one object a line.", valueName: "format"))
    var output: ToolFormat = .text

    /// Runs a tool and ends with its exit code.
    func run(_ tool: (any Disk, ToolOutput) throws -> Int32) throws {
        let output = ToolOutput.standard(output)
        do {
            throw ArgumentParser.ExitCode(try tool(FileDisk(), output))
        } catch let error as ToolError {
            output.flush()
            output.remark("corral: \(error)")
            throw ArgumentParser.ExitCode(ToolExit.noInput)
        }
    }
}

struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only from this zxid on (of a znode: its mzxid).", valueName: "zxid"))
    var from: String?

    @Option(help: ArgumentHelp("Only up to this zxid.", valueName: "zxid"))
    var to: String?

    @Option(help: ArgumentHelp("Only this session (of znodes: its ephemerals).", valueName: "id"))
    var session: String?

    @Option(help: ArgumentHelp("Only this znode and what is below it.", valueName: "path"))
    var path: String?

    func filter() throws -> ToolFilter {
        if let path, path.utf8.first != UInt8(ascii: "/") { throw ValidationError("--path takes a path from the root") }
        return ToolFilter(
            from: try Self.number(from, "--from"), to: try Self.number(to, "--to"),
            session: try Self.number(session, "--session"), path: path)
    }

    static func number(_ text: String?, _ option: String) throws -> Int64? {
        guard let text else { return nil }
        guard let value = Notation.number(text) else { throw ValidationError("\(option) takes a hexadecimal number") }
        return value
    }
}

extension ToolFormat: ExpressibleByArgument {}

/// `corral log`: looks into transaction logs.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Print, check, summarize and compare transaction logs.",
        discussion: ToolHelp.exits, subcommands: [Print.self, Check.self, Summary.self, Compare.self])

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print transactions, one a line.")

        @Argument(help: "Log files or directories.") var paths: [String]
        @OptionGroup var filter: FilterOptions
        @Flag(help: "Data as a whole; else its size, and in text its beginning.") var data = false
        @OptionGroup var output: OutputOptions

        func run() throws {
            let printer = LogPrinter(filter: try filter.filter(), showsData: data)
            try output.run { try printer.run($0, paths, $1) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look for damage, gaps and torn ends; file and offset are named.")

        @Argument(help: "Log files or directories; the files of a directory must follow each other.")
        var paths: [String]
        @OptionGroup var output: OutputOptions

        func run() throws {
            try output.run { try LogChecker().run($0, paths, $1) }
        }
    }

    struct Summary: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count transactions by type, subtree and session, and name the largest.")

        @Argument(help: "Log files or directories.") var paths: [String]
        @OptionGroup var filter: FilterOptions
        @Option(help: "How many of the largest and busiest are named.") var top = 10
        @Option(help: "How many names of a path make a subtree.") var depth = 1
        @OptionGroup var output: OutputOptions

        func run() throws {
            guard top >= 0, depth >= 0 else { throw ValidationError("--top and --depth take numbers from 0 on") }
            let summary = LogSummary(filter: try filter.filter(), top: top, depth: depth)
            try output.run { try summary.run($0, paths, $1) }
        }
    }

    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell where two logs differ, such as those of two members of an ensemble.")

        @Argument(help: "A log file or directory.") var left: String
        @Argument(help: "The other one.") var right: String
        @Option(help: ArgumentHelp("Only from this zxid on.", valueName: "zxid")) var from: String?
        @Option(help: ArgumentHelp("Only up to this zxid.", valueName: "zxid")) var to: String?
        @Flag(help: "Only the zxids between the later beginning and the earlier end.") var common = false
        @Option(help: "How many differences are printed; all are counted.") var limit = 10
        @OptionGroup var output: OutputOptions

        func run() throws {
            let range = ToolFilter(
                from: try FilterOptions.number(from, "--from"), to: try FilterOptions.number(to, "--to"))
            let comparison = LogComparison(filter: range, onlyCommonRange: common, limit: limit)
            try output.run { try comparison.run($0, left, right, $1) }
        }
    }
}

/// `corral snapshot`: looks into snapshots.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Print, check, summarize and compare snapshots.",
        discussion: ToolHelp.exits + " Of a directory's snapshots the newest is taken; 'check' takes all.",
        subcommands: [Print.self, Check.self, Summary.self, Compare.self])

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print sessions and znodes, one a line.")

        @Argument(help: "A snapshot or a directory.") var path: String
        @OptionGroup var filter: FilterOptions
        @Flag(help: "Data as a whole; else its size, and in text its beginning.") var data = false
        @OptionGroup var output: OutputOptions

        func run() throws {
            let printer = SnapshotPrinter(filter: try filter.filter(), showsData: data)
            try output.run { try printer.run($0, path, $1) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check seals and form.")

        @Argument(help: "Snapshots or directories.") var paths: [String]
        @OptionGroup var output: OutputOptions

        func run() throws {
            try output.run { try SnapshotChecker().run($0, paths, $1) }
        }
    }

    struct Summary: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count znodes, ephemerals and bytes by subtree, and name the largest.")

        @Argument(help: "A snapshot or a directory.") var path: String
        @Option(help: "How many of the largest are named.") var top = 10
        @Option(help: "How many names of a path make a subtree.") var depth = 1
        @OptionGroup var output: OutputOptions

        func run() throws {
            guard top >= 0, depth >= 0 else { throw ValidationError("--top and --depth take numbers from 0 on") }
            let summary = SnapshotSummary(top: top, depth: depth)
            try output.run { try summary.run($0, path, $1) }
        }
    }

    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which znodes were added, removed or changed from one to the other.")

        @Argument(help: "A snapshot or a directory.") var left: String
        @Argument(help: "The other one.") var right: String
        @Option(help: ArgumentHelp("Only this znode and what is below it.", valueName: "path")) var path: String?
        @Flag(help: "Only data, ACL and owner, not zxids, versions and times.") var content = false
        @Option(help: "How many differences are printed; all are counted.") var limit = 100
        @OptionGroup var output: OutputOptions

        func run() throws {
            if let path, path.utf8.first != UInt8(ascii: "/") {
                throw ValidationError("--path takes a path from the root")
            }
            let comparison = SnapshotComparison(
                filter: ToolFilter(path: path), limit: limit, onlyContent: content)
            try output.run { try comparison.run($0, left, right, $1) }
        }
    }
}
