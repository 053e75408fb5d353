import ServerCore

/// What `mntr` tells of a server's part in an ensemble.
extension MonitorText {
    /// Facts of the moment, which a standalone server does not have.
    static func addReplication(_ report: ReplicationReport, _ lines: inout Lines) {
        lines.add("peer_state", peerState(report))
        if report.state == .observing, let leader = report.leaderID { lines.add("observer_master_id", leader) }
        lines.add("quorum_size", report.quorumSize)
        guard let leadership = report.leadership else { return }
        lines.add("leader_uptime", leadership.uptimeMillis)
        lines.add("learners", leadership.learners)
        lines.add("synced_followers", leadership.syncedFollowers)
        lines.add("synced_non_voting_followers", leadership.syncedNonVotingFollowers)
        lines.add("synced_observers", leadership.syncedObservers)
        lines.add("pending_syncs", leadership.pendingSyncs)
        lines.add("last_proposal_size", leadership.proposalSizes.last)
        lines.add("max_proposal_size", leadership.proposalSizes.greatest)
        lines.add("min_proposal_size", leadership.proposalSizes.least)
    }

    /// Counters and durations, which Apache also shows, as zeros, on a standalone server.
    static func addReplicationStatistics(_ statistics: ReplicationStatistics, _ lines: inout Lines) {
        lines.add("looking_count", statistics.lookingCount)
        lines.add("proposal_count", statistics.proposals)
        lines.add("commit_count", statistics.commits)
        lines.add("diff_count", statistics.diffSyncs)
        lines.add("snap_count", statistics.snapshotSyncs)
        lines.add("revalidate_count", statistics.revalidations)
        lines.add("learner_proposal_received_count", statistics.proposalsReceived)
        lines.add("learner_commit_received_count", statistics.commitsReceived)
        lines.add("quit_leading_due_to_disloyal_voter", statistics.disloyalVoterQuits)
        lines.add("election_time", statistics.electionTime)
        lines.add("unavailable_time", statistics.unavailableTime)
        lines.add("leader_unavailable_time", statistics.leaderUnavailableTime)
        lines.add("follower_sync_time", statistics.followerSyncTime)
        lines.add("observer_sync_time", statistics.observerSyncTime)
        lines.add("inflight_snap_count", statistics.snapshotsInFlight)
        lines.add("inflight_diff_count", statistics.diffsInFlight)
        lines.add("quorum_ack_latency", statistics.quorumAckLatency, statistics.quorumAckHistogram)
    }

    /// `following - broadcast`, `following - synchronization - snap`, `looking`.
    private static func peerState(_ report: ReplicationReport) -> String {
        var text = report.state.rawValue
        if report.phase != .election { text += " - \(report.phase.rawValue)" }
        // The mode may still be known afterwards; Apache shows it only as long as it matters.
        if report.syncMode != .none, report.phase != .broadcast { text += " - \(report.syncMode.rawValue)" }
        return text
    }
}
