import DataTree
import Jute
import TxnLog
import Zab
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The leader's side: learners come, are brought to this server's history, and then get every proposal and commit.
extension Replica {
    func startLeaderTerm() {
        leader = LeaderMachine(
            myId: configuration.myId, quorum: configuration.quorum, limits: configuration.limits, promises: promises,
            historyEnd: loggedZxid, epochFloor: epochFloor, nowMillis: nowMillis, mutations: mutations)
        announcedZxid = loggedZxid
        quorumZxid = loggedZxid
        openRound = 0
        sentRound = 0
        confirmedRound = 0
        pace = CatchUpPace()
        network.setAcceptsLearners(true)
        leader!.start(&effects)
    }

    // MARK: links

    /// A learner has connected. Returns its link's name, under which its bytes come; nil refuses it.
    public func learnerConnected(_ link: any PeerLink) -> LinkID? {
        guard leader != nil, !isEnding else { return nil }
        let id = nextLink()
        links[id] = LearnerLink(id: id, link: link)
        return id
    }

    /// Bytes from a learner.
    ///
    /// - Returns: how many were whole packets, and are used.
    public func received(_ bytes: UnsafeRawBufferPointer, fromLearner id: LinkID) -> Int {
        var offset = 0
        turnMillis = nowMillis
        // They come by the thousand, and each says all that the one before said.
        var lastAck: Int64 = 0
        while offset < bytes.count, let link = links[id], !isEnding {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            do throws(QuorumPacketError) {
                let packet: QuorumPacket
                if let fast = QuorumPacket.parseFast(rest) {
                    packet = fast
                } else {
                    guard case .packet(let parsed) = try QuorumPacket.parse(rest) else { break }
                    packet = parsed
                }
                offset += packet.length
                if packet.type == .ack, Zxid.counter(of: packet.zxid) != 0 {
                    lastAck = max(lastAck, packet.zxid)
                    continue
                }
                if lastAck > 0 {
                    leader?.ack(id, zxid: lastAck, nowMillis: turnMillis, &effects)
                    lastAck = 0
                }
                if packet.type == .ack {
                    leader?.ack(id, zxid: packet.zxid, nowMillis: turnMillis, &effects)
                } else {
                    try take(packet, from: link)
                }
                if !effects.isEmpty { perform() }
            } catch {
                closeLink(id, "\(error)")
            }
        }
        if lastAck > 0 { leader?.ack(id, zxid: lastAck, nowMillis: turnMillis, &effects) }
        settle()
        return links[id] == nil ? bytes.count : offset
    }

    /// A learner's connection is gone.
    public func learnerLost(_ id: LinkID, reason: String) {
        guard let link = links.removeValue(forKey: id) else { return }
        log?(.learnerLost(link.serverID, reason: reason))
        link.close()
        leader?.linkClosed(id)
        settle()
    }

    /// A learner's connection has room again.
    public func learnerDrained(_ id: LinkID) {
        guard let link = links[id] else { return }
        leader?.heard(id, nowMillis: nowMillis)
        feed(link)
        settle()
    }

    /// Whether a learner catches up, from the choice of how until every proposal goes to it as it is made.
    var hasLearnersBehind: Bool { links.values.contains(where: \.isCatchingUp) }

    /// Notes how many synchronizations are under way, whenever one begins or ends.
    private func countSyncs() {
        let count = { (kind: LearnerLink.Sync) in UInt64(self.links.values.count { $0.sync == kind }) }
        replicationStatistics.snapshotsInFlight.record(count(.snapshot))
        replicationStatistics.diffsInFlight.record(count(.transactions))
    }

    func closeLink(_ id: LinkID, _ reason: String) {
        guard let link = links.removeValue(forKey: id) else { return }
        if link.sync != nil { countSyncs() }
        log?(.learnerLost(link.serverID, reason: reason))
        link.close()
        leader?.linkClosed(id)
    }

