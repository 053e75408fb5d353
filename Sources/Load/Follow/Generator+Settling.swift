import CPlatform
import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A client that is attached again finds out which of its unknown writes happened: it writes to the workload's root,
/// then reads its own znode and lists its children. What was acknowledged must be there, and nothing may have happened
/// twice. (`sync` would not do: Apache's leader answers it before it has applied what it has committed.)
extension Generator {
    private var settlingRequests: Int { verifier.listsChildren ? 3 : 2 }

    mutating func settle(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        var request = WireBuffer()
        let codes: [OpCode] = [.setData, .getData, .getChildren]
        for code in codes.prefix(settlingRequests) {
            let start = request.count
            request.append(int32: 0)
            request.append(int32: connection.pointee.nextXid)
            request.append(int32: code.rawValue)
            if code == .setData {
                request.append(string: encoder.keys.rootPath)
                // The same data as ever.
                KeySpace.rootStamp.withUnsafeBytes { request.append(buffer: $0) }
                request.append(int32: -1)  // any version
            } else {
                request.append(string: encoder.keys.connectionPath(connection.pointee.id))
                request.append(bool: false)
            }
            request.patch(int32: Int32(request.count - start - 4), at: start)
            connection.pointee.nextXid = ConnectionState.following(connection.pointee.nextXid)
        }
        let follow = follows + (connection - connections)
        follow.pointee.settlingLeft = settlingRequests
        follow.pointee.deadlineNanos = now + UInt64(policy.attemptTimeoutMillis) * 1_000_000
        nextWake = min(nextWake, follow.pointee.deadlineNanos)
        connection.pointee.stage = .settling
        let bytes = request.bytes
        let sent = send(connection.pointee.descriptor, bytes.baseAddress!, bytes.count, Int32(MSG_NOSIGNAL))
        if sent != bytes.count { failSettling(connection, at: now) }
    }

    private mutating func failSettling(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        connection.pointee.expectedXid = connection.pointee.nextXid
        failAttempt(connection, at: now)
    }

    mutating func receiveSettling(_ connection: UnsafeMutablePointer<ConnectionState>) {
        let now = corral_monotonic_nanos()
        guard let available = receiveMore(connection, at: now) else {
            // Given up: the replies that were due will not come on the next connection.
            if connection.pointee.stage != .settling { connection.pointee.expectedXid = connection.pointee.nextXid }
            return
        }
        let follow = follows + (connection - connections)
        var position = UnsafeRawPointer(input)
        let end = position + available
        while end - position >= 4, follow.pointee.settlingLeft > 0 {
            let length = Int(Int32(bigEndian: position.loadUnaligned(as: Int32.self)))
            guard length >= 16, length <= verifier.maximumFrameBytes else {
                violations.add(.framing, example: "connection \(connection.pointee.id): a frame of \(length) bytes")
                stop("connection \(connection.pointee.id): framing lost")
                return
            }
            if end - position - 4 < length { break }
            guard acceptSettling(connection, position + 4, length) else {
                failSettling(connection, at: now)
                return
            }
            follow.pointee.settlingLeft -= 1
            position += 4 + length
        }
        connection.pointee.keepCarry(position, count: end - position)
        if follow.pointee.settlingLeft == 0 { open(connection, at: now) }
    }

    /// False when the server refused, as one does that has lost its leader.
    private mutating func acceptSettling(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ reply: UnsafeRawPointer, _ length: Int
    ) -> Bool {
        let xid = Int32(bigEndian: reply.loadUnaligned(as: Int32.self))
        let zxid = Int64(bigEndian: reply.loadUnaligned(fromByteOffset: 4, as: Int64.self))
        let code = Int32(bigEndian: reply.loadUnaligned(fromByteOffset: 12, as: Int32.self))
        let id = connection.pointee.id
        guard xid == connection.pointee.expectedXid else {
            violations.add(
                .replyOrder,
                example: "connection \(id): reply to xid \(xid), but \(connection.pointee.expectedXid) was due")
            return false
        }
        connection.pointee.expectedXid = ConnectionState.following(xid)
        if zxid < connection.pointee.lastZxid {
            backwards(connection, xid: xid, zxid: zxid)
        } else {
            connection.pointee.lastZxid = zxid
        }
        if code != 0 { return false }
        switch settlingRequests - follows[connection - connections].settlingLeft {
        case 1: settleValue(connection, reply, length)
        case 2: settleChildren(connection, reply, length)
        default: break
        }
        return true
    }

    private mutating func settleValue(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ reply: UnsafeRawPointer, _ length: Int
    ) {
        let follow = follows + (connection - connections)
        let id = connection.pointee.id
        guard verifier.isWholeValue(length), let found = verifier.readValue(reply), found.stamp.key == UInt32(id),
            found.stamp.client == UInt32(id), found.stamp.sequence <= connection.pointee.sequence
        else {
            violations.add(.contentStamp, example: "connection \(id), attached again: a value that it never wrote")
            return
        }
        let version = UInt64(max(0, found.version))
        let floor = follow.pointee.acknowledgedVersion
        let sequenceLost = follow.pointee.failedSets == 0 && found.stamp.sequence < follow.pointee.acknowledgedSequence
        if version < floor || sequenceLost || version > floor + follow.pointee.unknownSets {
            violations.add(
                .acknowledgedLost,
                example: "connection \(id), attached again: version \(version) with write \(found.stamp.sequence), "
                    + "but version \(floor) with write \(follow.pointee.acknowledgedSequence) was acknowledged "
                    + "and \(follow.pointee.unknownSets) writes after it are unknown")
        }
        connection.pointee.version = version
        connection.pointee.visibleSequence = found.stamp.sequence
        follow.pointee.acknowledgedVersion = version
        follow.pointee.acknowledgedSequence = found.stamp.sequence
        follow.pointee.unknownSets = 0
        follow.pointee.failedSets = 0
    }

    private mutating func settleChildren(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ reply: UnsafeRawPointer, _ length: Int
    ) {
        var reader = JuteReader(
            UnsafeRawBufferPointer(
                start: reply + ReplyVerifier.headerBytes, count: length - ReplyVerifier.headerBytes))
        var lowest = Int.max
        var highest = -1
        var count = 0
        if let announced = try? reader.readVectorCount(minimumElementSize: 4) {
            for _ in 0..<announced {
                guard let name = try? reader.readString(), let number = Int(name.dropFirst()) else { break }
                lowest = min(lowest, number)
                highest = max(highest, number)
                count += 1
            }
        }
        if count == 0 {
            connection.pointee.oldestNode = connection.pointee.nextNode
            return
        }
        if highest - lowest + 1 != count || highest >= connection.pointee.nextNode {
            violations.add(
                .contentStamp,
                example: "connection \(connection.pointee.id), attached again: \(count) children from \(lowest) "
                    + "to \(highest), in a row of \(connection.pointee.nextNode)")
        }
        connection.pointee.oldestNode = lowest
        connection.pointee.nextNode = highest + 1
    }
}
