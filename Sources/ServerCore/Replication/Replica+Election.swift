import DataTree
import Zab

/// Looking for a leader: the election machine's messages, and the beginning of the term it decides on.
extension Replica {
    // MARK: events

    /// A message from another server's election port.
    public func electionMessage(_ bytes: UnsafeRawBufferPointer, from server: ServerID) {
        guard let message = try? ElectionNotification.decode(bytes) else {
            log?(.refused("an election message of server \(server) cannot be read"))
            return
        }
        if let list = message.configuration {
            if !list.elementsEqual(configuration.memberListText) {
                noteMemberList(list, of: server)
            } else if disagreements[server] != nil {
                forgetDisagreement(of: server)
            }
        }
        noteClaim(message.notification, of: server)
        election.received(message.notification, from: server, nowMillis: nowMillis, effects: &electionEffects)
        performElection()
        settle()
    }

    public func electionLinkUp(_ server: ServerID) {
        election.linkUp(server, nowMillis: nowMillis, effects: &electionEffects)
        performElection()
        settle()
    }

    public func electionLinkDown(_ server: ServerID) {
        // It may come back with another data directory.
        claimedEpochs[server] = nil
        election.linkDown(server, nowMillis: nowMillis, effects: &electionEffects)
        performElection()
        settle()
    }

    // MARK: the election

    func beginElection() {
        electionStartMillis = nowMillis
        replicationStatistics.lookingCount += 1
        log?(.electing(zxid: loggedZxid, epoch: promises.currentEpoch))
        election.start(
            lastZxid: mutations.contains(.zk2845) ? core.tree.lastProcessedZxid : loggedZxid,
            currentEpoch: promises.currentEpoch, nowMillis: nowMillis, effects: &electionEffects)
        performElection()
    }

    func tickElection(_ now: Int64) {
        election.tick(nowMillis: now, effects: &electionEffects)
        performElection()
        checkMajority(now)
    }

    private func performElection() {
        while !electionEffects.isEmpty {
            let batch = electionEffects
            electionEffects.removeAll(keepingCapacity: true)
            for effect in batch {
                switch effect {
                case .send(let notification, let server):
                    network.sendElectionMessage(
                        notification.encoded(configuration: configuration.memberListText), to: server)
                case .elected(let id, _): beginTerm(under: id)
                case .supportLost:
                    guard !isEstablished else { break }
                    if leader != nil { replicationStatistics.disloyalVoterQuits += 1 }
                    abandonTerm("those who elected the leader look for another")
                }
            }
        }
    }

    private func beginTerm(under id: ServerID) {
        precondition(leader == nil && learner == nil)
        log?(.elected(leader: id, millis: nowMillis - electionStartMillis))
        if id == configuration.myId { startLeaderTerm() } else { startLearnerTerm(leader: id) }
        perform()
    }

    /// This server has a role in an established term.
    func noteEstablished(epoch: Int64) {
        let nanos = UInt64(max(0, nowMillis - electionStartMillis)) * 1_000_000
        replicationStatistics.electionTime.record(nanos: nanos)
        replicationStatistics.unavailableTime.record(nanos: nanos)
        if leader != nil { replicationStatistics.leaderUnavailableTime.record(nanos: nanos) }
        election.established(epoch: epoch, nowMillis: nowMillis, effects: &electionEffects)
        performElection()
    }

    /// Says once when another server's member list would split the ensemble.
    private func noteMemberList(_ text: UnsafeRawBufferPointer, of server: ServerID) {
        guard !text.isEmpty, let own = configuration.members, let theirs = EnsembleConfiguration(text: text),
            !theirs.members.isEmpty
        else { return }
        let disagreement = own.disagreement(with: theirs)
        guard disagreement != disagreements[server] else { return }
        if let disagreement {
            disagreements[server] = disagreement
            let problem = ReplicationProblem.unequalMembers(server, disagreement)
            note(problem)
            log?(.refused(problem.text))
        } else {
            forgetDisagreement(of: server)
        }
    }

    /// The server has been put right; of others that have not, one is still told of.
    private func forgetDisagreement(of server: ServerID) {
        disagreements[server] = nil
        problems[.unequalMembers] = disagreements.min { $0.key < $1.key }.map { .unequalMembers($0.key, $0.value) }
    }
}