    private func take(_ packet: QuorumPacket, from link: LearnerLink) throws(QuorumPacketError) {
        let now = turnMillis
        switch packet.type {
        case .followerInfo, .observerInfo:
            let info = try LearnerInfo(from: packet)
            guard link.serverID == nil else { throw .badPayload(packet.type) }
            link.serverID = info.serverID
            link.isObserver = packet.type == .observerInfo
            if let refusal = memberProblem(link) {
                peerProblem(refusal, of: info.serverID)
                log?(.refused(refusal.text))
                closeLink(link.id, refusal.text)
                return
            }
            election.supported(by: info.serverID)
            var accepted = Zxid.epoch(of: packet.zxid)
            // It will find that this leader's epoch is too old for it.
            if isUnheard(info.serverID, acceptedEpoch: accepted) || isForeign(info.serverID, acceptedEpoch: accepted) {
                accepted = 0
            }
            leader?.learnerInfo(
                link.id, id: info.serverID, isObserver: link.isObserver, acceptedEpoch: accepted, nowMillis: now,
                &effects)
        case .ackEpoch:
            leader?.epochAck(
                link.id, currentEpoch: try packet.acknowledgedEpoch() ?? -1, lastZxid: packet.zxid, nowMillis: now,
                &effects)
        case .ping:
            leader?.heard(link.id, nowMillis: now)
            pingAnswered(link)
            for (id, timeoutMillis) in try TouchTable(from: packet) { touch(id, timeoutMillis) }
        case .request:
            leader?.heard(link.id, nowMillis: now)
            takeRequest(try ForwardedRequest(from: packet), try credentials(of: packet, link), link)
        case .revalidate:
            leader?.heard(link.id, nowMillis: now)
            answerRevalidation(try Revalidation(from: packet), link)
        default:
            throw .badPayload(packet.type)
        }
    }

    private func memberProblem(_ link: LearnerLink) -> ReplicationProblem? {
        guard let id = link.serverID else { return nil }
        if id == configuration.myId { return .duplicateID(id, at: link.link.peerDescription) }
        if !link.isObserver, !configuration.quorum.isVoter(id) {
            return .unknownPeer(id, at: link.link.peerDescription)
        }
        return nil
    }

    // MARK: synchronization

    private enum Plan {
        case diff(from: Int64)
        case truncate(to: Int64)
        case snapshot
    }

    /// Chooses how a learner's history becomes this one, and begins. The tail is queued by the same step: from here on
    /// everything goes through the link's one position (ZOOKEEPER-962).
    func synchronize(_ id: LinkID, _ learnerZxid: Int64, _ isObserver: Bool) {
        guard let link = links[id] else { return }
        let end = historyBound
        switch plan(learnerZxid, end) {
        case .diff(let from):
            replicationStatistics.diffSyncs += 1
            link.output.appendPacket(.diff, zxid: max(end, from))
            link.position = from
            link.stage = .history
            log?(.learnerJoined(link.serverID ?? -1, how: "DIFF", zxid: from))
        case .truncate(let zxid):
            replicationStatistics.diffSyncs += 1
            link.output.appendPacket(.trunc, zxid: mutations.contains(.zk1156) ? zxid - 1 : zxid)
            link.position = zxid
            link.stage = .history
            log?(.learnerJoined(link.serverID ?? -1, how: "TRUNC", zxid: zxid))
        case .snapshot:
            guard let stream = attempt({ () throws(DiskError) in try disk.openSnapshot() }) else {
                return closeLink(id, "there is no snapshot to send")
            }
            replicationStatistics.snapshotSyncs += 1
            link.output.appendPacket(.snap, zxid: stream.zxid)
            link.position = stream.zxid
            link.stage = .snapshot(stream)
            log?(.learnerJoined(link.serverID ?? -1, how: "SNAP", zxid: stream.zxid))
        }
        if case .snapshot = link.stage { link.sync = .snapshot } else { link.sync = .transactions }
        countSyncs()
        feed(link)
    }

    /// How far history may be given to a learner that synchronizes: what is announced as committed; before this leader
    /// is established, all it has, which is what the learners' acknowledgements will commit.
    var historyBound: Int64 {
        leader?.phase == .broadcast && !mutations.contains(.zk2846) ? announcedZxid : loggedZxid
    }

