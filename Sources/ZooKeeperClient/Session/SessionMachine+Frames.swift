import CoreMetrics
import DequeModule
import Jute
import Logging
import ZooKeeperProtocol

extension SessionMachine {
    /// Bytes have arrived; once for all frames of one turn.
    mutating func heard(transport: Int, now: Int64) {
        if transport == self.transport, phase == .connected { lastHeardNanos = now }
    }

    /// A frame's content has arrived.
    mutating func received(_ frame: UnsafeRawBufferPointer, transport: Int, now: Int64) {
        guard transport == self.transport else { return }
        var reader = JuteReader(frame)
        do {
            switch phase {
            case .handshaking: established(try ConnectResponse(from: &reader), now: now)
            case .connected: try receivedReply(&reader, now: now)
            default: break
            }
        } catch {
            lost(now: now, why: "a malformed frame: \(error)")
        }
    }

    // MARK: The session is there, or is no more

    private mutating func established(_ response: ConnectResponse, now: Int64) {
        guard response.timeoutMillis > 0 else {
            effects.append(.log(.warning, "session \(hex(identity.id)) is unknown to the servers"))
            return end(.expired)
        }
        guard settings.allowsReadOnly || !response.readOnly else {
            return lost(now: now, why: "it has no quorum")
        }
        identity.id = response.sessionId
        identity.password = response.password
        identity.timeoutMillis = response.timeoutMillis
        isReadOnly = response.readOnly
        if isReadOnly {
            probePauseNanos = Self.firstProbePauseNanos
            nextProbeNanos = now + probePauseNanos
        } else {
            hasQuorumSession = true
        }
        hosts.succeeded()
        phase = .connected
        lastHeardNanos = now
        metrics.connections.increment()
        let place = server.map { "\($0)" } ?? ""
        effects.append(
            .log(.info, "session \(hex(identity.id)) at \(place), timeout \(identity.timeoutMillis) ms"))
        resume(now: now)
        post(isReadOnly ? .connectedReadOnly : .connected)
        effects.append(.sendSubmitted)
    }

    private func hex(_ number: Int64) -> String { "0x" + String(UInt64(bitPattern: number), radix: 16) }

    /// Presents the credentials and sets the watches again, ahead of all requests.
    private mutating func resume(now: Int64) {
        unansweredCredentials.removeAll()
        for (index, stored) in credentials.enumerated() {
            unansweredCredentials.append(index)
            let frame = Self.frame {
                $0.append(xid: ReservedXid.auth, .auth)
                stored.credential.encode(to: &$0)
            }
            effects.append(.send(frame))
            lastSentNanos = now
        }
        guard !watches.isEmpty else { return }
        for frame in watchFrames() { effects.append(.send(frame)) }
        lastSentNanos = now
        watches.tellOfGap(zxid: repliedZxid)
    }

    /// The watches as requests, each with about as many paths as `watchChunkBytes` holds.
    func watchFrames() -> [[UInt8]] {
        var chunk: [[String]] = Array(repeating: [], count: WatchKind.allCases.count)
        var bytes = 0
        var frames: [[UInt8]] = []
        func flush() {
            if bytes > 0 { frames.append(watchFrame(chunk)) }
            chunk = Array(repeating: [], count: WatchKind.allCases.count)
            bytes = 0
        }
        for kind in WatchKind.allCases {
            for path in watches.paths(kind) {
                let size = path.utf8.count + 4
                if bytes + size > settings.watchChunkBytes { flush() }
                chunk[kind.rawValue].append(path)
                bytes += size
            }
        }
        flush()
        return frames
    }

    private func watchFrame(_ chunk: [[String]]) -> [UInt8] {
        // Servers before 3.6 know the three one-shot kinds only.
        let oneShots = WatchKind.children.rawValue + 1
        let isOld = chunk[oneShots...].allSatisfy(\.isEmpty)
        return Self.frame {
            $0.append(xid: ReservedXid.setWatches, isOld ? .setWatches : .setWatches2)
            $0.append(int64: repliedZxid)
            for paths in isOld ? chunk[..<oneShots] : chunk[...] { $0.append(strings: paths) }
        }
    }

    // MARK: Replies

    private mutating func receivedReply(_ reader: inout JuteReader, now: Int64) throws(JuteError) {
        let header = try ReplyHeader(from: &reader)
        switch header.xid {
        case ReservedXid.notification: try notified(&reader, zxid: header.zxid)
        case ReservedXid.ping: break
        case ReservedXid.auth: receivedAuthentication(error: header.error)
        case ReservedXid.setWatches:
            if header.error != 0 { effects.append(.log(.error, "watches were not set again: \(header.error)")) }
        default: receivedReply(header, &reader, now: now)
        }
    }

    private mutating func receivedReply(_ header: ReplyHeader, _ reader: inout JuteReader, now: Int64) {
        guard let request = outstanding.first, request.xid == header.xid else {
            let expected = outstanding.first.map { "\($0.xid)" } ?? "none"
            return lost(now: now, why: "a reply to xid \(header.xid), expected \(expected)")
        }
        outstanding.removeFirst()
        if header.zxid > repliedZxid { repliedZxid = header.zxid }
        saw(zxid: header.zxid)
        metrics.replied(error: header.error, nanos: now - request.submittedNanos)
        if request.operation == .closeSession {
            end(.closed)
            return effects.append(.answer(RequestBatch(requests: [request]), code: 0))
        }
        if header.error == 0, let removal = request.removal { watches.removed(removal.type, on: removal.path) }
        if timedOutCount > 0 {
            // It was given up; its watch has no one to listen.
            timedOutCount -= 1
            if header.error == 0, let registration = request.registration { forget(registration.sink) }
        } else {
            if let registration = request.registration { register(registration.sink, request, header.error) }
            if !request.complete(error: header.error, &reader, context) {
                effects.append(.log(.error, "a malformed reply to \(request.operation) \(request.path ?? "")"))
            }
        }
    }

    private mutating func register(_ sink: WatchSink, _ request: OutstandingRequest, _ error: Int32) {
        switch (error, sink.kind) {
        case (0, _) where sink.isAbandoned: forget(sink)
        case (ErrorCode.noNode.rawValue, .exists) where sink.isAbandoned: break
        case (0, .exists):
            sink.kind = .data
            watches.add(sink)
        case (0, _), (ErrorCode.noNode.rawValue, .exists): watches.add(sink)
        default:
            let reason = ErrorCode(rawValue: error).map { ZooKeeperError.Reason.server($0) }
            sink.buffer.finish(request.error(reason ?? .unknownServerCode(error)))
        }
    }

    private mutating func receivedAuthentication(error: Int32) {
        guard let index = unansweredCredentials.popFirst() else { return }
        let waiting = credentials[index].waiting
        credentials[index].waiting = []
        if error != 0 {
            effects.append(.log(.error, "credential of scheme '\(credentials[index].credential.scheme)' refused"))
            end(.authenticationFailed)
        }
        if !waiting.isEmpty { effects.append(.answer(RequestBatch(requests: waiting), code: error)) }
    }

    private mutating func notified(_ reader: inout JuteReader, zxid: Int64) throws(JuteError) {
        let event = try WatcherEvent(from: &reader)
        // Other notifications of the same transaction may still come, so `repliedZxid` stays; but what has been seen
        // must not be unseen at another server.
        saw(zxid: zxid)
        guard let type = EventType(rawValue: event.type) else { return }
        let told = watches.deliver(type, on: event.path, zxid: zxid, context)
        metrics.watchEvents.increment(by: told)
    }
}
