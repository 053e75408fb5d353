import CJemalloc

/// What jemalloc knows of this process's memory, in bytes.
public struct AllocatorStatistics: Sendable, Equatable {
    /// Asked for by the program and not freed.
    public var allocatedBytes: Int
    /// Pages that hold some of it.
    public var activeBytes: Int
    /// Pages of the allocator that are in memory, its own records included.
    public var residentBytes: Int
    /// Address space kept for later.
    public var retainedBytes: Int

    /// Resident bytes for each allocated one; 0 when nothing is allocated.
    public var fragmentationRatio: Double {
        allocatedBytes == 0 ? 0 : Double(residentBytes) / Double(allocatedBytes)
    }

    /// The figures of this moment, or nil when jemalloc was built without statistics.
    public static func current() -> AllocatorStatistics? {
        // jemalloc refreshes its figures only when the epoch is advanced.
        var epoch: UInt64 = 1
        guard mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size) == 0,
            let allocated = figure("stats.allocated"), let active = figure("stats.active"),
            let resident = figure("stats.resident"), let retained = figure("stats.retained")
        else { return nil }
        return AllocatorStatistics(
            allocatedBytes: allocated, activeBytes: active, residentBytes: resident, retainedBytes: retained)
    }

    private static func figure(_ name: String) -> Int? {
        var value = 0
        var size = MemoryLayout<Int>.size
        return mallctl(name, &value, &size, nil, 0) == 0 ? value : nil
    }
}
