import Zab

/// What the connections between servers show to be wrong with others: it is told as long as it goes on being seen,
/// because nothing says that it has been put right.
extension Replica {
    struct Sighting {
        var problem: ReplicationProblem
        /// The server that it is about, as its connection says.
        var server: ServerID
        var seenMillis: Int64
    }

    /// A connection of a server, or from it, was not as it should be.
    public func peerProblem(_ problem: ReplicationProblem, of server: ServerID) {
        sightings[problem.kind] = Sighting(problem: problem, server: server, seenMillis: nowMillis)
    }

    /// A server has introduced itself as the member list has it.
    public func peerInOrder(_ server: ServerID) {
        // Of those who share an id, one is always in order.
        if sightings[.unequalMembers]?.server == server { sightings[.unequalMembers] = nil }
    }

    /// What an operator has to put right now.
    var currentProblems: [ReplicationProblem] {
        let oldestMillis = nowMillis - Self.sightingInitLimits * configuration.limits.initMillis
        var all = sightings.filter { $0.value.seenMillis >= oldestMillis }.mapValues(\.problem)
        all.merge(problems) { _, own in own }
        return all.values.sorted { $0.kind.rawValue < $1.kind.rawValue }
    }

    /// For so many initLimits a problem is told after it was last seen.
    static let sightingInitLimits: Int64 = 4

    // MARK: the majority

    /// Says after a while who is missed, if it is they for whom nobody can be elected.
    func checkMajority(_ now: Int64) {
        guard core.role == .electing, now - electionStartMillis > configuration.limits.initMillis else { return }
        let rule = configuration.quorum
        let silent = rule.voters.filter { $0 != configuration.myId && !election.isLinked(to: $0) }
        guard !rule.containsQuorum(Set(rule.voters).subtracting(silent)) else {
            problems[.unreachableMajority] = nil
            return
        }
        let problem = ReplicationProblem.unreachableMajority(silent: Array(silent), voters: rule.voterCount)
        note(problem)
        guard !hasToldMajority else { return }
        hasToldMajority = true
        log?(.refused(problem.text))
    }

    /// There is a leader.
    func forgetMajority() {
        problems[.unreachableMajority] = nil
        hasToldMajority = false
    }
}
