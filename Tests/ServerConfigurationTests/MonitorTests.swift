import ServerCore
import Testing

@testable import Server

@Suite struct MonitorTests {
    private func lines(_ text: String) -> [(name: String, value: String)] {
        Self.lines(text)
    }

    static func lines(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "\n").map { line in
            let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "<no tab>")
        }
    }

    /// Names of Corral's own.
    static let own: Set<String> = [
        "zk_jemalloc_allocated", "zk_jemalloc_active", "zk_jemalloc_resident", "zk_jemalloc_retained",
        "zk_jemalloc_fragmentation_ratio",
        // Apache's up to 3.5; dashboards still show it.
        "zk_fsync_threshold_exceed_count",
    ]

    /// New in 3.9, of which the capture is not.
    private static let since39: Set<String> = ["zk_snapshot_error_count"]

    /// Stages, threads and peers that a standalone Corral does not have.
    static let leftOut = [
        "prep_process", "prep_processor", "commit_process", "commit_commit", "commit_propagation", "commitproc",
        "commit_proc", "session_queue", "write_batch_time", "concurrent_request", "sync_process_time",
        "sync_processor_queue", "proposal_process", "proposal_latency", "proposal_ack",
        "learner_request", "learner_handler", "propagation_latency", "om_", "dead_watcher", "netty", "jvm_pause",
        "final_proc",
        "write_committed_time", "close_session_prep", "request_throttle_queue_time", "connection_token_deficit",
        "socket_closing", "response_packet", "ensemble_auth", "outstanding_changes", "request_commit_queued",
        "requests_not_forwarded", "stale_requests", "throttled_ops", "insecure_admin", "tls_handshake_exceeded",
        "unsuccessful_handshake", "cnxn_closed_without", "empty_pool", "pending_session",
        "_per_namespace",
    ]

    /// Both integers, both fractions, or neither.
    static func sameForm(_ left: String, _ right: String) -> Bool {
        (Int64(left) == nil) == (Int64(right) == nil) && (Double(left) == nil) == (Double(right) == nil)
    }

    @Test func namesAndFormatsAreApaches() throws {
        let apache = Dictionary(uniqueKeysWithValues: try lines(Support.golden("mntr")).map { ($0.name, $0.value) })
        let ours = lines(MonitorText.text(ServerReport()))
        #expect(Set(ours.map(\.name)).count == ours.count, "a name is printed twice")
        for (name, value) in ours where !Self.own.union(Self.since39).contains(name) {
            let golden = try #require(apache[name], "Apache has no \(name)")
            #expect(Self.sameForm(value, golden), "\(name) is \(value), Apache's \(golden)")
        }
        let printed = Set(ours.map(\.name))
        for name in apache.keys where !printed.contains(name) {
            #expect(Self.leftOut.contains { name.contains($0) }, "\(name) is missing")
        }
    }

    @Test func valuesComeFromTheReport() throws {
        var report = ServerReport()
        report.version = "3.9.5-x, built on y"
        report.aliveConnections = 11
        report.outstandingRequests = 12
        report.nodeCount = 13
        report.watchCount = 14
        report.ephemeralsCount = 15
        report.approximateDataSizeBytes = 16
        report.globalSessions = 17
        report.uptimeMillis = 18
        report.requests.packetsReceived = 19
        report.requests.packetsSent = 20
        report.requests.recordReads(nanos: 2_600_000, count: 3)
        report.requests.recordUpdates(nanos: 9_000_000)
        report.requests.responseSizes.record(last: 40, least: 16, greatest: 93)
        report.requests.fsyncTime.record(nanos: 1_500_000)
        report.requests.authenticationFailures = 2
        report.requests.commitBatchSizes.record(7)
        report.requests.commitBatchSizes.record(8)
        let allocator = AllocatorStatistics(
            allocatedBytes: 1000, activeBytes: 1200, residentBytes: 1500, retainedBytes: 300)
        let values = Dictionary(
            uniqueKeysWithValues: lines(MonitorText.text(report, allocator: allocator)).map { ($0.name, $0.value) })
        let expected = [
            "version": "3.9.5-x, built on y", "server_state": "standalone", "num_alive_connections": "11",
            "outstanding_requests": "12", "znode_count": "13", "watch_count": "14", "ephemerals_count": "15",
            "approximate_data_size": "16", "global_sessions": "17", "uptime": "18", "packets_received": "19",
            "packets_sent": "20", "avg_latency": "4.2", "min_latency": "2", "max_latency": "9",
            "cnt_readlatency": "3", "sum_readlatency": "7", "avg_readlatency": "2.6", "p50_readlatency": "2",
            "p99_updatelatency": "9", "max_updatelatency": "9", "last_client_response_size": "40",
            "min_client_response_size": "16", "max_client_response_size": "93", "avg_fsynctime": "1.5",
            "auth_failed_count": "2", "avg_sync_processor_batch_size": "7.5", "jemalloc_allocated": "1000",
            "jemalloc_active": "1200", "jemalloc_resident": "1500", "jemalloc_retained": "300",
            "jemalloc_fragmentation_ratio": "1.5", "connection_drop_probability": "0.0",
        ]
        for (name, value) in expected { #expect(values["zk_\(name)"] == value, "\(name)") }
        #expect(try #require(Int(values["zk_open_file_descriptor_count"] ?? "")) >= 3)
        #expect(try #require(Int(values["zk_max_file_descriptor_count"] ?? "")) >= 3)
    }

    @Test func javaDoubles() {
        let texts: [(Double, String)] = [
            (0, "0.0"), (1, "1.0"), (1.4545, "1.4545"), (0.001, "0.001"), (0.0001, "1.0E-4"), (123456.75, "123456.75"),
            (9_999_999, "9999999.0"), (10_000_000, "1.0E7"), (12_345_678.9, "1.23456789E7"), (-2.5, "-2.5"),
            (1e21, "1.0E21"), (0.00025, "2.5E-4"), (100, "100.0"), (.infinity, "Infinity"),
        ]
        for (value, text) in texts { #expect(JavaText.double(value) == text) }
    }
}
