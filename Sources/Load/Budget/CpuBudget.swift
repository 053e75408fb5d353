#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The CPU time that every server may use, the same for each, as if each had a small computer of its own.
///
/// Ensembles on one machine share its CPUs, so more servers mean less for each; under a budget an ensemble's
/// capacity grows with its servers as in the paper (section 5.1), if all budgets together and the generator fit into
/// the machine.
public struct CpuBudget: Codable, Equatable, Sendable {
    /// Percent of one CPU.
    public var percent: Double
    /// The budget is renewed this often. A server that has used it up stands still until then, so that latencies are
    /// in steps of this.
    public var periodMicros: Int

    /// What the kernel takes for the shortest quota and period.
    static let shortestMicros = 1000
    static let longestMicros = 1_000_000

    /// - Parameters:
    ///   - percent: of one CPU; above 100 for several.
    ///   - periodMicros: nil takes the shortest whose quota the kernel still takes, at least 5 ms.
    public init(percent: Double, periodMicros: Int? = nil) throws(LoadError) {
        guard percent.isFinite, percent >= 0.2, percent <= 6400 else {
            throw .usage("a CPU budget lies between 0.2 and 6400 percent of one CPU, not \(percent)")
        }
        self.percent = percent
        let shortest = Int((Double(Self.shortestMicros) * 100 / percent).rounded(.up))
        self.periodMicros = periodMicros ?? max(5000, shortest)
        guard (Self.shortestMicros...Self.longestMicros).contains(self.periodMicros) else {
            throw .usage("a CPU budget's period lies between 1 and 1000 ms, not \(self.periodMicros) µs")
        }
        guard quotaMicros >= Self.shortestMicros else {
            throw .usage(
                "\(percent) % of a period of \(self.periodMicros) µs is less than the millisecond that the kernel "
                    + "takes; the period must be at least \(shortest) µs")
        }
    }

    /// Why the machine does not permit it; nil where it does, which has been tried on a process.
    public var refusal: String? { refusal(places: .ofThisProcess()) }

    func refusal(places: ControlGroupPlaces) -> String? {
        // Empty groups of programs that are gone: a later one with the same process id could not make its own.
        for place in places.places {
            for name in TextFile.names(in: place.parent) {
                guard let owner = NetworkNames.owner(of: name), !NetworkNames.isAlive(owner) else { continue }
                rmdir("\(place.parent)/\(name)")
            }
        }
        do throws(LoadError) {
            let group = try ControlGroup("corral-bench-\(getpid())-trial", budget: self, places: places)
            defer { group.remove() }
            let child = try ChildProcess(["sleep", "60"], outputPath: "/dev/null")
            defer { child.stop() }
            try group.add(child.pid)
            return nil
        } catch {
            return error.description
        }
    }

    var quotaMicros: Int { Int((percent / 100 * Double(periodMicros)).rounded()) }
}
