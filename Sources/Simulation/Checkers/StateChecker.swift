import ZooKeeperProtocol

/// What a server shows of itself after each event.
struct Inspection: Equatable {
    enum Role: Int64 { case electing, leading, learning }

    var role = Role.electing
    /// Whether it serves: everything it has applied is committed.
    var isEstablished = false
    /// The epoch it serves in.
    var epoch: Int64 = 0
    var appliedZxid: Int64 = 0
    var digest: UInt64 = 0
}

/// Watches the servers after every event: one leader per epoch, one committed history without gaps, equal digests.
final class StateChecker {
    private struct Committed {
        var hash: UInt64
        var previous: Int64
        var server: Int
    }

    private let world: World
    /// Every transaction that some established server has applied. Looked up by zxid, never iterated.
    private var committed: [Int64: Committed] = [:]
    /// The transaction of each client's request; refused ones are transactions too.
    private var requests: [Request: CommittedRequest] = [:]
    /// The transaction that ended each session.
    private(set) var sessionEnds: [Int64: Int64] = [:]
    private var digests: [Int64: (digest: UInt64, server: Int)] = [:]
    /// Who led an epoch, and in which of its terms.
    private var leaders: [Int64: (server: Int, term: Int)] = [:]
    private(set) var lastCommitted: Int64 = 0
    /// The newest epoch in which anything was committed, and its last zxid: primaries keep their order.
    private(set) var established = 0

    struct Request: Hashable {
        var session: Int64
        var xid: Int32
    }

    struct CommittedRequest {
        var zxid: Int64
        var wasRefused: Bool
    }

    func committed(_ session: Int64, _ xid: Int32) -> CommittedRequest? {
        requests[Request(session: session, xid: xid)]
    }

    init(_ world: World) { self.world = world }

    var count: Int { committed.count }

    func contains(_ zxid: Int64) -> Bool { committed[zxid] != nil }

    /// A server has become the established leader of an epoch.
    ///
    /// - Parameter term: counts the server's terms over all its lives.
    /// - Parameter lastZxid: of its log.
    func leads(_ server: Int, epoch: Int64, term: Int, lastZxid: Int64) {
        established += 1
        // One that was elected and then held up may take office when a later epoch has begun: it commits nothing.
        if lastZxid < lastCommitted, lastCommitted >> 32 < epoch {
            world.fail(
                .committedPrefix,
                "server \(server) leads epoch \(epoch) with a history up to \(hex(lastZxid)), though others had "
                    + "committed up to \(hex(lastCommitted))")
        }
        if let other = leaders[epoch], other.server != server || other.term != term {
            world.fail(
                .oneLeaderPerEpoch, "servers \(other.server) and \(server) were both leaders of epoch \(epoch)")
        }
        leaders[epoch] = (server, term)
    }

    /// An established server has applied everything of its log up to a zxid.
    ///
    /// - Parameter checked: how far this was looked at in the same term; the log's start for a new one.
    func applied(_ server: Int, _ log: ServerLog, from checked: Int64, upTo zxid: Int64) {
        var index = log.index(after: checked)
        var previous = index > 0 ? log.entries[index - 1].zxid : log.startZxid
        while index < log.entries.count, log.entries[index].zxid <= zxid {
            let entry = log.entries[index]
            check(server, entry, previous)
            previous = entry.zxid
            index += 1
        }
        if zxid & 0xffff_ffff != 0, previous < zxid {
            world.fail(
                .noGap, "server \(server) has applied \(hex(zxid)), but its log ends at \(hex(previous))")
        }
        lastCommitted = max(lastCommitted, previous)
    }

    private func check(_ server: Int, _ entry: ServerLog.Entry, _ previous: Int64) {
        let isNext = entry.zxid == previous + 1
        let beginsEpoch = entry.zxid >> 32 > previous >> 32 && entry.zxid & 0xffff_ffff == 1
        // What a leader proposed stands in the order it proposed it, and before what a later leader did.
        if entry.zxid <= previous {
            world.fail(.primaryOrder, "server \(server) has \(hex(entry.zxid)) after \(hex(previous))")
        }
        if !isNext, !beginsEpoch {
            world.fail(.noGap, "server \(server) has \(hex(entry.zxid)) after \(hex(previous))")
        }
        guard let known = committed[entry.zxid] else {
            if entry.zxid <= lastCommitted {
                world.fail(
                    .committedPrefix,
                    "server \(server) has applied \(hex(entry.zxid)), which is not in the history that others had "
                        + "committed up to \(hex(lastCommitted))")
            }
            if previous < lastCommitted, entry.zxid > lastCommitted {
                world.fail(
                    .committedPrefix,
                    "server \(server) has applied \(hex(entry.zxid)) behind \(hex(previous)), though others had "
                        + "committed up to \(hex(lastCommitted))")
            }
            committed[entry.zxid] = Committed(hash: entry.hash, previous: previous, server: server)
            note(entry)
            lastCommitted = max(lastCommitted, entry.zxid)
            return
        }
        if known.hash != entry.hash {
            world.fail(
                .committedPrefix,
                "servers \(known.server) and \(server) have committed different transactions as \(hex(entry.zxid))")
        }
        // A log that starts with a snapshot at the first zxid of an epoch does not know what came before.
        if known.previous != previous, previous & 0xffff_ffff != 0, known.previous & 0xffff_ffff != 0 {
            world.fail(
                .noGap,
                "server \(server) has \(hex(entry.zxid)) behind \(hex(previous)), server \(known.server) behind "
                    + hex(known.previous))
        }
    }

    private func note(_ entry: ServerLog.Entry) {
        if entry.type == OpCode.closeSession.rawValue {
            sessionEnds[entry.session] = sessionEnds[entry.session] ?? entry.zxid
        }
        guard entry.cxid > 0 else { return }
        let request = Request(session: entry.session, xid: entry.cxid)
        if let other = requests[request] {
            world.fail(
                .executedOnce,
                "request \(entry.cxid) of session \(hex(entry.session)) was executed twice: as \(hex(other.zxid)) and "
                    + hex(entry.zxid))
        }
        requests[request] = CommittedRequest(
            zxid: entry.zxid, wasRefused: entry.type == OpCode.error.rawValue)
    }

    /// An established server's tree, at a zxid.
    func tree(_ server: Int, zxid: Int64, digest: UInt64) {
        guard let known = digests[zxid] else {
            digests[zxid] = (digest, server)
            return
        }
        if known.digest != digest {
            world.fail(
                .digest, "servers \(known.server) and \(server) have different trees at \(hex(zxid))")
        }
    }
}
