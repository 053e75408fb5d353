import DataTree
import Jute
import TxnLog
import Zab
import ZooKeeperProtocol

/// Commit: durable transactions are applied to the tree, watches fire, answers leave.
extension Core {
    /// Applies what is committed of a durable batch, in order. The caller holds the tree's writer side.
    func apply(_ logged: inout LoggedBatch, upTo zxid: Int64) {
        let now = clock.monotonicNanos()
        let batch = logged.batch
        let firstTxn = logged.txnsDone
        if logged.requests.isEmpty {
            while logged.txnsDone < batch.count {
                // What stands between a sync and its session's next write sees the tree as it is now.
                if let replica, !replica.mutations.contains(.syncLate) { replica.answerReadySyncs() }
                let txn = batch.txn(at: logged.txnsDone)
                let header = applyTxn(txn, upTo: zxid)
                guard let header else { break }
                logged.txnsDone += 1
                finishReplicated(header, UnsafeRawBufferPointer(rebasing: txn[TxnHeader.wireSize...]), now)
            }
        }
        while logged.requestsDone < logged.requests.count {
            let request = logged.requests[logged.requestsDone]
            // Reads that wait for room see the tree before their session's next write all the same.
            if let connection = request.connection, connection.isStalled {
                serveWaiting(connection, isForced: true)
            }
            if request.zxid == 0 {
                if let sync = request.sync, let replica {
                    guard sync.round <= replica.confirmedRound else { break }
                    logged.requestsDone += 1
                    answerSync(request, now)
                } else {
                    logged.requestsDone += 1
                    answerError(request, request.error, now)
                }
                continue
            }
            let txn = batch.txn(at: logged.txnsDone)
            guard let header = applyTxn(txn, upTo: zxid) else { break }
            precondition(header.zxid == request.zxid, "zxid out of step between the batch and its requests")
            logged.requestsDone += 1
            logged.txnsDone += 1
            finish(request, header, UnsafeRawBufferPointer(rebasing: txn[TxnHeader.wireSize...]), now)
        }
        let applied = logged.txnsDone - firstTxn
        guard applied > 0 else { return }
        let keepsPending = role == .electing && replica?.mutations.contains(.zk4541) == true
        if role != .learner, !keepsPending { pending.applied(upTo: batch.zxid(at: logged.txnsDone - 1)) }
        compareDigest(batch, at: logged.txnsDone - 1)
        statistics.commitBatchSizes.record(UInt64(applied))
    }

    /// Applies one transaction and lets its events out; nil when it is not committed yet.
    @inline(__always)
    private func applyTxn(_ txn: UnsafeRawBufferPointer, upTo zxid: Int64) -> TxnHeader? {
        var reader = JuteReader(txn)
        guard let header = try? TxnHeader(from: &reader) else {
            preconditionFailure("a transaction that was taken in cannot be read back")
        }
        guard header.zxid <= zxid else { return nil }
        fired.removeAll()
        tree.apply(header: header, record: &reader, fired: &fired, result: &applyResult)
        if header.zxid % CoreLimits.digestLogInterval == 0 { logDigest(header.zxid) }
        digestAfter = reader.remaining == TxnDigest.wireSize ? TxnDigest(reader) : nil
        deliverEvents()
        return header
    }

    /// The tree's digest after a batch must be the one its last transaction promised.
    private func compareDigest(_ batch: TxnBatch, at index: Int) {
        unkeptPromise = nil
        guard configuration.treeDigestEnabled, let promised = digestAfter, promised.version == ZnodeDigest.version
        else { return }
        guard promised.value != tree.digest else { return }
        let zxid = batch.zxid(at: index)
        // A snapshot taken over is ahead of its zxid until the log behind it has been applied: the last promise counts.
        guard replica?.isEstablished != false else { return unkeptPromise = (zxid, promised.value) }
        differs(zxid, promised.value)
    }

