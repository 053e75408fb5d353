import DataTree
import Jute
import ZooKeeperProtocol

/// The load of the paper's Figure 7: transactions that are made inside the leader, without clients, so that only the
/// broadcast is measured.
///
/// Clients leave a processor or a disk idle now and then; this load never does. So it makes way for learners that catch
/// up: they would get no more than those that follow get, and never come nearer.
extension Core {
    /// The znode that these transactions set.
    public static let broadcastPath = "/corral-broadcast"

    /// Makes transactions in the place of those that have been applied, a quarter to a batch, so that batches overlap
    /// as clients' do. They are a client's in all but the client: what it takes to check and serialize one is part of
    /// the cost.
    func flushBroadcast() {
        let share = max(1, configuration.broadcastOutstanding / 4)
        var missing = missingBroadcasts
        while missing >= share, submitted.count < CoreLimits.logBatchesInFlightMax {
            makeBroadcasts(share)
            submitGathered()
            missing -= share
        }
        submitGathered()
    }

    private var missingBroadcasts: Int {
        guard !isDraining else { return 0 }
        switch role {
        case .standalone: break
        case .leader: guard let replica, replica.isEstablished, !replica.hasLearnersBehind else { return 0 }
        case .learner, .electing: return 0
        }
        // The first of an epoch follows no transaction.
        let applied = max(tree.lastProcessedZxid, lastZxid & ~0xffff_ffff)
        return configuration.broadcastOutstanding - Int(lastZxid - applied)
    }

    private func makeBroadcasts(_ count: Int) {
        if broadcastRecord.isEmpty { beginBroadcast() }
        let now = clock.monotonicNanos()
        broadcastRecord.withUnsafeBytes { record in
            for _ in 0..<count {
                prepare(
                    .setData, xid: 0, connection: nil, session: nil, credentials: .none, record: record,
                    receivedNanos: now)
            }
        }
    }

    private func beginBroadcast() {
        // Where an earlier leader has made the znode, this fails, as it may.
        var creation = WireBuffer()
        creation.append(string: Self.broadcastPath)
        creation.append(int32: 0)
        creation.append(int32: 1)
        creation.append(int32: 31)
        creation.append(string: "world")
        creation.append(string: "anyone")
        creation.append(int32: 0)
        prepare(
            .create, xid: 0, connection: nil, session: nil, credentials: .none, record: creation.bytes,
            receivedNanos: clock.monotonicNanos())
        var record = WireBuffer(capacity: configuration.broadcastBytes + 64)
        record.append(string: Self.broadcastPath)
        let data = [UInt8](repeating: 0x5a, count: configuration.broadcastBytes)
        data.withUnsafeBytes { record.append(buffer: $0) }
        record.append(int32: -1)
        broadcastRecord = Array(record.bytes)
    }
}
