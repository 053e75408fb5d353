#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What this program itself has used of the machine's processors: load generators are part of what they measure.
public enum ProcessorTime {
    /// User and system time of all its threads so far.
    public static var ownSeconds: Double {
        Double((try? ProcessSnapshot(pid: getpid()))?.cpuNanos ?? 0) / 1e9
    }

    /// Of all that the machine has, or as many threads could have had of it.
    public static func share(_ used: Double, over seconds: Double, threads: Int = .max) -> Double {
        let processors = min(threads, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        return seconds > 0 ? used / seconds / Double(max(1, processors)) : 0
    }

    /// Of what a program could have had beside servers on the same processors: what these left, or half of all where
    /// they left less, since the system shares fairly among who want more.
    ///
    /// - Parameters:
    ///   - used: seconds of processor time, like `servers`.
    ///   - threads: that it has work for at once.
    ///   - processors: of the machine; nil asks it.
    public static func share(
        _ used: Double, beside servers: Double, over seconds: Double, threads: Int = .max, processors: Int? = nil
    ) -> Double {
        guard seconds > 0 else { return 0 }
        let all = Double(max(1, processors ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        let available = min(Double(threads), max(all - servers / seconds, all / 2))
        return used / seconds / available
    }

    /// Of processes so far, in seconds; those that are gone count nothing.
    public static func seconds(of pids: [Int32]) -> Double {
        pids.reduce(0) { $0 + Double((try? ProcessSnapshot(pid: $1))?.cpuNanos ?? 0) / 1e9 }
    }

    public static func share(since start: Double, over seconds: Double) -> Double {
        share(ownSeconds - start, over: seconds)
    }
}
