import DataTree
import Zab

/// What the four-letter words, and the simulator's checkers, are told.
extension Replica {
    public func report() -> ReplicationReport {
        var report = ReplicationReport(serverID: configuration.myId, state: state)
        report.phase = phase
        report.syncMode = syncMode
        report.leaderID = leader != nil ? configuration.myId : learner?.leader
        report.quorumSize = configuration.quorum.voterCount
        report.statistics = replicationStatistics
        report.problems = currentProblems
        if let leader {
            var leadership = ReplicationReport.Leadership()
            leadership.uptimeMillis = isEstablished ? nowMillis - termStartMillis : 0
            leadership.learners = orderedLinks.count { $0.serverID != nil }
            leadership.syncedFollowers = leader.synchronizedVoters - 1
            leadership.syncedObservers = leader.synchronizedObservers
            leadership.pendingSyncs = (core.submitted + core.awaiting).reduce(0) { count, logged in
                count + logged.requests.dropFirst(logged.requestsDone).count { $0.sync != nil }
            } + learnerSyncs.count
            leadership.proposalSizes = proposalSizes
            report.leadership = leadership
        }
        return report
    }

    private var state: ReplicationReport.State {
        if leader != nil { return .leading }
        guard learner != nil else { return .looking }
        return configuration.isObserver ? .observing : .following
    }

    private var phase: ReplicationReport.Phase {
        if let leader {
            switch leader.phase {
            case .discovery: return .discovery
            case .synchronization: return .synchronization
            case .broadcast, .ended: return .broadcast
            }
        }
        switch learner?.phase {
        case nil, .ended: return .election
        case .connecting, .discovery: return .discovery
        case .broadcast: return .broadcast
        default: return .synchronization
        }
    }

    /// A leader's proposal sizes start anew (`srst`).
    public func resetStatistics() { proposalSizes = SizeSummary() }

    /// When `tick` must come next, in monotonic milliseconds; the regular ticks serve for everything else. A silent
    /// peer is noticed by all that wait for it within the same milliseconds, and so they look for a leader together.
    public var nextDeadlineMillis: Int64? {
        var next = election.nextTickMillis ?? .max
        if let term = leader?.nextTickMillis ?? learner?.nextTickMillis { next = min(next, term) }
        if let feedAtMillis { next = min(next, feedAtMillis) }
        return next == .max ? nil : next
    }

    public var inspection: ReplicaInspection {
        ReplicaInspection(
            state: state, isEstablished: isEstablished && core.role != .electing,
            leader: leader != nil ? configuration.myId : learner?.leader, promises: promises,
            epoch: leader?.epoch ?? learner?.epoch ?? 0, loggedZxid: loggedZxid, committedZxid: committedZxid,
            appliedZxid: core.tree.lastProcessedZxid, digest: core.tree.digest)
    }
}

/// A replica as a checker sees it.
public struct ReplicaInspection: Sendable, Equatable {
    public var state: ReplicationReport.State
    /// Whether it may serve.
    public var isEstablished: Bool
    public var leader: ServerID?
    public var promises: Promises
    /// The epoch of the term under way; 0 without one.
    public var epoch: Int64
    public var loggedZxid: Int64
    public var committedZxid: Int64
    public var appliedZxid: Int64
    public var digest: UInt64
}