    private func differs(_ zxid: Int64, _ promised: UInt64) {
        statistics.digestMismatches += 1
        // What was told since the trees parted is another tree's.
        if replica != nil { digestLog.removeAll() }
        replica?.digestDiffers(at: zxid, promised: promised, found: tree.digest)
    }

    /// Whether the tree is what the last transaction promised that was applied before this server serves; tells the
    /// replica if not.
    func keepsLastPromise() -> Bool {
        guard let (zxid, promised) = unkeptPromise else { return true }
        unkeptPromise = nil
        differs(zxid, promised)
        return false
    }

    private func logDigest(_ zxid: Int64) {
        // Nor does a snapshot that is ahead of its zxid have digests to tell.
        guard configuration.treeDigestEnabled, replica?.isEstablished != false else { return }
        if digestLog.count >= CoreLimits.digestLogEntriesMax { digestLog.removeFirst() }
        digestLog.append((zxid, tree.digest))
    }

    // MARK: notifications

    func deliverEvents() {
        guard !fired.isEmpty else { return }
        for event in fired.events {
            guard let connection = registry.connection(event.watcher) else { continue }
            // A closing session still hears what its own end does.
            guard connection.state == .established || connection.state == .closing else { continue }
            // Who may not read a znode must not learn of its changes (CVE-2024-23944).
            if let acl = event.acl, !permits(acl, Permission.read, connection.credentials) { continue }
            count(event.type)
            let path = fired.path(of: event)
            if connection.front === localFront {
                let before = connection.output.count
                Notification.append(event.type, path, zxid: event.zxid, to: &connection.output)
                connection.front.notified(connection, bytes: connection.output.count - before)
            } else {
                appendRemote(connection, .notification) { buffer in
                    Notification.append(event.type, path, zxid: event.zxid, to: &buffer)
                }
            }
        }
    }

    private func count(_ type: EventType) {
        switch type {
        case .nodeCreated: statistics.nodeCreatedWatches.record(1)
        case .nodeDeleted: statistics.nodeDeletedWatches.record(1)
        case .nodeDataChanged: statistics.nodeChangedWatches.record(1)
        case .nodeChildrenChanged: statistics.nodeChildrenWatches.record(1)
        default: break
        }
    }

    // MARK: answers

    private func finish(
        _ request: PreparedRequest, _ header: TxnHeader, _ record: UnsafeRawBufferPointer, _ now: UInt64
    ) {
        switch request.opcode {
        case .createSession:
            request.session?.isCommitted = true
            if let connection = request.connection {
                inProcess -= 1
                answerHandshake(connection, request.session, now)
            }
            return
        case .closeSession:
            finishCloseSession(request, now)
            return
        default: break
        }
        guard request.connection != nil else { return }
        if request.error == .sessionMoved {
            leaveBehind(request)
            return
        }
        if request.error != .ok {
            answerError(request, request.error, now)
            return
        }
        let error = request.opcode == .multi ? ErrorCode.ok : applyResult.error
        answer(request, error, now) { (buffer: inout WireBuffer) in
            guard error == .ok else { return }
            switch request.opcode {
            case .create: buffer.append(buffer: path(applyResult.pathOffset, applyResult.pathLength, record))
            case .create2, .createContainer, .createTTL:
                buffer.append(buffer: path(applyResult.pathOffset, applyResult.pathLength, record))
                applyResult.stat.encode(to: &buffer)
            case .setData, .setACL: applyResult.stat.encode(to: &buffer)
            case .multi: appendMultiResults(record, to: &buffer)
            default: break
            }
        }
    }

