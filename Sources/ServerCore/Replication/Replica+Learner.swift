import DataTree
import DequeModule
import Jute
import RequestQueue
import TxnLog
import Zab
import ZooKeeperProtocol

/// A learner's side: takes the leader's stream, and is the way of this server's clients to the leader.
extension Replica {
    func startLearnerTerm(leader id: ServerID) {
        learner = LearnerMachine(
            leader: id, isObserver: configuration.isObserver, limits: configuration.limits, promises: promises,
            historyEnd: loggedZxid, nowMillis: nowMillis, mutations: mutations)
        termFoundMillis = nowMillis
        network.connectToLeader(id)
    }

    // MARK: the connection

    /// The connection to the leader stands.
    public func leaderConnected(_ link: any PeerLink, _ server: ServerID) {
        guard learner?.leader == server, upstream == nil, !isEnding else { return link.close() }
        upstream = link
        learner?.connected(nowMillis: nowMillis, &effects)
        settle()
        flushToLeader()
    }

    /// The leader cannot be reached at all.
    public func leaderConnectFailed(_ server: ServerID, reason: String) {
        guard learner?.leader == server else { return }
        abandonTerm("server \(server), which was elected, cannot be reached: \(reason)")
        settle()
    }

    /// The leader's connection ended before it said anything; another one is on its way.
    public func leaderTurnedAway(_ link: any PeerLink) {
        guard upstream === link else { return }
        upstream = nil
        toLeader.removeAll()
        learner?.turnedAway()
    }

    /// The connection to the leader is gone.
    public func leaderLost(_ link: any PeerLink, reason: String) {
        guard upstream === link else { return }
        upstream = nil
        learner?.linkClosed("the connection to the leader ended: \(reason)", &effects)
        settle()
    }

    /// Bytes from the leader.
    ///
    /// - Returns: how many are used: whole packets, or any part of a snapshot.
    public func received(_ bytes: UnsafeRawBufferPointer, fromLeader link: any PeerLink) -> Int {
        guard upstream === link, learner != nil else { return bytes.count }
        learner?.heard(nowMillis: nowMillis)
        var offset = 0
        reading: while offset < bytes.count, !isEnding, !isReadingPaused {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            if installation != nil {
                let used = receiveSnapshot(rest)
                if used == 0 { break }
                offset += used
                continue
            }
            do throws(QuorumPacketError) {
                let packet: QuorumPacket
                if let fast = QuorumPacket.parseFast(rest) {
                    packet = fast
                } else {
                    guard case .packet(let parsed) = try QuorumPacket.parse(rest) else { break reading }
                    packet = parsed
                }
                offset += packet.length
                try take(packet)
            } catch {
                abandonTerm("the leader's stream cannot be read: \(error)")
            }
        }
        perform()
        settle()
        return upstream === link ? offset : bytes.count
    }

    private func take(_ packet: QuorumPacket) throws(QuorumPacketError) {
        switch packet.type {
        case .proposal: try takeProposal(packet)
        case .commit:
            replicationStatistics.commitsReceived += 1
            learner?.commit(zxid: packet.zxid, &effects)
        case .inform:
            try takeProposal(packet)
            learner?.commit(zxid: packet.zxid, &effects)
        default:
            // Everything else has its place between proposals and commits.
            perform()
            try takeOther(packet)
            perform()
        }
    }

    private func takeProposal(_ packet: QuorumPacket) throws(QuorumPacketError) {
        guard let data = packet.data, data.count >= TransactionHead.length,
            TransactionHead.zxid(of: data) == packet.zxid
        else { throw .badPayload(packet.type) }
        replicationStatistics.proposalsReceived += 1
        guard learner?.proposal(zxid: packet.zxid, &effects) == true else { return }
        core.batch.append(txn: data, zxid: packet.zxid)
        guard core.batch.bytes.count > ReplicaLimits.unloggedBytesMax else { return }
        core.flush()
        if core.batch.bytes.count > ReplicaLimits.unloggedBytesMax {
            // The network is faster than the disk.
            isReadingPaused = true
            upstream?.pauseReading()
        }
    }

    func resumeReadingIfPossible() {
        guard isReadingPaused, core.batch.bytes.count <= ReplicaLimits.unloggedBytesMax else { return }
        isReadingPaused = false
        upstream?.resumeReading()
    }

