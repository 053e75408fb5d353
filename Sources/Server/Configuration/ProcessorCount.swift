import Glibc

/// Processors this process may run on.
public enum ProcessorCount {
    /// At least 1. Respects the affinity mask (containers, `taskset`), which `_SC_NPROCESSORS_ONLN` does not.
    public static var online: Int {
        if case .success(let bytes) = FileReading.bytes(of: "/proc/self/status") {
            let text = String(decoding: bytes, as: UTF8.self)
            for line in text.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
                let bits = line.dropFirst("Cpus_allowed:".count).reduce(0) {
                    $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount
                }
                if bits > 0 { return bits }
            }
        }
        return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }
}
