#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Counts what operations cost: `corral-micro` alone for allocations, and under valgrind for instructions, once with N
/// operations and once with 2 N, so that start and set-up cancel.
public struct MicroRunner {
    /// The `corral-micro` program.
    public var program: String
    /// Where valgrind's files go; they are removed.
    public var directory: String
    /// "allocation" or "work", to make the gates fail; nil measures what is there.
    public var injected: String?
    /// Divides every count of operations: shorter, and a little less exact.
    public var divisor = 1

    public init(program: String, directory: String, injected: String? = nil) {
        self.program = program
        self.directory = directory
        self.injected = injected
    }

    /// Names of the benchmarks, with how many operations each is counted over.
    public func list() throws(LoadError) -> [(name: String, operations: Int)] {
        guard access(program, X_OK) == 0, let text = ChildProcess.capture([program, "list"]) else {
            throw .environment(
                "no benchmarks at \(program): build them with 'swift build -c release --product corral-micro', or name "
                    + "the program with --program")
        }
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 2, let count = Int(fields[1]) else { return nil }
            return (String(fields[0]), count)
        }
    }

    /// Makes ready: valgrind there, and the program without what debuggers read, whose form valgrind may not know.
    public func prepare() throws(LoadError) {
        guard ChildProcess.capture(["valgrind", "--version"]) != nil else {
            throw .environment("instructions are counted by valgrind, which is missing: apt-get install valgrind")
        }
        try ResultFiles.makeDirectory(directory)
        guard ChildProcess.capture(["strip", "-o", stripped, program]) != nil else {
            throw .environment("cannot copy \(program) with 'strip', which is in the package binutils")
        }
    }

    private var stripped: String { "\(directory)/corral-micro" }

    public func measure(_ name: String, operations: Int) throws(LoadError) -> MicroCost {
        let count = max(400, operations / divisor / 400 * 400)
        let allocations = try allocations(name, count)
        let once = try instructions(name, count)
        let twice = try instructions(name, 2 * count)
        guard twice > once else { throw .result("\(name): \(2 * count) operations took no more than \(count)") }
        return MicroCost(
            instructions: (twice - once) / Double(count), allocations: allocations / Double(count))
    }

    private func command(_ name: String, _ count: Int) -> [String] {
        [stripped, name, "\(count)"] + (injected.map { [$0] } ?? [])
    }

    private func allocations(_ name: String, _ count: Int) throws(LoadError) -> Double {
        guard let text = ChildProcess.capture(command(name, count)),
            let number = text.split(whereSeparator: \.isWhitespace).last.flatMap({ Double($0) })
        else { throw .environment("\(program) \(name) failed") }
        return number
    }

    private func instructions(_ name: String, _ count: Int) throws(LoadError) -> Double {
        let path = "\(directory)/callgrind.\(getpid()).\(name)"
        defer { unlink(path) }
        // Swift keys its hash tables by chance otherwise.
        let command = ["env", "SWIFT_DETERMINISTIC_HASHING=1", "valgrind", "--tool=callgrind", "-q"]
            + ["--callgrind-out-file=\(path)"] + command(name, count)
        guard ChildProcess.capture(command) != nil else {
            throw .environment("valgrind could not run \(program) \(name)")
        }
        guard let total = Self.total(inCallgrindFile: TextFile.read(path)) else {
            throw .result("valgrind left no count of instructions for \(name)")
        }
        return total
    }

    /// The count in a callgrind file: its line "summary:" or "totals:".
    static func total(inCallgrindFile text: String) -> Double? {
        for line in text.split(separator: "\n") where line.hasPrefix("summary:") || line.hasPrefix("totals:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Double($0) }
        }
        return nil
    }
}