    private func plan(_ learnerZxid: Int64, _ end: Int64) -> Plan {
        if learnerZxid < 0 { return .snapshot }
        if learnerZxid == end { return .diff(from: learnerZxid) }
        if mutations.contains(.zk1154), learnerZxid > end { return .diff(from: learnerZxid) }
        // A server that led or took a snapshot at an epoch's start has its zxid, which is no transaction's.
        let isEpochStart = Zxid.counter(of: learnerZxid) == 0
        guard let known = floor(of: min(learnerZxid, end)) else { return .snapshot }
        if known < recent.startZxid {
            let isLess = attempt { () throws(DiskError) in try disk.prefersSnapshot(after: known) }
            if isLess == true { return .snapshot }
        }
        if known == learnerZxid { return .diff(from: known) }
        if isEpochStart { return .diff(from: known) }
        if mutations.contains(.zk2832), learnerZxid < end { return .diff(from: known) }
        // What the learner has behind `known` is not in this history. Apache's learner cannot cut across an epoch.
        if Zxid.epoch(of: known) == Zxid.epoch(of: learnerZxid) { return .truncate(to: known) }
        return .snapshot
    }

    /// The last transaction at or below a zxid: compared by the logs' content, not by one number (ZOOKEEPER-2832).
    private func floor(of zxid: Int64) -> Int64? {
        guard zxid >= recent.startZxid else { return attempt { () throws(DiskError) in try disk.floor(of: zxid) } }
        var found = recent.startZxid
        forEachKept { batch in
            guard batch.firstZxid <= zxid else { return false }
            if batch.lastZxid <= zxid {
                found = batch.lastZxid
                return true
            }
            var index = 0
            while index < batch.count, batch.zxid(at: index) <= zxid {
                found = batch.zxid(at: index)
                index += 1
            }
            return false
        }
        return found
    }

    /// The batches in memory that are durable and have transactions after a zxid, oldest first; `body` answers whether
    /// to go on.
    func forEachKept(after zxid: Int64 = -1, _ body: (TxnBatch) -> Bool) {
        for batch in recent.after(zxid) where !body(batch) { return }
        for logged in core.awaiting where logged.batch.count > 0 && logged.batch.lastZxid > zxid {
            guard body(logged.batch) else { return }
        }
    }

    func sendUpToDate(_ id: LinkID) {
        guard let link = links[id], case .newLeaderSent = link.stage else { return }
        link.output.appendUpToDate()
        link.stage = .catchUp
        link.sync = nil
        countSyncs()
        log?(.learnerSynchronized(link.serverID ?? -1))
        feed(link)
    }

    // MARK: broadcast

    /// Sends a batch to the followers, before this server's own disk has it. Returns its proposals, for learners that
    /// join before it is committed.
    func broadcast(_ batch: TxnBatch) -> Proposals? {
        guard leader != nil, batch.count > 0 else { return nil }
        leader!.proposed(first: batch.firstZxid, last: batch.lastZxid)
        replicationStatistics.proposals += UInt64(batch.count)
        pace.proposed(
            batch.lastZxid, transactions: batch.count, bytes: batch.bytes.count, at: core.clock.monotonicNanos())
        let proposals = Proposals()
        proposals.packets.appendTransactions(.proposal, framed: batch.bytes.bytes)
        for index in 0..<batch.count { proposalSizes.record(batch.txn(at: index).count) }
        for link in orderedLinks where link.isLive && !link.isObserver {
            link.flush()
            link.link.send(proposals.packets.bytes)
            if link.link.unsentBytes > ReplicaLimits.liveUnsentBytesMax { overflowing.append(link.id) }
        }
        if Zxid.counter(of: batch.lastZxid) > ReplicaLimits.counterMax {
            abandonTerm("the epoch is running out of zxids")
        }
        return proposals
    }

    func quorumReached(_ zxid: Int64) {
        precondition(zxid > quorumZxid)
        quorumZxid = zxid
        pace.committed(zxid, at: core.clock.monotonicNanos()) { nanos, transactions in
            replicationStatistics.recordQuorumAcks(nanos: nanos, count: UInt64(transactions))
        }
        advanceCommits()
    }

