import DataTree
import Jute
import RequestQueue
import Zab
import ZooKeeperProtocol

/// Sessions' beginnings, re-attachments and ends.
extension Core {
    /// A client's opening frame.
    func handshake(_ request: HandshakeRequest, from connection: ClientConnection) {
        if let replica, !isDraining, replica.holds(request, from: connection) { return }
        let isAhead =
            request.lastZxidSeen > tree.lastProcessedZxid && replica?.mutations.contains(.zxidBehindClient) != true
        if isDraining || isAhead {
            // The client has seen what this server has not: it must try another (section 3 of the protocol's promises:
            // reads never go back).
            if !isDraining {
                localFront?.complain?(
                    "connection refused", connection.link.remoteHost, connection.link.remotePort,
                    "its client has seen zxid 0x\(String(request.lastZxidSeen, radix: 16)), this server only "
                        + "0x\(String(tree.lastProcessedZxid, radix: 16)); was a data directory lost?")
            }
            disconnect(connection)
            return
        }
        let timeout = min(
            max(request.timeoutMillis, configuration.minSessionTimeoutMillis), configuration.maxSessionTimeoutMillis)
        if request.sessionId == 0 {
            createSession(timeout, connection)
            return
        }
        let isRightful = request.password == SessionPassword.generate(for: request.sessionId)
        if isRightful, role == .learner, let replica {
            // Only the leader knows who is alive.
            replica.revalidate(request.sessionId, timeoutMillis: timeout, connection)
            return
        }
        guard isRightful, let session = sessions[request.sessionId], session.isCommitted else {
            answerHandshake(connection, nil, clock.monotonicNanos())
            return
        }
        if session.isClosing {
            session.endWaiters.append(.connection(connection))
            return
        }
        reattach(connection, to: session, timeoutMillis: timeout)
    }

    /// Gives a session that lives to the connection its client has come back on.
    func reattach(_ connection: ClientConnection, to session: Session, timeoutMillis: Int32) {
        if let previous = session.connection, previous !== connection { disconnect(previous) }
        statistics.connectionsRevalidated += 1
        session.timeoutMillis = timeoutMillis
        session.ownerLink = 0
        session.touch(nowMillis)
        attach(connection, to: session)
        answerHandshake(connection, session, clock.monotonicNanos())
    }

    /// Tracks a session that another server has made.
    func trackSession(_ id: Int64, timeoutMillis: Int32, nowMillis: Int64) -> Session {
        sessions.track(id: id, timeoutMillis: timeoutMillis, nowMillis: nowMillis)
    }

    /// The sessions of a history read anew take the place of those there were.
    func replaceSessions(_ found: [Int64: Int32]) {
        unkeptPromise = nil
        for id in Array(sessions.sessions.keys) where found[id] == nil { sessions.remove(id: id) }
        let now = nowMillis
        for (id, timeoutMillis) in found.sorted(by: { $0.key < $1.key }) {
            sessions.track(id: id, timeoutMillis: timeoutMillis, nowMillis: now).isCommitted = true
        }
    }

    private func createSession(_ timeoutMillis: Int32, _ connection: ClientConnection) {
        let id = sessions.makeId()
        let session = sessions.track(id: id, timeoutMillis: timeoutMillis, nowMillis: nowMillis)
        attach(connection, to: session)
        var record = WireBuffer(capacity: 4)
        record.append(int32: timeoutMillis)
        prepare(
            .createSession, xid: 0, connection: connection, session: session, credentials: connection.credentials,
            record: record.bytes, receivedNanos: clock.monotonicNanos())
    }

    private func attach(_ connection: ClientConnection, to session: Session) {
        session.connection = connection
        connection.attachedSession = session
    }

    /// - Parameter session: nil when the session is gone or the password is wrong.
    func answerHandshake(_ connection: ClientConnection, _ session: Session?, _ now: UInt64) {
        // The session has moved on to another connection meanwhile.
        if let session, session.connection !== connection { return disconnect(connection) }
        let timeout = session?.timeoutMillis ?? 0
        if connection.front === localFront {
            connection.front.handshakeAnswered(connection, session, timeoutMillis: timeout)
        } else {
            appendRemote(connection, .handshakeReply(session: session, timeoutMillis: timeout)) { _ in }
        }
    }

    /// A session's end is committed: whoever asked for it meanwhile hears so.
    func tellEnd(of session: Session, _ now: UInt64) {
        for waiter in session.endWaiters {
            switch waiter {
            case .connection(let connection):
                if !connection.isGone { answerHandshake(connection, nil, now) }
            case .learner(let link): replica?.denySession(session.id, link)
            }
        }
        session.endWaiters.removeAll()
    }

    /// A connection is gone; its session lives on until it expires.
    func disconnected(_ connection: ClientConnection) {
        guard !connection.isGone else { return }
        connection.isGone = true
        if let session = connection.attachedSession { forgetForwarded(of: session, connection) }
        while connection.hasWaiting {
            if Waiting.length(connection) != Waiting.writeMark { inProcess -= 1 }
            Waiting.drop(connection)
        }
        connection.waiting.release()
        connection.waitingHead = 0
        tree.watches.removeWatcher(connection.watcher)
        if let session = connection.attachedSession, session.connection === connection { session.connection = nil }
        connection.attachedSession = nil
        registry.remove(connection)
    }

