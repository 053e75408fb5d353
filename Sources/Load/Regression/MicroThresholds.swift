#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What an operation costs, without time in it: equal on a quiet machine and a busy one.
public struct MicroCost: Codable, Equatable, Sendable {
    public var instructions: Double
    public var allocations: Double

    public init(instructions: Double, allocations: Double) {
        self.instructions = instructions
        self.allocations = allocations
    }
}

/// The checked-in file: what each operation may cost. Of one compiler and one architecture, because both choose
/// instructions.
public struct MicroThresholds: Codable, Equatable, Sendable {
    public static let schemaName = "corral-bench/micro-thresholds"

    public var schema = MicroThresholds.schemaName
    public var schemaVersion = 1
    /// Such as "6.3".
    public var compiler: String
    public var architecture: String
    /// How much more than stated passes; 0.03 is 3 %. What differs between processors, such as the C library's choice
    /// of a copying loop, lies below it.
    public var instructionTolerance: Double
    /// Allocations more than stated that pass, per operation: less than one in fifty.
    public var allocationTolerance: Double
    public var benchmarks: [String: MicroCost]

    public init(compiler: String, architecture: String, benchmarks: [String: MicroCost]) {
        self.compiler = compiler
        self.architecture = architecture
        self.benchmarks = benchmarks
        instructionTolerance = 0.03
        allocationTolerance = 0.02
    }

    /// - Throws: when there is no such file, or it is of another version.
    public init(path: String) throws(LoadError) {
        guard let data = FileManager.default.contents(atPath: path) else { throw .result("cannot read \(path)") }
        do {
            self = try JSONDecoder().decode(MicroThresholds.self, from: data)
        } catch {
            throw .result("\(path) holds no thresholds: \(error)")
        }
        guard schema == Self.schemaName, schemaVersion == 1 else { throw .result("\(path) is of another version") }
    }

    /// The architecture this program was built for, and what of it valgrind passes on: libraries choose their loops by
    /// that. AVX-512 it does not.
    public static var ownArchitecture: String {
        #if arch(x86_64)
            let flags = TextFile.read("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("flags") }
            let hasWideVectors = flags?.split(separator: " ").contains("avx2") ?? false
            return hasWideVectors ? "x86_64+avx2" : "x86_64"
        #elseif arch(arm64)
            return "arm64"
        #else
            return "unknown"
        #endif
    }

    /// "6.3" out of "Swift version 6.3.1 (swift-6.3.1-RELEASE)".
    public static func release(of compiler: String) -> String? {
        let words = compiler.split(separator: " ")
        guard let place = words.firstIndex(of: "version"), place + 1 < words.count else { return nil }
        let numbers = words[place + 1].split(separator: ".")
        guard numbers.count >= 2, numbers.prefix(2).allSatisfy({ $0.allSatisfy(\.isNumber) }) else { return nil }
        return "\(numbers[0]).\(numbers[1])"
    }

    /// Judges what was measured. A benchmark without a threshold fails, so that none can be forgotten.
    ///
    /// - Parameter isWhole: whether all benchmarks were to be measured; then one that is missing fails as well.
    public func judge(_ measured: [String: MicroCost], isWhole: Bool) -> [MicroFinding] {
        let names = isWhole ? Set(measured.keys).union(benchmarks.keys) : Set(measured.keys)
        return names.sorted().map { name in
            let cost = measured[name]
            let limit = benchmarks[name]
            var problems: [String] = []
            if let cost, let limit {
                if cost.instructions > limit.instructions * (1 + instructionTolerance) {
                    problems.append("more instructions")
                }
                if cost.allocations > limit.allocations + allocationTolerance { problems.append("more allocations") }
            } else {
                problems.append(cost == nil ? "not measured" : "no threshold")
            }
            // A threshold that has become loose hides the next step back.
            let isLoose = cost.map { cost in
                limit.map { cost.instructions < $0.instructions * (1 - 2 * instructionTolerance) } ?? false
            }
            return MicroFinding(
                name: name, cost: cost, threshold: limit, problems: problems, isLoose: isLoose ?? false)
        }
    }
}

/// One operation against its threshold.
public struct MicroFinding: Equatable, Sendable {
    public var name: String
    public var cost: MicroCost?
    public var threshold: MicroCost?
    /// Empty when it passes.
    public var problems: [String]
    /// It has become much cheaper than its threshold, which should follow.
    public var isLoose: Bool
}

/// The gates as text.
public enum MicroTable {
    public static func text(_ findings: [MicroFinding]) -> String {
        var lines = [
            padded("per operation", 20, left: true) + padded("instructions", 14) + padded("threshold", 12)
                + padded("allocations", 13) + padded("threshold", 12)
        ]
        for finding in findings {
            func text(_ cost: MicroCost?, _ pick: (MicroCost) -> Double, _ decimals: Int) -> String {
                cost.map { fixed(pick($0), decimals) } ?? "-"
            }
            let remark = finding.problems.isEmpty
                ? (finding.isLoose ? "  cheaper: lower the threshold" : "")
                : "  FAILS: \(finding.problems.joined(separator: ", "))"
            lines.append(
                padded(finding.name, 20, left: true) + padded(text(finding.cost, \.instructions, 1), 14)
                    + padded(text(finding.threshold, \.instructions, 1), 12)
                    + padded(text(finding.cost, \.allocations, 3), 13)
                    + padded(text(finding.threshold, \.allocations, 3), 12) + remark)
        }
        return lines.joined(separator: "\n")
    }
}

extension MicroCost {
    /// As a file states it: what chance moves is not written down.
    public var rounded: MicroCost {
        MicroCost(instructions: instructions.rounded(), allocations: (allocations * 1000).rounded() / 1000)
    }
}

extension EnvironmentRecord {
    /// The compiler as a result states it.
    public static func compilerText() -> String {
        ProcessInfo.processInfo.environment["CORRAL_BENCH_COMPILER"]
            ?? ChildProcess.capture(["swift", "--version"])?.split(separator: "\n").first.map(String.init) ?? "unknown"
    }
}