    private func path(_ offset: Int, _ length: Int, _ record: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: record[offset..<offset + length])
    }

    /// The type under which an operation of a multi is answered: the creates that carry a Stat share one.
    private func responseType(_ type: Int32) -> OpCode {
        switch OpCode(rawValue: type) {
        case .create: .create
        case .create2, .createContainer, .createTTL: .create2
        case .setData: .setData
        case .check: .check
        case .delete, .deleteContainer: .delete
        default: .error
        }
    }

    private func appendMultiResults(_ record: UnsafeRawBufferPointer, to buffer: inout WireBuffer) {
        for result in applyResult.multi {
            let type = result.error == .ok ? responseType(result.type) : .error
            buffer.append(int32: type.rawValue)
            buffer.append(bool: false)
            buffer.append(int32: type == .error ? result.error.rawValue : 0)
            switch type {
            case .create: buffer.append(buffer: path(result.pathOffset, result.pathLength, record))
            case .create2:
                buffer.append(buffer: path(result.pathOffset, result.pathLength, record))
                (result.stat ?? Stat()).encode(to: &buffer)
            case .setData: (result.stat ?? Stat()).encode(to: &buffer)
            case .error: buffer.append(int32: result.error.rawValue)
            default: break
            }
        }
        buffer.append(int32: -1)
        buffer.append(bool: true)
        buffer.append(int32: -1)
    }

    /// A transaction that no request of this server's stands behind: the leader's, or the log's own tail.
    private func finishReplicated(_ header: TxnHeader, _ record: UnsafeRawBufferPointer, _ now: UInt64) {
        if let request = takeForwarded(header) {
            finish(request, header, record, now)
            if let session = request.session { answerInOrder(session) }
            return
        }
        switch OpCode(rawValue: header.type) {
        case .createSession:
            let session = sessions.track(
                id: header.clientId, timeoutMillis: applyResult.sessionTimeoutMillis, nowMillis: nowMillis)
            session.isCommitted = true
        case .closeSession:
            guard let session = sessions[header.clientId] else { return }
            sessions.remove(id: session.id)
            guard let connection = session.connection else { return }
            session.connection = nil
            disconnect(connection)
        default: break
        }
    }

    /// Ends the connection of a request whose session is another server's now, without an answer, as Apache's servers
    /// do. The client may well be here, and its earlier attempt at another server what the leader heard of last
    /// (ZOOKEEPER-710): told an error, it would stay and be refused for ever; this way it comes back, and its session
    /// with it. The reads behind the request are not answered either: its mark stays before them.
    private func leaveBehind(_ request: PreparedRequest) {
        guard let connection = request.connection else { return }
        inProcess -= 1
        guard !connection.isGone, !connection.isLeftBehind else { return }
        connection.isLeftBehind = true
        disconnect(connection)
    }

    func answerError(_ request: PreparedRequest, _ error: ErrorCode, _ now: UInt64) {
        guard request.connection != nil else { return }
        answer(request, error, now) { (_: inout WireBuffer) in }
    }

    /// Writes one reply where its connection will send it, and lets the reads behind it go.
    func answer(
        _ request: PreparedRequest, _ error: ErrorCode, _ now: UInt64, body: (inout WireBuffer) -> Void
    ) {
        guard let connection = request.connection else { return }
        inProcess -= 1
        guard !connection.isGone, !connection.isLeftBehind else { return }
        let nanos = now > request.receivedNanos ? now - request.receivedNanos : 0
        let latency = Int64(nanos / 1_000_000)
        statistics.recordUpdates(nanos: nanos)
        let zxid = request.zxid == 0 ? tree.lastProcessedZxid : request.zxid
        if connection.front === localFront {
            let start = Reply.begin(xid: request.xid, zxid: zxid, error: error, in: &connection.output)
            body(&connection.output)
            Reply.end(start, in: &connection.output)
            connection.statistics.recordReply(
                opcode: request.opcode.rawValue, xid: request.xid, zxid: zxid, latencyMillis: latency)
            connection.front.answered(connection)
        } else {
            let kind = ReplyBatch.Kind.reply(
                opcode: request.opcode.rawValue, xid: request.xid, zxid: zxid, receivedNanos: request.receivedNanos)
            appendRemote(connection, kind) { buffer in
                let start = Reply.begin(xid: request.xid, zxid: zxid, error: error, in: &buffer)
                body(&buffer)
                Reply.end(start, in: &buffer)
            }
        }
        precondition(
            connection.hasWaiting && Waiting.length(connection) == Waiting.writeMark,
            "a reply came for a write that nobody waits for")
        Waiting.drop(connection)
        serveWaiting(connection)
    }

    /// Answers the reads at the head of a connection's queue, up to its next write: they see the tree as its writes
    /// before them left it, and not what follows.
    ///
    /// - Parameter isForced: to answer them even if there is no room for the answers.
    private func serveWaiting(_ connection: ClientConnection, isForced: Bool = false) {
        let isLocal = connection.front === localFront
        while connection.hasWaiting {
            let length = Waiting.length(connection)
            if length == Waiting.writeMark { return }
            // A few bytes can ask for many: what there is no room for waits until the client has read.
            if isLocal, !isForced, connection.unreadOutputBytes > 0, connection.link.outputIsFull {
                if !connection.isStalled { stalled.append(connection) }
                connection.isStalled = true
                return
            }
            let start = connection.waitingHead + 4
            // Serving never touches the queue it reads from.
            let frame = connection.waiting.bytes[start..<start + Int(length)]
            serveRead(UnsafeRawBufferPointer(rebasing: frame), connection)
            Waiting.drop(connection)
            inProcess -= 1
        }
    }

    /// Goes on with connections whose output was full when their reads came up.
    func serveStalled() {
        guard !stalled.isEmpty else { return }
        let waiting = stalled
        stalled.removeAll()
        for connection in waiting {
            connection.isStalled = false
            guard !connection.isGone, connection.hasWaiting else { continue }
            if connection.link.outputIsFull {
                connection.isStalled = true
                stalled.append(connection)
            } else {
                serveWaiting(connection)
            }
        }
    }

    /// Answers a read for any front. The caller holds the tree's writer side, so that no front is inside a turn.
    func serveRead(_ frame: UnsafeRawBufferPointer, _ connection: ClientConnection) {
        guard let localFront else { return }
        if connection.front === localFront {
            let before = connection.output.count
            localFront.serve(frame, connection, into: &connection.output)
            connection.outstanding -= 1
            localFront.markDirty(connection)
            // Only what is much can make an output full: most reads are spared the look.
            if connection.output.count > CoreLimits.gatheredOutputBytesMax || connection.unreadOutputBytes > 0 {
                localFront.outputGrew(connection, by: connection.output.count - before)
            }
        } else {
            let xid = Int32(bigEndian: frame.loadUnaligned(as: Int32.self))
            let opcode = Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int32.self))
            let kind = ReplyBatch.Kind.reply(
                opcode: opcode, xid: xid, zxid: tree.lastProcessedZxid, receivedNanos: clock.monotonicNanos())
            appendRemote(connection, kind) { buffer in localFront.serve(frame, connection, into: &buffer) }
        }
    }

    private func finishCloseSession(_ request: PreparedRequest, _ now: UInt64) {
        guard let session = request.session else { return }
        sessions.remove(id: session.id)
        tellEnd(of: session, now)
        if request.connection != nil { answerError(request, .ok, now) }
        if let connection = session.connection {
            session.connection = nil
            disconnect(connection)
        }
    }

    // MARK: other threads' connections

    func appendRemote(
        _ connection: ClientConnection, _ kind: ReplyBatch.Kind, _ body: (inout WireBuffer) -> Void
    ) {
        let remote = remoteFronts[connection.front.index - 1]
        let start = remote.batch.bytes.count
        body(&remote.batch.bytes)
        remote.batch.entries.append(
            ReplyBatch.Entry(
                connection: connection, kind: kind, offset: start, length: remote.batch.bytes.count - start))
    }

    public func flushRemoteFronts() {
        for remote in remoteFronts { remote.flush(lock) }
    }

    /// Ends a connection after what it has been sent.
    func disconnect(_ connection: ClientConnection) {
        if connection.front === localFront {
            connection.front.closeAfterFlush(connection)
        } else {
            appendRemote(connection, .close) { _ in }
        }
    }
}
