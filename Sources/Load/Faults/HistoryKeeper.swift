import CPlatform
import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Gathers the histories of a fault run, round by round, reads the znodes back, and lets them be checked. What a round
/// leaves behind is one value per znode. Used from one thread.
final class HistoryKeeper {
    private let keys: KeySpace
    private let keysPerRound: Int
    private let valueBytes: Int
    private let barrier: ReadBarrier
    private var events: [Int: [HistoryEvent]] = [:]
    /// What each znode of a checked round showed last, and which writes may still appear there.
    private var settled: [Int: (latest: VersionedValue, unseen: Set<HistoryValue>)] = [:]
    private(set) var checkedOperations = 0
    private(set) var checkedZnodes = 0
    private(set) var undecidedZnodes = 0

    /// Reads for the checks are nobody's of the load's clients.
    static let reader = UInt32.max

    init(keys: KeySpace, keysPerRound: Int, valueBytes: Int, barrier: ReadBarrier) {
        self.barrier = barrier
        self.keys = keys
        self.keysPerRound = keysPerRound
        self.valueBytes = valueBytes
    }

    func add(_ batch: [HistoryEvent]) {
        for event in batch { events[Int(event.key) / keysPerRound, default: []].append(event) }
    }

    private func range(_ round: Int) -> Range<Int> { round * keysPerRound..<(round + 1) * keysPerRound }

    /// Reads a round's znodes behind a barrier on one server, for the history. Rounds count from 0.
    func readBack(round: Int, on server: ServerAddress) throws(LoadError) {
        for (key, entry) in try read(range(round), on: server) {
            events[round, default: []].append(
                HistoryEvent(
                    kind: .read, outcome: .succeeded, key: UInt32(key), client: Self.reader, value: entry.value.value,
                    version: entry.value.version, invokedNanos: entry.invoked, returnedNanos: entry.returned))
        }
    }

    private struct Entry {
        var value: VersionedValue
        var invoked: UInt64
        var returned: UInt64
    }

    private func read(_ keys: Range<Int>, on server: ServerAddress) throws(LoadError) -> [(Int, Entry)] {
        let client = try ControlClient(server)
        // The barrier is part of the read: what was acknowledged after it began need not be shown. A follower may have
        // answered such a write before the leader's own tree has it.
        let invoked = corral_monotonic_nanos()
        switch barrier {
        case .write: client.queueSet(self.keys.rootPath, value: KeySpace.rootStamp)
        case .sync: client.queueSync(self.keys.rootPath)
        }
        try client.flush { (_, reply) throws(LoadError) in
            guard reply.code == 0 else {
                throw .connection("\(server) refused a \(barrier.rawValue): \(ControlClient.text(reply.code))")
            }
        }
        var list: [(Int, Entry)] = []
        var start = keys.lowerBound
        while start < keys.upperBound {
            let batch = start..<min(start + 256, keys.upperBound)
            for key in batch { client.queueData(self.keys.sharedPath(key)) }
            try client.flush { (position, reply) throws(LoadError) in
                let key = batch.lowerBound + position
                guard reply.code == 0, let value = Self.decode(reply.body, valueBytes: valueBytes, key: key) else {
                    throw .connection(
                        "\(server) has no whole value in \(self.keys.sharedPath(key)): "
                            + ControlClient.text(reply.code))
                }
                list.append((key, Entry(value: value, invoked: invoked, returned: corral_monotonic_nanos())))
            }
            start = batch.upperBound
        }
        return list
    }

    private static func decode(_ body: [UInt8], valueBytes: Int, key: Int) -> VersionedValue? {
        guard body.count == 4 + valueBytes + Stat.wireSize else { return nil }
        return body.withUnsafeBytes { bytes in
            guard let stamp = ContentStamp.read(from: bytes.baseAddress! + 4, length: valueBytes),
                stamp.key == UInt32(key)
            else { return nil }
            let version = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 + valueBytes + 32, as: Int32.self))
            return VersionedValue(
                version: version, value: HistoryValue(writer: stamp.client, sequence: stamp.sequence))
        }
    }

    /// Checks a round all of whose requests have ended, and forgets its history.
    func check(round: Int, into result: inout FaultRoundResult) {
        let all = events.removeValue(forKey: round) ?? []
        var byKey: [UInt32: [HistoryEvent]] = [:]
        for event in all { byKey[event.key, default: []].append(event) }
        for key in range(round) {
            let initial = VersionedValue(version: 0, value: HistoryValue(writer: 0, sequence: 0))
            let verdict = HistoryCheck.check(byKey[UInt32(key)] ?? [], initial: initial)
            checkedZnodes += 1
            checkedOperations += verdict.writes + verdict.reads + verdict.observations
            result.acknowledgedWrites += verdict.acknowledged
            result.acknowledgedLost += verdict.acknowledgedLost
            result.unknownHappened += verdict.unknownSeen
            if verdict.isUndecided {
                result.undecided += 1
                undecidedZnodes += 1
            }
            for text in verdict.violations.prefix(max(0, 20 - result.violations.count)) {
                result.violations.append("\(keys.sharedPath(key)): \(text)")
            }
            settled[key] = (verdict.latest ?? initial, verdict.unseen)
        }
    }

    /// At the end: every znode of every checked round on one server, against what it showed last. Returns how many were
    /// right, and what was wrong.
    func compareAll(on server: ServerAddress) throws(LoadError) -> (equal: Int, problems: [String]) {
        guard let last = settled.keys.max() else { return (0, []) }
        var equal = 0
        var problems: [String] = []
        for (key, entry) in try read(0..<last + 1, on: server) {
            guard let before = settled[key] else { continue }
            let now = entry.value
            let isLater = now.version > before.latest.version && before.unseen.contains(now.value)
            if now == before.latest || isLater {
                equal += 1
            } else if problems.count < 20 {
                problems.append(
                    "\(keys.sharedPath(key)) on \(server): \(now) at the end, after \(before.latest)")
            }
        }
        return (equal, problems)
    }
}
