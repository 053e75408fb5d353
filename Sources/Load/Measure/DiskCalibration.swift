import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What one forced write costs on the disk the servers use: the floor of every durable write's latency.
public struct DiskCalibration: Codable, Equatable, Sendable {
    public var writeBytes: Int
    public var writes: Int
    public var fdatasyncP50Micros: Double
    public var fdatasyncP99Micros: Double
    public var fdatasyncMaxMicros: Double

    private static let limitNanos: UInt64 = 500_000_000

    /// Overwrites a file that is already on disk, so that no file system journal is in the way, at 1 KB and 128 KB,
    /// half a second each at most.
    static func measure(in directory: String) -> [DiskCalibration] {
        [(1024, 400), (131_072, 100)].compactMap { measure(in: directory, bytes: $0, count: $1) }
    }

    private static func measure(in directory: String, bytes: Int, count: Int) -> DiskCalibration? {
        let path = "\(directory)/.disk-calibration"
        let file = corral_open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600, 0, 0)
        guard file >= 0 else { return nil }
        defer {
            close(file)
            unlink(path)
        }
        let block = [UInt8](repeating: 0x5a, count: bytes)
        for index in 0..<count {
            guard pwrite(file, block, bytes, off_t(index * bytes)) == bytes else { return nil }
        }
        guard fsync(file) == 0 else { return nil }
        var recorder = LatencyRecorder()
        let start = corral_monotonic_nanos()
        for index in 0..<count {
            let before = corral_monotonic_nanos()
            guard pwrite(file, block, bytes, off_t(index * bytes)) == bytes, fdatasync(file) == 0 else { return nil }
            let after = corral_monotonic_nanos()
            recorder.record(after - before)
            if after - start > limitNanos { break }
        }
        return DiskCalibration(
            writeBytes: bytes, writes: Int(recorder.total),
            fdatasyncP50Micros: Double(recorder.value(atPercentile: 50)) / 1000,
            fdatasyncP99Micros: Double(recorder.value(atPercentile: 99)) / 1000,
            fdatasyncMaxMicros: Double(recorder.maximum) / 1000)
    }
}
