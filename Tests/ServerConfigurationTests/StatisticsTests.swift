import Foundation
import Testing

@testable import Server
@testable import ServerCore

@Suite struct StatisticsTests {
    @Test func latencySummary() {
        var summary = LatencySummary()
        #expect(summary.minMillis == 0 && summary.maxMillis == 0 && summary.averageMillis == 0)
        summary.record(nanos: 1_000_000, count: 2)
        summary.record(nanos: 3_000_000)
        summary.record(nanos: 9, count: 0)
        #expect(summary.count == 3 && summary.minNanos == 1_000_000 && summary.maxMillis == 3)
        #expect(summary.averageMillis == 1.6667)
        var other = LatencySummary()
        other.merge(summary)
        #expect(other == summary)
    }

    @Test func histogramBucketsAreContiguous() {
        var previous = 0
        for micros in UInt64(0)..<100_000 {
            let bucket = LatencyHistogram.bucket(micros: micros)
            #expect(bucket == previous || bucket == previous + 1, "\(micros)")
            #expect(LatencyHistogram.lowerBound(of: bucket) <= micros)
            #expect(LatencyHistogram.lowerBound(of: bucket + 1) > micros)
            previous = bucket
        }
        #expect(LatencyHistogram.bucket(micros: .max) == LatencyHistogram.bucketCount - 1)
    }

    @Test func percentiles() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(0.5) == 0)
        for micros in UInt64(1)...10_000 { histogram.record(micros: micros) }
        // Buckets are half a power of two wide; within one the values are taken as even.
        #expect(abs(Double(histogram.percentile(0.5)) - 5000) < 200)
        // The last one is filled only to a half, so it is taken as wider than what it holds.
        #expect((8192..<12_288).contains(histogram.percentile(0.99)))
        var twice = histogram
        twice.merge(histogram)
        #expect(twice.percentile(0.5) == histogram.percentile(0.5))
    }

    @Test func sizesStartAtMinusOneAsApaches() {
        var sizes = SizeSummary()
        #expect(sizes.last == -1 && sizes.least == -1 && sizes.greatest == -1)
        sizes.record(5)
        sizes.record(3)
        #expect(sizes.last == 3 && sizes.least == 3 && sizes.greatest == 5)
        var merged = SizeSummary()
        merged.merge(sizes)
        merged.merge(SizeSummary())
        #expect(merged.least == 3 && merged.greatest == 5)
    }

    /// A counter that `merge` forgets would vanish from every report: set each to one, merge twice, compare.
    @Test func mergeForgetsNothing() {
        var one = RequestStatistics()
        let integers: [WritableKeyPath<RequestStatistics, UInt64>] = [
            \.packetsReceived, \.packetsSent, \.bytesReceived, \.responseBytes, \.watchBytes, \.largeRequestsRejected,
            \.throttleWaits, \.staleReplies, \.connectionRequests, \.connectionsRejected, \.connectionsDropped,
            \.connectionsRevalidated, \.sessionlessConnectionsExpired, \.sessionsExpired, \.authenticationFailures,
            \.slowFsyncs, \.transactionsLogged, \.snapshotErrors, \.digestMismatches,
        ]
        let latencies: [WritableKeyPath<RequestStatistics, LatencySummary>] = [
            \.fsyncTime, \.snapshotTime, \.databaseInitTime, \.startupSnapshotLoadTime, \.startupTxnsLoadTime,
        ]
        let numbers: [WritableKeyPath<RequestStatistics, NumberSummary>] = [
            \.nodeCreatedWatches, \.nodeDeletedWatches, \.nodeChangedWatches, \.nodeChildrenWatches,
            \.commitBatchSizes, \.startupTxnsLoaded,
        ]
        for path in integers { one[keyPath: path] = 1 }
        for path in latencies { one[keyPath: path].record(nanos: 1) }
        for path in numbers { one[keyPath: path].record(1) }
        one.recordReads(nanos: 1000)
        one.recordUpdates(nanos: 1000)
        one.responseSizes.record(1)
        var sum = one
        sum.merge(one)
        for path in integers { #expect(sum[keyPath: path] == 2) }
        for path in latencies { #expect(sum[keyPath: path].count == 2) }
        for path in numbers { #expect(sum[keyPath: path].count == 2) }
        #expect(sum.readLatency.count == 2 && sum.updateLatency.count == 2 && sum.requestLatency.count == 4)
        #expect(sum.readHistogram.percentile(1) == one.readHistogram.percentile(1))
        // The lists above name every stored property but the five checked by hand.
        #expect(Mirror(reflecting: one).children.count == integers.count + latencies.count + numbers.count + 5)
    }

    @Test func allocatorFollowsAllocations() throws {
        let before = try #require(AllocatorStatistics.current())
        #expect(before.allocatedBytes > 0 && before.residentBytes >= before.allocatedBytes / 2)
        let size = 64 << 20
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        memset(block, 1, size)
        let during = try #require(AllocatorStatistics.current())
        #expect(during.allocatedBytes >= before.allocatedBytes + size / 2, "malloc is not jemalloc's")
        block.deallocate()
        let after = try #require(AllocatorStatistics.current())
        #expect(after.allocatedBytes < during.allocatedBytes - size / 2)
        #expect(
            AllocatorStatistics(allocatedBytes: 0, activeBytes: 0, residentBytes: 5, retainedBytes: 0)
                .fragmentationRatio == 0)
    }

    @Test func directorySizes() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.path + "/version-2/deep", withIntermediateDirectories: true)
        _ = try directory.write("12345", to: "version-2/log.1")
        _ = try directory.write("123", to: "version-2/deep/x")
        #expect(DirectorySize.bytes(at: directory.path) == 8)
        #expect(DirectorySize.bytes(at: directory.path + "/absent") == 0)
        let configuration = try Support.parse("dataDir=\(directory.path)\nclientPort=1", bare: true)
        #expect(DirectorySizes(of: configuration).dataDirectoryBytes == 8)
    }

    @Test func openFilesAreCounted() throws {
        let before = try #require(ProcessStatistics.openFileDescriptors())
        let handles = (0..<50).compactMap { _ in FileHandle(forReadingAtPath: "/dev/null") }
        let during = try #require(ProcessStatistics.openFileDescriptors())
        #expect(handles.count == 50 && during >= before + 25, "other tests open and close files meanwhile")
    }
}
