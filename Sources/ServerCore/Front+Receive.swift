import Jute
import ZooKeeperProtocol

/// Frames: the handshake, administrative words, requests.
extension Front {
    /// Takes bytes off a connection; returns how many were used. What is left is an incomplete frame, or waits until
    /// the connection is read again.
    public func receive(_ bytes: UnsafeRawBufferPointer, from connection: ClientConnection) -> Int {
        connection.session?.touch(nowMillis)
        var offset = 0
        while offset < bytes.count {
            if connection.skipBytes > 0 {
                let skipped = min(connection.skipBytes, bytes.count - offset)
                connection.skipBytes -= skipped
                offset += skipped
                continue
            }
            let used: Int
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch connection.state {
            case .handshake: used = receiveHandshake(rest, connection)
            case .established: used = receiveRequest(rest, connection)
            case .connecting, .closing, .closed: used = 0
            }
            if used == 0 { break }
            offset += used
            // A few bytes can ask for many: what the output has no room for stays unread, for later.
            if readOutput.count >= Front.handedOverBytes {
                sendReads(connection)
                if connection.link.outputIsFull { break }
            }
        }
        if connection.state == .closing || connection.state == .closed { offset = bytes.count }
        statistics.bytesReceived &+= UInt64(offset)
        sendReads(connection)
        return offset
    }

    /// Replies to reads leave at once, behind anything the connection already has to send.
    private func sendReads(_ connection: ClientConnection) {
        guard !readOutput.isEmpty else { return }
        if !connection.output.isEmpty { sendOutput(connection) }
        responseBytesSent &+= UInt64(readOutput.count)
        connection.link.send(&readOutput)
    }

    /// Replies to reads are handed to the link when they reach this size, and at the end of what arrived.
    private static let handedOverBytes = 128 << 10

    // MARK: handshake

    private func receiveHandshake(_ bytes: UnsafeRawBufferPointer, _ connection: ClientConnection) -> Int {
        guard bytes.count >= 4 else { return 0 }
        let word = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        if let admin, let argumentBytes = admin.argumentBytes(ofWord: word) {
            guard bytes.count >= 4 + argumentBytes else { return 0 }
            startAdminWord(word, UnsafeRawBufferPointer(rebasing: bytes[4..<4 + argumentBytes]), connection)
            return bytes.count
        }
        let length = Int(Int32(bitPattern: word))
        guard length >= 0, length <= CoreLimits.handshakeFrameBytesMax else {
            refuse(connection, "a first frame of \(length) bytes is neither a handshake nor a known word")
            return bytes.count
        }
        guard bytes.count >= 4 + length else { return 0 }
        var reader = JuteReader(UnsafeRawBufferPointer(rebasing: bytes[4..<4 + length]))
        guard let request = try? HandshakeRequest(from: &reader) else {
            refuse(connection, "the handshake cannot be read")
            return bytes.count
        }
        connection.statistics.received += 1
        statistics.packetsReceived += 1
        statistics.connectionRequests += 1
        connection.sendsReadOnlyByte = request.hasReadOnlyByte
        connection.state = .connecting
        // Nothing more is read until the session stands.
        connection.link.pauseReading()
        if connection.link.peerHasEnded {
            // A client that has given up may have its session elsewhere by now; it must not be moved back here.
            closeAfterFlush(connection)
            return 4 + length
        }
        if let core {
            core.handshake(request, from: connection)
        } else {
            requestBatch.entries.append(
                RequestBatch.Entry(
                    connection: connection, kind: .handshake(request), offset: 0, length: 0,
                    receivedNanos: turnNanos))
        }
        return 4 + length
    }

    private func startAdminWord(
        _ word: UInt32, _ argument: UnsafeRawBufferPointer, _ connection: ClientConnection
    ) {
        connection.statistics.received += 1
        statistics.packetsReceived += 1
        connection.state = .connecting
        // A sender that has ended its stream is still waiting for the answer.
        connection.link.pauseReading()
        if let core {
            core.runAdminWord(word, Array(argument), connection)
        } else {
            let start = requestBatch.bytes.count
            requestBatch.bytes.append(raw: argument)
            requestBatch.entries.append(
                RequestBatch.Entry(
                    connection: connection, kind: .adminWord(word), offset: start, length: argument.count,
                    receivedNanos: turnNanos))
        }
    }

