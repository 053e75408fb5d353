import ServerCore

/// Text of `mntr`: one `zk_name<TAB>value` a line, Apache's names and formats, in a fixed order.
enum MonitorText {
    static func text(
        _ report: ServerReport, allocator: AllocatorStatistics? = AllocatorStatistics.current()
    ) -> String {
        var lines = Lines()
        lines.add("version", report.version)
        lines.add("server_state", report.currentMode.rawValue)
        if let replication = report.replication { addReplication(replication, &lines) }
        addGauges(report, &lines)
        addCounters(report.requests, &lines)
        addReplicationStatistics(report.replication?.statistics ?? ReplicationStatistics(), &lines)
        addSummaries(report.requests, &lines)
        addAllocator(allocator, &lines)
        return lines.text + problem(report)
    }

    /// Corral's own line, last; empty when all is well.
    static func problem(_ report: ServerReport) -> String {
        report.problemText.map { "zk_corral_problem\t\($0)\n" } ?? ""
    }

    struct Lines {
        var text = ""

        mutating func add(_ name: String, _ value: String) {
            text += "zk_\(name)\t\(value)\n"
        }

        mutating func add(_ name: String, _ value: some BinaryInteger) {
            add(name, String(value))
        }

        mutating func add(_ name: String, _ value: Double) {
            add(name, JavaText.double(value))
        }

        mutating func add(_ name: String, _ summary: LatencySummary) {
            add("avg_\(name)", summary.averageMillis)
            add("min_\(name)", summary.minMillis)
            add("max_\(name)", summary.maxMillis)
            add("cnt_\(name)", summary.count)
            add("sum_\(name)", summary.sumMillis)
        }

        mutating func add(_ name: String, _ summary: LatencySummary, _ histogram: LatencyHistogram) {
            add(name, summary)
            for (label, fraction) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
                // A bucket's middle may lie beyond what was really seen.
                let millis = min(summary.maxMillis, max(summary.minMillis, histogram.percentile(fraction) / 1000))
                add("\(label)_\(name)", millis)
            }
        }

        mutating func add(_ name: String, _ summary: NumberSummary) {
            add("avg_\(name)", summary.average)
            add("min_\(name)", summary.least)
            add("max_\(name)", summary.greatest)
            add("cnt_\(name)", summary.count)
            add("sum_\(name)", summary.sum)
        }
    }

    private static func addGauges(_ report: ServerReport, _ lines: inout Lines) {
        let latency = report.requests.requestLatency
        lines.add("avg_latency", latency.averageMillis)
        lines.add("max_latency", latency.maxMillis)
        lines.add("min_latency", latency.minMillis)
        lines.add("packets_received", report.requests.packetsReceived)
        lines.add("packets_sent", report.requests.packetsSent)
        lines.add("num_alive_connections", report.aliveConnections)
        lines.add("outstanding_requests", report.outstandingRequests)
        lines.add("uptime", report.uptimeMillis)
        lines.add("znode_count", report.nodeCount)
        lines.add("watch_count", report.watchCount)
        lines.add("ephemerals_count", report.ephemeralsCount)
        lines.add("approximate_data_size", report.approximateDataSizeBytes)
        lines.add("global_sessions", report.globalSessions)
        lines.add("local_sessions", report.localSessions)
        if let open = ProcessStatistics.openFileDescriptors() { lines.add("open_file_descriptor_count", open) }
        if let most = ProcessStatistics.maximumFileDescriptors() { lines.add("max_file_descriptor_count", most) }
        lines.add("connection_drop_probability", 0.0)
        lines.add("last_client_response_size", report.requests.responseSizes.last)
        lines.add("max_client_response_size", report.requests.responseSizes.greatest)
        lines.add("min_client_response_size", report.requests.responseSizes.least)
        lines.add("outstanding_tls_handshake", 0)
        lines.add("auth_failed_count", report.requests.authenticationFailures)
        lines.add("non_mtls_remote_conn_count", 0)
        lines.add("non_mtls_local_conn_count", 0)
    }

    private static func addCounters(_ requests: RequestStatistics, _ lines: inout Lines) {
        lines.add("bytes_received_count", requests.bytesReceived)
        lines.add("response_bytes", requests.responseBytes)
        lines.add("watch_bytes", requests.watchBytes)
        lines.add("connection_request_count", requests.connectionRequests)
        lines.add("connection_rejected", requests.connectionsRejected)
        lines.add("connection_drop_count", requests.connectionsDropped)
        lines.add("connection_revalidate_count", requests.connectionsRevalidated)
        lines.add("sessionless_connections_expired", requests.sessionlessConnectionsExpired)
        lines.add("stale_sessions_expired", requests.sessionsExpired)
        lines.add("stale_replies", requests.staleReplies)
        lines.add("large_requests_rejected", requests.largeRequestsRejected)
        lines.add("request_throttle_wait_count", requests.throttleWaits)
        lines.add("sync_processor_request_queued", requests.transactionsLogged)
        lines.add("fsync_threshold_exceed_count", requests.slowFsyncs)
        lines.add("snapshot_error_count", requests.snapshotErrors)
        lines.add("digest_mismatches_count", requests.digestMismatches)
        lines.add("unrecoverable_error_count", 0)
    }

    private static func addSummaries(_ requests: RequestStatistics, _ lines: inout Lines) {
        lines.add("readlatency", requests.readLatency, requests.readHistogram)
        lines.add("updatelatency", requests.updateLatency, requests.updateHistogram)
        lines.add("fsynctime", requests.fsyncTime)
        lines.add("sync_processor_batch_size", requests.commitBatchSizes)
        lines.add("snapshottime", requests.snapshotTime)
        lines.add("dbinittime", requests.databaseInitTime)
        lines.add("startup_snap_load_time", requests.startupSnapshotLoadTime)
        lines.add("startup_txns_load_time", requests.startupTxnsLoadTime)
        lines.add("startup_txns_loaded", requests.startupTxnsLoaded)
        lines.add("node_created_watch_count", requests.nodeCreatedWatches)
        lines.add("node_deleted_watch_count", requests.nodeDeletedWatches)
        lines.add("node_changed_watch_count", requests.nodeChangedWatches)
        lines.add("node_children_watch_count", requests.nodeChildrenWatches)
    }

    private static func addAllocator(_ allocator: AllocatorStatistics?, _ lines: inout Lines) {
        guard let allocator else { return }
        lines.add("jemalloc_allocated", allocator.allocatedBytes)
        lines.add("jemalloc_active", allocator.activeBytes)
        lines.add("jemalloc_resident", allocator.residentBytes)
        lines.add("jemalloc_retained", allocator.retainedBytes)
        let ratio = (allocator.fragmentationRatio * 10_000).rounded(.toNearestOrAwayFromZero) / 10_000
        lines.add("jemalloc_fragmentation_ratio", ratio)
    }
}
