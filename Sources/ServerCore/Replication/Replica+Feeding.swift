import Jute
import TxnLog
import Zab

/// Feeding learners that catch up: slices of a snapshot, of the log, and of what is kept in memory.
extension Replica {
    /// Sends a learner what is next for it, while its connection takes it.
    func feed(_ link: LearnerLink) {
        while links[link.id] === link, !isEnding {
            // What the connection takes at once leaves room for more in the same turn.
            if link.output.count >= ReplicaLimits.feedBytes { link.flush() }
            guard link.link.unsentBytes + link.output.count < ReplicaLimits.feedUnsentBytesMax else {
                link.flush()
                link.link.notifyWhenDrained()
                return
            }
            switch link.stage {
            case .newLeaderSent where mutations.contains(.zk4394) && link.position < announcedZxid:
                guard feedHistory(link, upTo: announcedZxid, asInform: link.isObserver) else { return link.flush() }
            case .discovery, .newLeaderSent, .live: return
            case .snapshot(let stream):
                guard mayFeed(link) else { return link.flush() }
                feedSnapshot(link, stream)
            case .history:
                if link.position < historyBound {
                    guard mayFeed(link), feedHistory(link, upTo: historyBound, asInform: false) else {
                        return link.flush()
                    }
                } else {
                    configuration.memberListText.withUnsafeBytes {
                        link.output.appendNewLeader(epoch: leader!.epoch, configuration: $0)
                    }
                    link.stage = .newLeaderSent
                }
            case .catchUp:
                // An answered sync has its place among the commits here, too.
                let sync = link.deferredSyncs.first
                let bound = min(announcedZxid, sync ?? .max)
                if link.position < bound {
                    guard mayFeed(link), feedHistory(link, upTo: bound, asInform: link.isObserver) else {
                        return link.flush()
                    }
                } else if sync != nil {
                    link.output.appendSync()
                    link.deferredSyncs.removeFirst()
                } else {
                    goLive(link)
                }
            }
        }
    }

    /// Whether it is a slice's turn; if not, it will be soon.
    private func mayFeed(_ link: LearnerLink) -> Bool {
        // The connection has taken everything: so the learner lives, though it says nothing until it has it all.
        if link.hasBeenFed, link.link.unsentBytes == 0 {
            link.hasBeenFed = false
            leader?.heard(link.id, nowMillis: nowMillis)
        }
        if pace.mayFeed(at: core.clock.monotonicNanos()) { return true }
        feedAtMillis = nowMillis + CatchUpPace.pauseMillis
        return false
    }

    private func charge(_ link: LearnerLink, _ bytes: Int) {
        guard bytes > 0 else { return }
        link.hasBeenFed = true
        pace.fed(bytes, at: core.clock.monotonicNanos())
    }

    private func feedSnapshot(_ link: LearnerLink, _ stream: any SnapshotStream) {
        let start = link.output.count
        let size = CatchUpPace.sliceBytes
        let memory = UnsafeMutableRawBufferPointer(start: link.output.appendUninitialized(size), count: size)
        do throws(DiskError) {
            let count = try stream.read(into: memory)
            link.output.truncate(to: start + count)
            charge(link, count)
            guard count == 0 else { return }
        } catch {
            link.output.truncate(to: start)
            closeLink(link.id, "the snapshot cannot be read: \(error)")
            return
        }
        stream.close()
        link.output.appendSnapshotSignature()
        link.stage = .history
    }

    /// Sends committed transactions after the link's position: a PROPOSAL and its COMMIT each, or an INFORM.
    ///
    /// - Returns: false when there will be more later, once it has been read.
    private func feedHistory(_ link: LearnerLink, upTo bound: Int64, asInform: Bool) -> Bool {
        if link.position >= recent.startZxid || mutations.contains(.zk1319) {
            link.history?.close()
            link.history = nil
            let start = link.output.count
            let limit = start + CatchUpPace.sliceBytes
            var isComplete = true
            forEachKept(after: link.position) { batch in
                guard batch.firstZxid <= bound else { return false }
                guard link.output.count < limit else {
                    isComplete = false
                    return false
                }
                append(batch, to: link, upTo: bound, asInform)
                return true
            }
            if isComplete { link.position = max(link.position, bound) }
            charge(link, link.output.count - start)
            return true
        }
        if link.history == nil {
            link.history = attempt { () throws(DiskError) in try disk.openHistory(after: link.position) }
        }
        guard let history = link.history else {
            closeLink(link.id, "the log no longer reaches back to 0x\(String(link.position, radix: 16))")
            return true
        }
        do throws(DiskError) {
            let upTo = min(bound, loggedZxid)
            switch try history.next(upTo: upTo, maximumBytes: ReplicaLimits.feedBytes) {
            case .batch(let batch):
                append(batch, to: link, upTo: bound, asInform)
                charge(link, batch.bytes.count)
            case .pending: return false
            case .ended: closeLink(link.id, "the log ends before 0x\(String(upTo, radix: 16))")
            }
        } catch {
            closeLink(link.id, "the log cannot be read: \(error)")
        }
        return true
    }

    private func append(_ batch: TxnBatch, to link: LearnerLink, upTo bound: Int64, _ asInform: Bool) {
        for index in 0..<batch.count {
            let zxid = batch.zxid(at: index)
            guard zxid > link.position else { continue }
            guard zxid <= bound else { return }
            link.output.appendPacket(asInform ? .inform : .proposal, zxid: zxid, data: batch.txn(at: index))
            if !asInform { link.output.appendPacket(.commit, zxid: zxid) }
            link.position = zxid
        }
    }

    /// The learner has everything that is committed: what is proposed and not committed follows, then all as it comes.
    private func goLive(_ link: LearnerLink) {
        link.stage = .live
        guard !link.isObserver, !mutations.contains(.zk962) else { return }
        let sentUpTo = max(announcedZxid, link.position)
        for logged in core.awaiting + core.submitted {
            guard let proposals = logged.proposals, logged.batch.lastZxid > sentUpTo else { continue }
            // The first part of a batch may have been sent as history.
            let packets = proposals.packets.bytes
            var offset = 0
            while let packet = QuorumPacket.parseFast(UnsafeRawBufferPointer(rebasing: packets[offset...])),
                packet.zxid <= sentUpTo
            { offset += packet.length }
            link.output.append(raw: UnsafeRawBufferPointer(rebasing: packets[offset...]))
        }
    }
}