    /// The core's answer to a handshake; no session means it is gone, which the client reads as expired.
    func handshakeAnswered(_ connection: ClientConnection, _ session: Session?, timeoutMillis: Int32) {
        guard connection.state == .connecting else { return }
        let start = connection.output.count
        connection.output.append(int32: 0)
        connection.output.append(int32: 0)
        connection.output.append(int32: timeoutMillis)
        connection.output.append(int64: session?.id ?? 0)
        let password = session.map { SessionPassword.generate(for: $0.id) } ?? [UInt8](repeating: 0, count: 16)
        password.withUnsafeBytes { connection.output.append(buffer: $0) }
        if connection.sendsReadOnlyByte { connection.output.append(bool: false) }
        Reply.end(start, in: &connection.output)
        connection.statistics.sent += 1
        statistics.packetsSent += 1
        guard let session else {
            closeAfterFlush(connection)
            return
        }
        connection.session = session
        connection.state = .established
        markDirty(connection)
        connection.link.resumeReading()
    }

    /// Ends a connection that does not keep the protocol.
    func refuse(_ connection: ClientConnection, _ reason: String, afterFlush: Bool = true) {
        statistics.connectionsDropped += 1
        complain?("closing connection", connection.link.remoteHost, connection.link.remotePort, reason)
        connection.state = .closing
        connection.link.close(afterFlush: afterFlush)
    }

    // MARK: requests

