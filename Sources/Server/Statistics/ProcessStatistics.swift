import Glibc

/// What the system knows of this process.
public enum ProcessStatistics {
    /// Open file descriptors, or nil when `/proc` does not tell.
    public static func openFileDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { $0[0] }
            }
            if name != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
        }
        // One of them is the directory being read.
        return max(0, count - 1)
    }

    /// Limit on open file descriptors, or nil when there is none to read.
    public static func maximumFileDescriptors() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return limit.rlim_cur > UInt64(Int.max) ? Int.max : Int(limit.rlim_cur)
    }
}