    /// Announces what is committed and answers learners' syncs, each in its place: a session's writes behind its sync
    /// must not be seen by the reads between them, and a learner of Apache's takes a commit for another session's that
    /// is not the next its own client waits for.
    private func advanceCommits() {
        var answered = 0
        while true {
            let next = answered < learnerSyncs.count ? learnerSyncs[answered] : nil
            let limit = mutations.contains(.syncBehindCommit) ? quorumZxid : min(next?.after ?? .max, quorumZxid)
            if limit > announcedZxid { announceCommits(upTo: limit) }
            guard let next, next.after <= announcedZxid, next.round <= confirmedRound else { break }
            answered += 1
            guard let link = links[next.link] else { continue }
            if link.isLive { link.output.appendSync() } else { link.deferredSyncs.append(next.after) }
        }
        learnerSyncs.removeFirst(answered)
        core.applyCommitted(upTo: committedZxid)
    }

    private func announceCommits(upTo zxid: Int64) {
        if orderedLinks.contains(where: { $0.isLive }) {
            var commits = WireBuffer()
            commits.appendRun(.commit, from: announcedZxid + 1, through: zxid)
            for link in orderedLinks where link.isLive && !link.isObserver { link.output.append(raw: commits.bytes) }
            informObservers(zxid)
        }
        replicationStatistics.commits += UInt64(zxid - announcedZxid)
        announcedZxid = zxid
        committedZxid = zxid
    }

    private func informObservers(_ zxid: Int64) {
        let observers = orderedLinks.filter { $0.isLive && $0.isObserver }
        guard !observers.isEmpty else { return }
        var informs = WireBuffer()
        for logged in core.awaiting where logged.batch.lastZxid > announcedZxid {
            guard logged.batch.firstZxid <= zxid else { break }
            for index in 0..<logged.batch.count {
                let txnZxid = logged.batch.zxid(at: index)
                guard txnZxid > announcedZxid, txnZxid <= zxid else { continue }
                informs.appendPacket(.inform, zxid: txnZxid, data: logged.batch.txn(at: index))
            }
        }
        for link in observers { link.output.append(raw: informs.bytes) }
    }

    func endLeaderTurn() {
        for id in overflowing { closeLink(id, "it has fallen too far behind to be sent more") }
        overflowing.removeAll()
        if openRound > sentRound { pingLearners() }
        feedAtMillis = nil
        let all = orderedLinks
        // Commits and pings do not wait for what others catch up on.
        for link in all { link.flush() }
        feedLearners(all)
    }

    /// Each turn another one is first: what they may have together must not be one's alone.
    private func feedLearners(_ all: [LearnerLink]) {
        let behind = all.filter { link in
            switch link.stage {
            case .history, .catchUp, .snapshot: true
            case .newLeaderSent: mutations.contains(.zk4394)
            case .discovery, .live: false
            }
        }
        pace.learners = behind.count
        guard !behind.isEmpty else { return }
        firstToFeed += 1
        for index in behind.indices {
            let link = behind[(firstToFeed + index) % behind.count]
            feed(link)
            link.flush()
        }
    }

    // MARK: pings, and the rounds that syncs wait for

    /// A sync takes place at the end of a round of pings that begins after it: only a leader that a quorum still hears
    /// may answer (Apache's leader answers at once, and may have been replaced).
    func joinRound() -> Int {
        openRound = sentRound + 1
        return openRound
    }

    func pingLearners() {
        guard let leader, leader.phase == .broadcast else { return }
        sentRound += 1
        openRound = sentRound
        for link in orderedLinks {
            switch link.stage {
            case .catchUp, .live: break
            default:
                noteProgress(link)
                continue
            }
            link.output.appendPacket(.ping, zxid: leader.lastProposedZxid)
            link.pingsSent += 1
            link.rounds.append((link.pingsSent, sentRound))
        }
        countRounds()
    }

    /// A learner that is still taking what it was sent says nothing meanwhile, but lives: its link is slow.
    private func noteProgress(_ link: LearnerLink) {
        let taken = link.sentBytes - link.link.unsentBytes
        if taken > link.takenBytesSeen { leader?.heard(link.id, nowMillis: nowMillis) }
        link.takenBytesSeen = taken
    }