    private func takeOther(_ packet: QuorumPacket) throws(QuorumPacketError) {
        switch packet.type {
        case .leaderInfo:
            let epoch = Zxid.epoch(of: packet.zxid)
            if !standsBack(from: epoch) { learner?.leaderInfo(epoch: epoch, &effects) }
        case .diff:
            syncMode = .diff
            takeDiff(packet.zxid)
        case .trunc:
            syncMode = .trunc
            learner?.truncate(zxid: packet.zxid, &effects)
        case .snap:
            syncMode = .snap
            learner?.snapshot(zxid: packet.zxid, &effects)
        case .newLeader:
            core.flush()
            learner?.newLeader(zxid: packet.zxid, &effects)
        case .upToDate: learner?.upToDate(&effects)
        case .ping: answerPing(packet.zxid)
        case .sync: takeSync()
        case .revalidate: takeRevalidation(try RevalidationAnswer(from: packet))
        default: throw .badPayload(packet.type)
        }
    }

    private func takeDiff(_ zxid: Int64) {
        guard !needsSnapshot else {
            return abandonTerm("the leader offers a DIFF to a server whose tree is damaged")
        }
        learner?.diff(zxid: zxid, &effects)
    }

    func sendLearnerInfo(_ acceptedEpoch: Int64) {
        toLeader.appendLearnerInfo(
            LearnerInfo(serverID: configuration.myId), type: configuration.isObserver ? .observerInfo : .followerInfo,
            acceptedEpoch: acceptedEpoch)
    }

    /// Acknowledges every proposal of a run by itself: Apache's leader counts them so.
    func sendAcks(after: Int64, upTo: Int64) {
        for logged in core.awaiting {
            guard logged.batch.count > 0, logged.batch.lastZxid > after else { continue }
            guard logged.batch.firstZxid <= upTo else { break }
            for index in 0..<logged.batch.count {
                let zxid = logged.batch.zxid(at: index)
                if zxid > after, zxid <= upTo { toLeader.appendPacket(.ack, zxid: zxid) }
            }
        }
    }

    func flushToLeader() {
        guard let upstream, !toLeader.isEmpty else { return }
        upstream.send(toLeader.bytes)
        toLeader.removeAll()
    }

    // MARK: history

    func learnCommit(_ zxid: Int64) {
        committedZxid = max(committedZxid, zxid)
        core.applyCommitted(upTo: committedZxid)
        answerReadySyncs()
    }

    func truncate(to zxid: Int64) {
        guard !refusesLoss(after: zxid) else { return }
        log?(.truncating(to: zxid, from: loggedZxid))
        core.dropAwaiting(after: zxid)
        let left: Int64? = attempt { () throws(DiskError) in
            try disk.quiesce()
            return try disk.truncateLog(to: zxid)
        }
        guard let left else {
            needsSnapshot = true
            return abandonTerm(
                "the leader wants the log cut at 0x\(String(zxid, radix: 16)), before all snapshots here")
        }
        loggedZxid = left
        // A leader that was never established may have sent as committed what goes now.
        committedZxid = min(committedZxid, left)
        if core.tree.lastProcessedZxid > zxid { reloadTree() }
        if recent.startZxid > zxid || (recent.batches.last?.lastZxid ?? 0) > zxid {
            recent.reset(startZxid: core.tree.lastProcessedZxid)
        }
    }

    /// Rebuilds the tree from the disk: what it holds beyond the log is not history any more (ZOOKEEPER-2845).
    func reloadTree() {
        core.lock.lockExclusive()
        defer { core.lock.unlockExclusive() }
        do throws(RecoveryError) {
            let state = RecoveredState(core.tree)
            let result = try disk.recover(into: state)
            core.replaceSessions(state.sessions)
            loggedZxid = max(result.lastZxid, core.tree.lastProcessedZxid)
            recent.reset(startZxid: core.tree.lastProcessedZxid)
            core.awaiting.removeAll()
            publishMembers()
        } catch {
            fatal("\(error)")
        }
    }

