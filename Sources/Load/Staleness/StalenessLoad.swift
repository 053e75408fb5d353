import CPlatform
import ZooKeeperProtocol

/// One session writes numbers that grow to the leader, on a schedule; one on each server reads what it shows. One
/// thread does all of it, so that what was acknowledged before a read was sent is beyond doubt. Used from that thread.
final class StalenessLoad: CrowdHandler {
    private let crowd: Crowd
    private let roles: [MemberRole]
    private let write: CrowdRequest
    private let read: CrowdRequest
    private let readsPerSecond: Int
    private let seed: UInt64

    private var sequence: UInt64 = 0
    private var writes = AcknowledgedWrites()
    private var plannedNanos: [UInt64] = []
    private var sendDelays: [Int64] = []
    private var writeTimes: [Int64] = []
    /// Of each reading session, while its read is out: when it was sent, and what had been acknowledged.
    private var pending: [(sentNanos: UInt64, newest: AcknowledgedWrites.Write)?]
    private var samples: [StalenessSample] = []
    private var refused = 0
    private var isMeasuring = false

    private static let sequenceBytes = 8
    /// Writes that may be out at a time.
    private static let outstandingLimit = 8192

    /// - Parameters:
    ///   - crowd: its first session writes, the others read, each at a server of its own.
    ///   - roles: of the servers that are read.
    init(
        _ crowd: Crowd, roles: [MemberRole], path: String, valueBytes: Int, readsPerSecond: Int, seed: UInt64
    ) {
        self.crowd = crowd
        self.roles = roles
        self.readsPerSecond = readsPerSecond
        self.seed = seed
        write = .set(path, value: [UInt8](repeating: 0, count: max(Self.sequenceBytes, valueBytes)))
        valueOffset = CrowdRequest.valueOffset(path)
        read = .data(path, watches: false)
        pending = roles.map { _ in nil }
    }

    private let valueOffset: Int

    /// Works at one rate.
    ///
    /// - Parameter window: asked for CPU times at the end.
    func measure(
        rate: Int, seconds: Double, limitSeconds: Double, window: CrowdWindow
    ) throws(LoadError) -> [StalenessRateFigure] {
        writeTimes.removeAll(keepingCapacity: true)
        sendDelays.removeAll(keepingCapacity: true)
        plannedNanos.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        writes = AcknowledgedWrites()
        isMeasuring = true
        let start = corral_monotonic_nanos()
        let end = start + UInt64(seconds * 1e9)
        var schedule = ArrivalSchedule(
            arrivals: .poisson, ratePerSecond: Double(rate), startNanos: start, seed: seed &+ UInt64(rate))
        var reads = roles.indices.map {
            ArrivalSchedule(
                arrivals: .poisson, ratePerSecond: Double(readsPerSecond), startNanos: start,
                seed: seed &+ UInt64(rate) &+ 0x1000_0000 &* UInt64($0 + 1))
        }
        var wasHeldBack = false
        while true {
            if Interrupt.isRequested { throw .interrupted("interrupted while staleness was measured") }
            let now = corral_monotonic_nanos()
            if now >= end { break }
            let writer = crowd.sessions[0]
            while schedule.next <= now {
                guard writer.outstanding < Self.outstandingLimit else {
                    wasHeldBack = true
                    break
                }
                sendWrite(writer, planned: schedule.next, now)
                schedule.advance()
            }
            crowd.flush(writer)
            for index in reads.indices where reads[index].next <= now {
                // One at a time: what falls due meanwhile is left out.
                while reads[index].next <= now { reads[index].advance() }
                sendRead(index, now)
            }
            let due = reads.map(\.next).min() ?? end
            let next = writer.outstanding < Self.outstandingLimit ? schedule.next : end
            crowd.turn(until: min(due, next, end), self)
        }
        let acknowledged = writeTimes.count
        let generator = window.generator
        let isDone = try crowd.work(limitSeconds: limitSeconds, self) {
            crowd.sessions.allSatisfy { $0.outstanding == 0 }
        }
        isMeasuring = false
        if !isDone { throw .connection("requests were not answered within \(Int(limitSeconds)) s") }
        if refused > 0 { crowd.violate("\(refused) requests were refused") }
        return figures(
            rate: rate, acknowledged: Double(acknowledged) / seconds, wasHeldBack: wasHeldBack,
            generator: generator)
    }

    private func sendWrite(_ writer: CrowdSession, planned: UInt64, _ now: UInt64) {
        sequence += 1
        plannedNanos.append(planned)
        sendDelays.append(Int64(now - planned))
        writer.queue(write, with: sequence, at: valueOffset)
    }

    private func sendRead(_ index: Int, _ now: UInt64) {
        guard pending[index] == nil, let newest = writes.newest else { return }
        let session = crowd.sessions[1 + index]
        session.queue(read)
        pending[index] = (now, newest)
        crowd.flush(session)
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        guard reply.code == 0, isMeasuring else {
            refused += reply.code == 0 ? 0 : 1
            return
        }
        if session.index == 0 {
            // Replies come in the order of the writes.
            let position = writeTimes.count
            writeTimes.append(Int64(nanos - plannedNanos[position]))
            let first = sequence - UInt64(plannedNanos.count)
            writes.add(.init(sequence: first + UInt64(position) + 1, acknowledgedNanos: nanos, zxid: reply.zxid))
            return
        }
        let index = session.index - 1
        guard let sent = pending[index], reply.body.count >= 4 + Self.sequenceBytes else { return }
        pending[index] = nil
        let shown = UInt64(bigEndian: reply.body.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
        samples.append(
            writes.sample(
                server: index + 1, sentNanos: sent.sentNanos, newest: sent.newest, shown: shown, zxid: reply.zxid))
    }

    func opened(_ session: CrowdSession, at nanos: UInt64) {}
    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {}
    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) {}

    /// One for each role that is read.
    private func figures(
        rate: Int, acknowledged: Double, wasHeldBack: Bool, generator: GeneratorUse
    ) -> [StalenessRateFigure] {
        [MemberRole.leader, .follower, .observer].compactMap { role in
            let own = samples.filter { roles[$0.server - 1] == role }
            guard let behind = TimeFigures(nanos: own.map { Int64($0.behindNanos) }),
                let times = TimeFigures(nanos: writeTimes), let delays = TimeFigures(nanos: sendDelays)
            else { return nil }
            let zxids = own.compactMap(\.behindZxids).sorted()
            func zxid(_ share: Double) -> Int64 {
                zxids.isEmpty ? 0 : zxids[min(zxids.count - 1, Int(share * Double(zxids.count)))]
            }
            return StalenessRateFigure(
                role: role, offeredPerSecond: rate, writes: writeTimes.count, acknowledgedPerSecond: acknowledged,
                writeTimes: times, sendDelayP99Millis: delays.p99Millis, wasHeldBack: wasHeldBack, reads: own.count,
                readsBehind: own.count { $0.behindNanos > 0 }, behind: behind, zxidsP50: zxid(0.5),
                zxidsP99: zxid(0.99), zxidsMost: zxids.last ?? 0, generator: generator)
        }
    }
}
