import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What is measured beside the builds although no change of the code can move it.
public enum Canary: String, Codable, CaseIterable, Sendable {
    /// CPU time of a server of canned replies per request: the system calls and copies that every server pays for.
    case nullServer
    /// One forced 4-KiB write.
    case fdatasync
    /// Copying memory.
    case memcpy

    public var title: String {
        switch self {
        case .nullServer: "null server, CPU per request"
        case .fdatasync: "fdatasync"
        case .memcpy: "memcpy, CPU per MiB"
        }
    }

    /// How large a shift between the two builds' moments must be before it vetoes, by the effect looked for. Forced
    /// writes wait for a device; their time hardly goes into a server's CPU time.
    func effect(_ effect: Double) -> Double { self == .fdatasync ? 20 * effect : effect }
}

/// One reading of the canaries that need no server.
public struct CanaryReading: Codable, Equatable, Sendable {
    /// CPU nanoseconds for a mebibyte.
    public var memcpyNanos: Double
    /// Median nanoseconds.
    public var fdatasyncNanos: Double
}

/// How one canary was over a whole comparison.
public struct CanaryFinding: Codable, Equatable, Sendable {
    public var canary: Canary
    public var medianNanos: Double
    /// The busiest third's median over the quietest's.
    public var spread: Double
    /// Around the working tree's blocks over around the base's; nil for the null server, which is read between quads.
    public var shift: Double?
    /// Why it vetoes; nil when it does not.
    public var veto: String?

    /// - Parameters:
    ///   - values: all readings in order.
    ///   - shifts: one ratio for each round.
    init?(
        _ canary: Canary, values: [Double], shifts: [Double], effect: Double, limit: Double
    ) {
        guard !values.isEmpty else { return nil }
        self.canary = canary
        medianNanos = Statistics.median(values)
        let sorted = values.sorted()
        let third = max(1, sorted.count / 3)
        spread = Statistics.median(Array(sorted.suffix(third))) / Statistics.median(Array(sorted.prefix(third)))
        // A device's wait is no measure of the processor.
        if canary != .fdatasync, spread > limit {
            veto =
                "\(canary.title) ranges over a factor of \(fixed(spread, 2)) within the run (limit "
                + "\(fixed(limit, 2))): the machine was too busy or too unsteady"
        }
        guard let test = SignedRankTest(shifts.map { log($0) }) else { return }
        shift = exp(test.estimate)
        let border = log(1 + canary.effect(effect)) / 2
        if test.confidence >= 0.95, abs(test.estimate) > border, test.low > 0 || test.high < 0 {
            veto =
                "\(canary.title) was \(fixed(100 * (exp(test.estimate) - 1), 1)) % different around the working "
                + "tree's blocks: the machine changed with the builds"
        }
    }
}

/// Reads the canaries that need no server. Used from one thread.
final class Canaries {
    static let estimatedSeconds = 0.003
    private static let copyBytes = 1 << 20
    private static let copies = 16
    private static let syncs = 8
    private static let syncBytes = 4096
    private let source: UnsafeMutableRawPointer
    private let target: UnsafeMutableRawPointer
    private let file: Int32
    private let path: String

    /// - Parameter directory: on the servers' disk.
    init(directory: String) throws(LoadError) {
        path = "\(directory)/.canary"
        file = corral_open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600, 0, 0)
        guard file >= 0 else { throw .environment("cannot write \(path): \(String(cString: strerror(errno)))") }
        source = .allocate(byteCount: Self.copyBytes, alignment: 4096)
        target = .allocate(byteCount: Self.copyBytes, alignment: 4096)
        memset(source, 0x5a, Self.copyBytes)
        memset(target, 0, Self.copyBytes)
        // Overwriting changes no metadata, so that no file system journal is in the way.
        for _ in 0..<Self.syncs { _ = pwrite(file, source, Self.syncBytes, 0) }
        fsync(file)
    }

    deinit {
        close(file)
        unlink(path)
        source.deallocate()
        target.deallocate()
    }

    func read() -> CanaryReading {
        target.copyMemory(from: source, byteCount: Self.copyBytes)
        let start = corral_thread_cpu_nanos()
        for round in 0..<Self.copies {
            // The source differs each time, and the target is looked at: no copy can be left out.
            source.storeBytes(of: UInt8(truncatingIfNeeded: round), as: UInt8.self)
            target.copyMemory(from: source, byteCount: Self.copyBytes)
            precondition(target.load(as: UInt8.self) == UInt8(truncatingIfNeeded: round))
        }
        let copied = Double(corral_thread_cpu_nanos() - start) / Double(Self.copies)
        var times: [Double] = []
        for _ in 0..<Self.syncs {
            let before = corral_monotonic_nanos()
            _ = pwrite(file, source, Self.syncBytes, 0)
            fdatasync(file)
            times.append(Double(corral_monotonic_nanos() - before))
        }
        return CanaryReading(memcpyNanos: copied, fdatasyncNanos: Statistics.median(times))
    }
}