    func beginReceivingSnapshot(_ zxid: Int64) {
        guard !refusesReplacement() else { return }
        log?(.receivingSnapshot(zxid: zxid))
        attempt { () throws(DiskError) in
            try disk.quiesce()
            installation = SnapshotInstallation(core: core, sink: try disk.receiveSnapshot(zxid: zxid), zxid: zxid)
        }
    }

    private func receiveSnapshot(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let receiver = installation else { return 0 }
        do {
            let used = try receiver.take(bytes)
            if receiver.isComplete {
                try receiver.finish()
                installation = nil
                loggedZxid = receiver.zxid
                committedZxid = receiver.zxid
                core.awaiting.removeAll()
                recent.reset(startZxid: receiver.zxid)
                needsSnapshot = false
                publishMembers()
                isHistoryPartial = true
                learner?.snapshotInstalled(zxid: receiver.zxid)
            }
            return used
        } catch let error as DiskError {
            fatal("\(error)")
            return bytes.count
        } catch {
            abandonTerm("the leader's snapshot cannot be read: \(error)")
            needsSnapshot = true
            return bytes.count
        }
    }

    // MARK: this server's clients

    func sendRequest(
        _ sessionId: Int64, _ xid: Int32, _ opcode: OpCode, _ record: UnsafeRawBufferPointer, _ credentials: Credentials
    ) {
        toLeader.appendRequest(
            sessionID: sessionId, cxid: xid, opcode: opcode.rawValue, body: record, identities: credentials.identities)
    }

    func awaitSync(_ request: PreparedRequest) {
        guard let session = request.session else { return }
        unansweredSyncs.append(session.id)
    }

    /// SYNC answers the oldest sync asked; its client hears once everything before is applied here.
    private func takeSync() {
        guard !unansweredSyncs.isEmpty else { return abandonTerm("SYNC without a question") }
        let id = unansweredSyncs.removeFirst()
        guard let session = core.sessions[id],
            let request = session.forwarded.first(where: { $0.sync != nil && $0.sync!.readyAt == nil })
        else { return }
        request.sync!.readyAt = min(committedZxid, learner?.lastZxid ?? committedZxid)
        readySyncs.append(id)
        answerReadySyncs()
    }

    func answerReadySyncs() {
        guard !readySyncs.isEmpty else { return }
        readySyncs.removeAll { id in
            guard let session = core.sessions[id] else { return true }
            core.answerInOrder(session)
            return !session.forwarded.contains { $0.sync?.readyAt != nil }
        }
    }

    /// Asks the leader whether a session lives that a client has brought along.
    func revalidate(_ sessionId: Int64, timeoutMillis: Int32, _ connection: ClientConnection) {
        if let earlier = revalidating[sessionId] { core.disconnect(earlier.connection) }
        revalidating[sessionId] = Revalidating(connection: connection, timeoutMillis: timeoutMillis)
        toLeader.appendRevalidation(Revalidation(sessionID: sessionId, timeoutMillis: timeoutMillis))
    }

    private func takeRevalidation(_ answer: RevalidationAnswer) {
        guard let waiting = revalidating.removeValue(forKey: answer.sessionID) else { return }
        let connection = waiting.connection
        guard !connection.isGone else { return }
        guard answer.isValid else {
            core.answerHandshake(connection, nil, core.clock.monotonicNanos())
            return
        }
        let session = core.trackSession(answer.sessionID, timeoutMillis: waiting.timeoutMillis, nowMillis: nowMillis)
        session.isCommitted = true
        // What is under way was asked elsewhere.
        session.othersUpTo = learner?.lastZxid ?? committedZxid
        core.reattach(connection, to: session, timeoutMillis: waiting.timeoutMillis)
    }

    /// Tells the leader which sessions have been heard of.
    private func answerPing(_ zxid: Int64) {
        guard let learner, learner.phase == .broadcast || learner.phase == .awaitingStart else { return }
        let mark = toLeader.openPingAnswer(zxid: zxid)
        for connection in core.registry.all() {
            guard let session = connection.attachedSession, session.hasBeenHeard(), !mutations.contains(.touchLost)
            else { continue }
            toLeader.appendTouch(sessionID: session.id, timeoutMillis: session.timeoutMillis)
        }
        toLeader.closePacket(mark)
    }
}

/// A client's session that the leader is being asked about.
struct Revalidating {
    let connection: ClientConnection
    let timeoutMillis: Int32
}