    /// The passing of time: expiry, and the reaping of containers and TTL nodes.
    public func tick() {
        let now = nowMillis
        let gap = now - lastTickMillis
        lastTickMillis = now
        // Time in which this server did not run was not the clients' silence.
        if gap > max(1000, Int64(configuration.tickTimeMillis)) {
            for session in sessions.sessions.values { session.touch(now) }
        }
        // Sessions end, and containers go, where transactions are made.
        guard role == .standalone || role == .leader else { return }
        for session in sessions.expired(nowMillis: now) {
            if session.isCommitted || role == .standalone {
                expire(session)
            } else {
                sessions.postpone(session, nowMillis: now)
            }
        }
        if now >= nextContainerCheckMillis {
            nextContainerCheckMillis = now + configuration.containerCheckIntervalMillis
            reapContainers()
        }
    }

    /// Ends a session as if nothing had been heard of it for its whole timeout.
    ///
    /// - Returns: whether it ends now: not when there is no such session, when it is ending already, and on servers
    ///   that do not decide about sessions (learners, and those without a leader).
    public func expireSession(_ id: Int64) -> Bool {
        guard role == .standalone || role == .leader, let session = sessions[id] else { return false }
        guard session.isCommitted, !session.isClosing else { return false }
        expire(session)
        return true
    }

    /// Lets go of all connections. With every reactor at its end only.
    public func forgetConnections() {
        for connection in registry.all() { disconnected(connection) }
    }

    /// Ends all connections of clients; their sessions live on.
    public func dropClientConnections() {
        for connection in registry.all() where connection.attachedSession != nil { disconnect(connection) }
    }

    private func expire(_ session: Session) {
        if replica?.mutations.contains(.expiredNotClosed) == true { return sessions.remove(id: session.id) }
        session.isClosing = true
        statistics.sessionsExpired += 1
        prepare(
            .closeSession, xid: 0, connection: nil, session: session, credentials: .none,
            record: UnsafeRawBufferPointer(start: nil, count: 0), receivedNanos: clock.monotonicNanos())
    }

    private func reapContainers() {
        let interval = Int(configuration.containerCheckIntervalMillis)
        let perCheck = max(1, configuration.containerMaximumPerMinute * interval / 60_000)
        let candidates = tree.reapCandidates(
            nowMillis: clock.wallMillis(), maximum: perCheck,
            neverUsedIntervalMillis: configuration.containerMaximumNeverUsedMillis)
        for path in candidates {
            var record = WireBuffer(capacity: path.count + 4)
            path.withUnsafeBytes { record.append(buffer: $0) }
            prepare(
                .deleteContainer, xid: 0, connection: nil, session: nil, credentials: .none, record: record.bytes,
                receivedNanos: clock.monotonicNanos())
        }
    }

    /// Takes a batch from another reactor.
    public func take(_ batch: RequestBatch) {
        for entry in batch.entries {
            let bytes = UnsafeRawBufferPointer(rebasing: batch.bytes.bytes[entry.offset..<entry.offset + entry.length])
            switch entry.kind {
            case .read:
                guard holdsItsSession(entry.connection) else { continue }
                if entry.connection.hasWaiting {
                    inProcess += 1
                    Waiting.add(bytes, entry.connection)
                } else {
                    // The write it was to wait for has been answered meanwhile.
                    lock.lockExclusive()
                    serveRead(bytes, entry.connection)
                    lock.unlockExclusive()
                }
            case .write(let opcode, let xid, let credentials):
                guard holdsItsSession(entry.connection) else { continue }
                Waiting.addWrite(entry.connection)
                prepare(
                    opcode, xid: xid, connection: entry.connection, session: entry.connection.attachedSession,
                    credentials: credentials, record: bytes, receivedNanos: entry.receivedNanos)
            case .handshake(let request): handshake(request, from: entry.connection)
            case .disconnected: disconnected(entry.connection)
            case .adminWord(let word):
                runAdminWord(word, Array(bytes), entry.connection)
            }
        }
    }

    /// Whether the session is still this connection's. One that has moved on or ended leaves requests behind that its
    /// old front read before it heard: they must not take effect behind the back of a client that has reconnected.
    private func holdsItsSession(_ connection: ClientConnection) -> Bool {
        connection.attachedSession?.connection === connection
    }

    /// Runs an administrative word with every reactor out of its turn, so that it may look at all of them.
    func runAdminWord(_ word: UInt32, _ argument: [UInt8], _ connection: ClientConnection) {
        guard let admin = connection.front.admin else { return disconnect(connection) }
        lock.lockExclusive()
        let text = admin.run(word: word, argument: argument, core: self)
        lock.unlockExclusive()
        if connection.front === localFront {
            Array(text.utf8).withUnsafeBytes { connection.output.append(raw: $0) }
            connection.front.countAdminReply(connection)
            connection.front.closeAfterFlush(connection)
        } else {
            appendRemote(connection, .adminReply) { buffer in
                var text = text
                text.withUTF8 { buffer.append(raw: UnsafeRawBufferPointer($0)) }
            }
            appendRemote(connection, .close) { _ in }
        }
    }
}