    private func pingAnswered(_ link: LearnerLink) {
        link.pingsAnswered += 1
        while let first = link.rounds.first, first.ping <= link.pingsAnswered {
            link.answeredRound = first.round
            link.rounds.removeFirst()
        }
        countRounds()
    }

    private func countRounds() {
        guard confirmedRound < sentRound else { return }
        var candidates = Set(orderedLinks.map(\.answeredRound)).filter { $0 > confirmedRound }.sorted(by: >)
        if configuration.quorum.containsQuorum([configuration.myId]) { candidates = [sentRound] }
        for round in candidates {
            var there: Set<ServerID> = [configuration.myId]
            for link in orderedLinks where link.answeredRound >= round && !link.isObserver {
                if let id = link.serverID { there.insert(id) }
            }
            guard configuration.quorum.containsQuorum(there) else { continue }
            confirmedRound = round
            advanceCommits()
            return
        }
    }

    // MARK: learners' clients

    private func credentials(of packet: QuorumPacket, _ link: LearnerLink) throws(QuorumPacketError) -> Credentials {
        let bytes = packet.identityBytes
        if !bytes.isEmpty, link.identityBytes.count == bytes.count,
            link.identityBytes.withUnsafeBytes({ memcmp($0.baseAddress!, bytes.baseAddress!, bytes.count) == 0 })
        {
            return link.credentials
        }
        link.credentials = Credentials(try packet.identities() ?? [])
        link.identityBytes = Array(bytes)
        return link.credentials
    }

    private func takeRequest(_ request: ForwardedRequest, _ credentials: Credentials, _ link: LearnerLink) {
        guard core.role == .leader else { return }
        let now = turnMillis
        var session = core.sessions[request.sessionID]
        let opcode = OpCode(rawValue: request.opcode) ?? .error
        if opcode == .createSession {
            var reader = JuteReader(request.body)
            let timeout = (try? reader.readInt32()) ?? core.configuration.minSessionTimeoutMillis
            session = core.trackSession(request.sessionID, timeoutMillis: timeout, nowMillis: now)
            session?.ownerLink = link.id
        }
        session?.touch(now)
        core.prepare(
            opcode, xid: request.cxid, connection: nil, session: session, credentials: credentials,
            record: request.body, receivedNanos: UInt64(now) * 1_000_000,
            origin: RequestOrigin(link: link.id, sessionId: request.sessionID))
    }

    private func answerRevalidation(_ question: Revalidation, _ link: LearnerLink) {
        replicationStatistics.revalidations += 1
        var isValid = false
        if core.role == .leader, let session = core.sessions[question.sessionID], session.isCommitted {
            if session.isClosing, !mutations.contains(.revalidateAny) {
                session.endWaiters.append(.learner(link.id))
                return
            }
            isValid = true
            session.timeoutMillis = question.timeoutMillis
            session.ownerLink = link.id
            session.touch(nowMillis)
            core.statistics.connectionsRevalidated += 1
        }
        link.output.appendRevalidationAnswer(
            RevalidationAnswer(
                sessionID: question.sessionID, isValid: isValid || mutations.contains(.revalidateAny)))
    }

    /// The session that a learner has asked about is no more.
    func denySession(_ id: Int64, _ link: LinkID) {
        links[link]?.output.appendRevalidationAnswer(RevalidationAnswer(sessionID: id, isValid: false))
    }

    private func touch(_ id: Int64, _ timeoutMillis: Int32) {
        guard let session = core.sessions[id] else { return }
        session.touch(nowMillis)
    }

    /// A learner's client asks for a sync: it stands behind everything that has been prepared by now.
    func takeSync(_ link: LinkID) {
        learnerSyncs.append(LearnerSync(link: link, after: core.lastZxid, round: joinRound()))
    }
}

/// A sync that a learner has passed on, until it is answered.
struct LearnerSync {
    let link: LinkID
    /// The commit it waits for.
    let after: Int64
    /// The round of pings that must show that this server still leads.
    let round: Int
}