    private func receiveRequest(_ bytes: UnsafeRawBufferPointer, _ connection: ClientConnection) -> Int {
        guard bytes.count >= 4 else { return 0 }
        let length = Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        if length < 8 || length > configuration.maximumFrameBytes {
            return receiveOddFrame(bytes, length, connection)
        }
        guard bytes.count >= 4 + length, mayRead(connection) else { return 0 }
        let frame = UnsafeRawBufferPointer(rebasing: bytes[4..<4 + length])
        connection.statistics.received += 1
        statistics.packetsReceived += 1
        let opcode = Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int32.self))
        if isWrite(opcode) {
            submitWrite(OpCode(rawValue: opcode)!, frame, connection)
        } else if opcode == OpCode.sync.rawValue, configuration.isReplicated {
            submitWrite(.sync, frame, connection)
        } else if opcode == OpCode.auth.rawValue {
            authenticate(frame, connection)
        } else if opcode == Front.oversizedRequest {
            serveStandIn(
                Int32(bigEndian: frame.loadUnaligned(as: Int32.self)), Front.unknownRequest, connection)
        } else {
            serveInOrder(frame, connection)
        }
        return 4 + length
    }

    /// Answers a read now, or behind the session's own writes. There the core answers it, at the very point between
    /// two transactions where it stands: this front would see the whole batch applied.
    private func serveInOrder(_ frame: UnsafeRawBufferPointer, _ connection: ClientConnection) {
        if connection.outstanding == 0 {
            serve(frame, connection, into: &readOutput)
            return
        }
        connection.outstanding += 1
        if let core {
            core.inProcess += 1
            Waiting.add(frame, connection)
        } else {
            outstandingHere += 1
            let start = requestBatch.bytes.count
            requestBatch.bytes.append(raw: frame)
            requestBatch.entries.append(
                RequestBatch.Entry(
                    connection: connection, kind: .read, offset: start, length: frame.count,
                    receivedNanos: turnNanos))
        }
    }

    /// A client's write. The transactions of the server's own making are not for clients to send.
    @inline(__always)
    private func isWrite(_ opcode: Int32) -> Bool {
        switch opcode {
        case OpCode.setData.rawValue, OpCode.create.rawValue, OpCode.delete.rawValue, OpCode.create2.rawValue,
            OpCode.multi.rawValue, OpCode.setACL.rawValue, OpCode.createContainer.rawValue,
            OpCode.createTTL.rawValue, OpCode.closeSession.rawValue, OpCode.reconfig.rawValue:
            true
        default: false
        }
    }

    private func submitWrite(_ opcode: OpCode, _ frame: UnsafeRawBufferPointer, _ connection: ClientConnection) {
        let xid = Int32(bigEndian: frame.loadUnaligned(as: Int32.self))
        let record = UnsafeRawBufferPointer(rebasing: frame[8...])
        connection.outstanding += 1
        if let core {
            Waiting.addWrite(connection)
            core.prepare(
                opcode, xid: xid, connection: connection, session: connection.session,
                credentials: connection.credentials, record: record, receivedNanos: turnNanos)
        } else {
            outstandingHere += 1
            let start = requestBatch.bytes.count
            requestBatch.bytes.append(raw: record)
            requestBatch.entries.append(
                RequestBatch.Entry(
                    connection: connection,
                    kind: .write(opcode: opcode, xid: xid, credentials: connection.credentials), offset: start,
                    length: record.count, receivedNanos: turnNanos))
        }
        // Nothing after the end of the session is heard.
        if opcode == .closeSession { connection.state = .closing }
    }

    /// A frame that is too short to be a request or longer than the limit.
    ///
    /// Too long: it is dropped as it arrives and answered with an error, so that the client does not lose its
    /// connection and try again for ever. Beyond all reason, or too short: the connection ends.
    private func receiveOddFrame(
        _ bytes: UnsafeRawBufferPointer, _ length: Int, _ connection: ClientConnection
    ) -> Int {
        guard length > configuration.maximumFrameBytes, length <= CoreLimits.skippedFrameBytesMax else {
            refuse(connection, "a frame claims \(length) bytes; jute.maxbuffer is \(configuration.maximumFrameBytes)")
            return bytes.count
        }
        guard bytes.count >= 12 else { return 0 }
        statistics.largeRequestsRejected += 1
        complain?(
            "request refused: larger than jute.maxbuffer", connection.link.remoteHost, connection.link.remotePort,
            "\(length) bytes, limit \(configuration.maximumFrameBytes)")
        connection.skipBytes = length - 8
        // Refused in its turn: the header, with an opcode that no reader knows, takes the place of the request.
        let xid = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: Int32.self))
        serveStandIn(xid, Front.oversizedRequest, connection)
        return 12
    }

    /// Stands in for the opcode of a request that was dropped for its size, and what a client gets that sends it.
    static let oversizedRequest = Int32.min
    private static let unknownRequest = Int32.min + 1

    /// Answers, in its turn, a request of which only the header is kept.
    private func serveStandIn(_ xid: Int32, _ opcode: Int32, _ connection: ClientConnection) {
        var standIn = WireBuffer(capacity: 8)
        standIn.append(int32: xid)
        standIn.append(int32: opcode)
        serveInOrder(standIn.bytes, connection)
    }

    /// Answered at once, ahead of anything outstanding, as Apache answers it.
    private func authenticate(_ frame: UnsafeRawBufferPointer, _ connection: ClientConnection) {
        var reader = JuteReader(frame)
        var proven: [Identity]?
        var xid = ReservedXid.auth
        do {
            xid = try reader.readInt32()
            try reader.skip(4)
            _ = try reader.readInt32()
            let scheme = try reader.readString() ?? ""
            let token = try reader.readBuffer().map { Array($0) } ?? []
            proven = providers.authenticate(scheme: scheme, token: token, remoteAddress: connection.link.remoteHost)
        } catch {
            refuse(connection, "an auth packet cannot be read")
            return
        }
        let start = Reply.begin(xid: xid, zxid: 0, error: proven == nil ? .authFailed : .ok, in: &readOutput)
        Reply.end(start, in: &readOutput)
        statistics.packetsSent += 1
        if proven == nil { statistics.authenticationFailures += 1 }
        if let proven {
            connection.credentials = connection.credentials.adding(proven)
        } else {
            sendReads(connection)
            closeAfterFlush(connection)
        }
    }
}
