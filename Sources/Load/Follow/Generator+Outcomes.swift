import CPlatform
import Synchronization
import ZooKeeperProtocol

/// What became of requests: successes, gaps, histories.
extension Generator {
    /// Successful replies of one batch.
    mutating func noteSuccesses(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ count: UInt64, at now: UInt64
    ) {
        guard count > 0 else { return }
        let follow = follows + (connection - connections)
        let gap = now - min(now, follow.pointee.lastSuccessNanos)
        if gap > follow.pointee.longestGapNanos { follow.pointee.longestGapNanos = gap }
        follow.pointee.lastSuccessNanos = now
        round.any.note(count, at: now)
        if batchWrites > 0 { round.writes.note(batchWrites, at: now) }
    }

    /// A successful reply that passed the checks.
    @inline(__always)
    mutating func keep(
        _ slot: UnsafeMutablePointer<PendingRequest>, _ reply: UnsafeRawPointer,
        connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64
    ) {
        let kind = Int(slot.pointee.kind)
        if kind == OperationKind.set.rawValue {
            batchWrites += 1
            guard keepsHistory else { return }
            let version = Int32(truncatingIfNeeded: verifier.writtenVersion(reply))
            record(slot, connection: connection, outcome: .succeeded, version: version, at: now)
        } else if kind == OperationKind.read.rawValue {
            guard keepsHistory, let found = verifier.readValue(reply) else { return }
            history.append(
                HistoryEvent(
                    kind: .observation, outcome: .succeeded, key: slot.pointee.key,
                    client: UInt32(truncatingIfNeeded: connection.pointee.id),
                    value: HistoryValue(writer: found.stamp.client, sequence: found.stamp.sequence),
                    version: Int32(truncatingIfNeeded: found.version), invokedNanos: slot.pointee.sentNanos,
                    returnedNanos: now))
        } else if kind == OperationKind.create.rawValue || kind == OperationKind.delete.rawValue {
            batchWrites += 1
        }
    }

    /// A write to a shared key, for the history.
    mutating func record(
        _ slot: UnsafeMutablePointer<PendingRequest>, connection: UnsafeMutablePointer<ConnectionState>,
        outcome: HistoryEvent.Outcome, version: Int32, at now: UInt64
    ) {
        let client = UInt32(truncatingIfNeeded: connection.pointee.id)
        history.append(
            HistoryEvent(
                kind: .write, outcome: outcome, key: slot.pointee.key, client: client,
                value: HistoryValue(writer: client, sequence: slot.pointee.expected), version: version,
                invokedNanos: slot.pointee.sentNanos, returnedNanos: now))
    }

    /// A reply with an error code. True for what a fail-over may cause: the session is gone, or attached elsewhere.
    mutating func followedFailure(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ slot: UnsafeMutablePointer<PendingRequest>, code: Int32
    ) -> Bool {
        let kind = Int(slot.pointee.kind)
        round.failed[kind] += 1
        if round.firstErrorNanos == 0 { round.firstErrorNanos = corral_monotonic_nanos() }
        if kind == OperationKind.set.rawValue {
            follows[connection - connections].failedSets += 1
            if keepsHistory {
                record(slot, connection: connection, outcome: .failed, version: 0, at: corral_monotonic_nanos())
            }
        }
        switch ErrorCode(rawValue: code) {
        case .sessionExpired, .sessionMoved, .unknownSession: return true
        default: return false
        }
    }

    /// Ends the round in hand and begins the coordinator's next one.
    mutating func turnRound(_ now: UInt64) {
        foldRound(now)
        round = RoundRecord(number: signals.round.load(ordering: .acquiring), startNanos: now)
        keyBase = signals.keyBase.load(ordering: .relaxed)
    }

    /// Leaves the round's record for the coordinator and adds it to the totals.
    private mutating func foldRound(_ now: UInt64) {
        passHistoryOn()
        round.any.close(at: now)
        round.writes.close(at: now)
        round.gaps.reserveCapacity(connectionCount)
        round.clients = [Int](repeating: 0, count: servers.count)
        for index in 0..<connectionCount {
            let lasting = now - min(now, follows[index].lastSuccessNanos)
            let gap = max(follows[index].longestGapNanos, lasting)
            round.gaps.append(gap)
            followTotals.gaps[index] = max(followTotals.gaps[index], gap)
            follows[index].longestGapNanos = 0
            if connections[index].isOpen { round.clients[follows[index].server] += 1 }
        }
        followTotals.connectionsLost += round.connectionsLost
        followTotals.reattached += round.reattached
        followTotals.failedAttempts += round.failedAttempts
        followTotals.sessionsLost += round.sessionsLost
        for kind in 0..<OperationKind.count {
            followTotals.failed[kind] += round.failed[kind]
            followTotals.unknown[kind] += round.unknown[kind]
        }
        followTotals.silences += round.any.silences
        followTotals.writeSilences += round.writes.silences
        signals.mailbox.put(round)
    }

    mutating func passHistoryOn() {
        guard keepsHistory, !history.isEmpty else { return }
        signals.mailbox.put(history)
        history.removeAll(keepingCapacity: true)
    }

    /// The measured window ends: what comes later does not count.
    mutating func endFollowing(at now: UInt64) {
        foldRound(now)
        round = RoundRecord(number: -1, startNanos: now)
    }
}
