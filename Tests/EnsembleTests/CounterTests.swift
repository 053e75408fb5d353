import TestSupport
import Testing

/// What `mntr` counts of replication, in servers that replicate: a counter that stays at nothing would mislead.
@Suite("Counters of replication", .serialized, .enabled(if: Combination.vendors.contains(.corral)))
struct CounterTests {
    @Test("proposals, commits, acknowledgements and synchronizations are counted where they happen")
    func counted() throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral], observers: [.corral])
        try ensemble.start(leader: 3)
        let client = try ensemble[1].client()
        for number in 0..<40 { try client.create("/counted\(number)") }
        try ensemble.waitForEqualZxids()
        // By transactions, and, where the log does not reach back or the tree is empty, by a snapshot.
        ensemble[2].stop()
        for number in 40..<60 { try client.create("/counted\(number)") }
        try ensemble.start(2)
        try ensemble.waitForRoles()
        try client.close()
        try ensemble.waitForEqualZxids()

        func values(_ id: Int) throws -> (String) -> Double {
            let monitor = try ensemble[id].monitor()
            return { Double(monitor[$0] ?? "") ?? -1 }
        }
        let leader = try values(3)
        #expect(leader("cnt_quorum_ack_latency") >= 60 && leader("max_quorum_ack_latency") < 60_000)
        #expect(leader("cnt_inflight_diff_count") >= 4 && leader("max_inflight_diff_count") >= 1)
        #expect(leader("learner_proposal_received_count") == 0)
        let follower = try values(1)
        #expect(follower("learner_proposal_received_count") >= 60 && follower("learner_commit_received_count") >= 60)
        #expect(follower("cnt_follower_sync_time") == 1 && follower("cnt_observer_sync_time") == 0)
        let observer = try values(4)
        #expect(observer("cnt_observer_sync_time") == 1 && observer("cnt_follower_sync_time") == 0)
        #expect(observer("learner_proposal_received_count") >= 60)
        let restarted = try values(2)
        #expect(restarted("cnt_startup_snap_load_time") == 1 && restarted("cnt_startup_txns_load_time") == 1)
        #expect(restarted("sum_startup_txns_loaded") >= 40)
    }
}
