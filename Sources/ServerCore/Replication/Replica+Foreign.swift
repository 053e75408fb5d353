import Zab

/// A member whose data directory comes from elsewhere must not take the ensemble's history from it.
///
/// While a quorum follows a leader, no server can have synchronized with a leader of a newer epoch: that one would have
/// needed promises of a quorum, and whoever promised follows no older epoch. So a history of a newer epoch than that of
/// a leader in office is not this ensemble's (or the leader is about to lose its quorum, and notices by itself). To end
/// the term for its sake, as for a mere promise, would let it win the election, and the others would forget all they
/// have.
extension Replica {
    /// Remembers with which epoch's history a server went into its election.
    func noteClaim(_ notification: ElectionNotification, of server: ServerID) {
        guard notification.state == .looking, notification.leader == server else { return }
        claimedEpochs[server] = notification.peerEpoch
    }

    /// Whether a learner has promised a newer epoch and it is not known yet with which history: its vote, which tells,
    /// comes on another connection. It finds this leader's epoch too old, votes again, and is heard then.
    func isUnheard(_ server: ServerID, acceptedEpoch: Int64) -> Bool {
        guard core.role == .leader, let epoch = leader?.epoch else { return false }
        return acceptedEpoch > epoch && claimedEpochs[server] == nil
    }

    /// Whether a learner's newer promise is that of a foreign history, which is no reason to end the term.
    func isForeign(_ server: ServerID, acceptedEpoch: Int64) -> Bool {
        guard core.role == .leader, let epoch = leader?.epoch, acceptedEpoch > epoch,
            let claimed = claimedEpochs[server], claimed > epoch
        else { return false }
        if toldClaims.updateValue(claimed, forKey: server) != claimed {
            log?(
                .refused(
                    "server.\(server) has the history of epoch \(claimed), newer than this leader's \(epoch), which a"
                        + " quorum follows: its data directory belongs to another ensemble"))
        }
        return true
    }

    /// Whether to take no notice of the leader's epoch: it is older than this server's history, and was so when this
    /// server came to it the last time. Until the connection times out, this server disturbs nobody.
    func standsBack(from epoch: Int64) -> Bool {
        guard let id = learner?.leader else { return false }
        if let lacking = lackingLeader, lacking == (id, epoch) { return true }
        guard epoch < promises.currentEpoch else { return false }
        guard let stale = staleLeader, stale == (id, epoch) else {
            staleLeader = (id, epoch)
            return false
        }
        if problems[.foreignData] == nil {
            let problem = ReplicationProblem.foreignData(
                "it is of epoch \(promises.currentEpoch), but server.\(id) leads in epoch \(epoch)")
            note(problem)
            log?(.refused(problem.text))
        }
        return true
    }

    /// Whether a TRUNC would have this server forget what was acknowledged: what the commit point on this disk covers.
    ///
    /// - Parameter zxid: up to where the leader's history is this server's.
    func refusesLoss(after zxid: Int64) -> Bool {
        // The beginning of an epoch is no transaction.
        guard storedCommit & 0xffff_ffff != 0, zxid < storedCommit else { return false }
        return refuseLoss("lacks those after 0x\(String(zxid, radix: 16))")
    }

    /// Whether a snapshot would take the place of what was acknowledged. Its zxid does not tell: the log behind it may
    /// hold all there is here. But what a server has that never was a member is in nobody else's history.
    func refusesReplacement() -> Bool {
        guard storedCommit & 0xffff_ffff != 0, promises.currentEpoch == 0 else { return false }
        return refuseLoss("would replace them")
    }

    /// A quorum has what is covered, or had it before its disks were emptied, or it was the only one's before it became
    /// a member; whichever it is, an operator has to decide. Until the connection times out, this server disturbs
    /// nobody.
    private func refuseLoss(_ how: String) -> Bool {
        guard let learner else { return false }
        let problem = ReplicationProblem.foreignData(
            "it holds transactions up to 0x\(String(storedCommit, radix: 16)) that were acknowledged, and"
                + " server.\(learner.leader), which leads, \(how). Nothing is deleted: to keep them, start this server"
                + " before those with empty directories; to give them up, empty its directory")
        if problems[.foreignData] != problem {
            note(problem)
            log?(.refused(problem.text))
        }
        lackingLeader = (learner.leader, learner.epoch)
        abandonTerm(problem.text)
        return true
    }
}
