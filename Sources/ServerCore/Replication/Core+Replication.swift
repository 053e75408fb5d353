import DataTree
import DequeModule
import Jute
import TxnLog
import Zab
import ZooKeeperProtocol

/// What the core does for its ensemble: writes that go to the leader, answers that come back, and the turns from role
/// to role.
extension Core {
    // MARK: a learner's writes

    /// Sends a client's write to the leader. Its answer follows when its transaction has come back and been applied.
    func forward(_ request: PreparedRequest, _ record: UnsafeRawBufferPointer, _ credentials: Credentials) {
        guard let replica, let session = request.session else { return }
        session.forwarded.append(request)
        if request.connection != nil { inProcess += 1 }
        replica.sendRequest(session.id, request.xid, request.opcode, record, credentials)
    }

    /// Answers a write that cannot be read, behind what its session has under way.
    func enqueueRefusal(_ request: PreparedRequest) {
        guard role == .learner else { return enqueue(request) }
        guard let session = request.session, !session.forwarded.isEmpty else {
            inProcess += 1
            answerError(request, request.error, clock.monotonicNanos())
            return
        }
        inProcess += 1
        session.forwarded.append(request)
    }

    /// The request of this server's client that a transaction answers, if there is one.
    func takeForwarded(_ header: TxnHeader) -> PreparedRequest? {
        guard role == .learner, let session = sessions[header.clientId], !session.forwarded.isEmpty,
            header.zxid > session.othersUpTo
        else { return nil }
        guard let first = session.forwarded.first, first.error == .ok, first.sync == nil, first.xid == header.cxid
        else {
            return nil
        }
        var request = session.forwarded.removeFirst()
        request.zxid = header.zxid
        if header.type == OpCode.error.rawValue { request.error = applyResult.error }
        return request
    }

    /// Answers what at the head of a session's line needs no transaction: refusals, and syncs that are due.
    func answerInOrder(_ session: Session) {
        while let first = session.forwarded.first {
            if first.error != .ok {
                session.forwarded.removeFirst()
                answerError(first, first.error, clock.monotonicNanos())
            } else if let sync = first.sync, let readyAt = sync.readyAt, readyAt <= tree.lastProcessedZxid {
                session.forwarded.removeFirst()
                answerSync(first, clock.monotonicNanos())
            } else {
                return
            }
        }
    }

    func answerSync(_ request: PreparedRequest, _ now: UInt64) {
        guard let sync = request.sync, request.connection != nil else { return }
        answer(request, .ok, now) { (buffer: inout WireBuffer) in
            sync.path.withUnsafeBytes { buffer.append(buffer: $0) }
        }
    }

    /// A connection has gone: nobody waits for what it asked, but it keeps its place in the session's line.
    func forgetForwarded(of session: Session, _ connection: ClientConnection) {
        for index in session.forwarded.indices where session.forwarded[index].connection === connection {
            session.forwarded[index].connection = nil
            inProcess -= 1
        }
        if sessions[session.id] !== session { session.forwarded.removeAll() }
    }

    /// A `sync`: at a leader it takes its place among the transactions; a learner asks the leader.
    func enqueueSync(
        _ request: inout PreparedRequest, _ record: UnsafeRawBufferPointer, _ origin: RequestOrigin?, _ replica: Replica
    ) {
        // Paired by order alone, so it is answered whatever it says; the learner has checked its own.
        if let origin { return replica.takeSync(origin.link) }
        var reader = JuteReader(record)
        guard let path = try? reader.readStringBytes() else {
            request.error = .marshallingError
            return enqueueRefusal(request)
        }
        if role == .learner, replica.mutations.contains(.localSync), request.session?.forwarded.isEmpty == true {
            request.sync = SyncRequest(path: Array(path), round: 0)
            inProcess += 1
            answerSync(request, clock.monotonicNanos())
        } else if role == .learner {
            request.sync = SyncRequest(path: Array(path), round: 0)
            replica.awaitSync(request)
            forward(request, record, .none)
        } else {
            request.sync = SyncRequest(path: Array(path), round: replica.joinRound())
            enqueue(request)
        }
    }

    // MARK: roles

    /// Stops serving: clients lose their connections, and find another server, or this one when it serves again.
    /// What is under way has an unknown outcome. The log is quiet (`ReplicaDisk.quiesce`).
    func stopServing() {
        role = .electing
        for connection in registry.all() {
            // A question of the operator is answered all the same.
            guard connection.attachedSession != nil else { continue }
            disconnect(connection)
            disconnected(connection)
        }
        for session in Array(sessions.sessions.values) {
            session.forwarded.removeAll()
            session.connection = nil
            session.ownerLink = nil
            session.isClosing = false
            for case .connection(let connection) in session.endWaiters { disconnect(connection) }
            session.endWaiters.removeAll()
            if !session.isCommitted { sessions.remove(id: session.id) }
        }
        batch.removeAll()
        batchRequests.removeAll()
        awaiting += submitted
        submitted.removeAll()
        for index in awaiting.indices {
            awaiting[index].requests.removeAll()
            awaiting[index].requestsDone = 0
            awaiting[index].proposals = nil
        }
        awaiting.removeAll { $0.isApplied }
        stalled.removeAll()
        inProcess = 0
        if replica?.mutations.contains(.zk4541) != true { pending = PendingChanges(seed: random.next()) }
    }

    /// Begins to give out zxids of an epoch. Everything in the log has been applied.
    func startLeading(epochStartZxid: Int64) {
        precondition(awaiting.isEmpty && submitted.isEmpty && batch.isEmpty)
        if replica?.mutations.contains(.zk1367) == true { replaceSessions([:]) }
        role = .leader
        lastZxid = epochStartZxid
        futureDigest = tree.digest
        startServing()
    }

    func startFollowing() {
        role = .learner
        startServing()
    }

    private func startServing() {
        // Nobody could be heard in between.
        sessions.restart(nowMillis: nowMillis)
    }

    /// Forgets what is logged and not applied after a zxid, because the log has been cut there.
    func dropAwaiting(after zxid: Int64) {
        while let last = awaiting.last, last.batch.lastZxid > zxid {
            if last.batch.firstZxid > zxid {
                awaiting.removeLast()
            } else {
                awaiting[awaiting.count - 1].batch.removeTxns(after: zxid)
            }
        }
    }
}
