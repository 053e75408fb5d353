import Foundation
import TestSupport
import ZooKeeperProtocol

/// What clients of different servers of one ensemble may rely on; each scenario works below a znode of its own.
struct Scenarios {
    let ensemble: EnsembleHarness
    private let leader: Int?
    /// The leader, if it is Apache's.
    private var apacheLeader: Int? { leader.flatMap { ensemble[$0].vendor == .apache ? $0 : nil } }

    init(ensemble: EnsembleHarness) {
        self.ensemble = ensemble
        leader = ensemble.leader
    }

    struct Broken: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static let all: [(name: String, run: @Sendable (Scenarios) throws -> Void)] = [
        ("words", { try $0.words() }), ("forwarded writes", { try $0.forwardedWrites() }),
        ("read your writes", { try $0.readYourWrites() }),
        ("beyond the outstanding limit", { try $0.beyondTheLimit() }), ("pipelined order", { try $0.pipelinedOrder() }),
        ("sync", { try $0.syncBeforeRead() }), ("refusals", { try $0.refusals() }), ("multi", { try $0.multi() }),
        ("sequences", { try $0.sequences() }), ("watches", { try $0.watches() }),
        ("ephemerals", { try $0.ephemerals() }), ("expiry", { try $0.expiry() }), ("moves", { try $0.moves() }),
        ("left behind", { try $0.leftBehind() }),
        ("strangers", { try $0.strangers() }), ("access", { try $0.access() }), ("large data", { try $0.largeData() }),
    ]

    var members: [EnsembleMember] { ensemble.running }

    /// An ordered pair of different servers of every two kinds that there are: whose it is, and whether it leads,
    /// follows or observes. With observers, one of them and a participant.
    var pairs: [(EnsembleMember, EnsembleMember)] {
        let hasObservers = members.contains(where: \.isObserver)
        func kind(_ member: EnsembleMember) -> String {
            "\(member.vendor) \(member.isObserver ? "observer" : member.id == leader ? "leader" : "follower")"
        }
        var seen: Set<[String]> = []
        return members.flatMap { left in
            members.filter { other in
                other.id != left.id && (!hasObservers || other.isObserver != left.isObserver)
                    && seen.insert([kind(left), kind(other)]).inserted
            }.map { (left, $0) }
        }
    }

    /// From here on the client's reads show everything acknowledged before, to whomever.
    ///
    /// For that, `sync` is not enough on Apache's leader, which answers it at once, though what it has committed, and a
    /// fast follower has answered, it may not have applied yet. A write of one's own is.
    func catchUp(_ client: ProtocolClient, _ member: EnsembleMember) throws {
        if member.id == apacheLeader {
            try client.perform(.setData("/", data: []))
        } else {
            try client.perform(.sync("/"))
        }
    }

    func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
        if !condition { throw Broken(text()) }
    }

    /// A reply's error must be this one.
    func expect(_ reply: Reply, _ code: ErrorCode, _ what: String) throws {
        try expect(reply.error == code.rawValue, "\(what): error \(reply.error) instead of \(code.rawValue)")
    }

    /// A read through a server that has surely seen everything committed before.
    func currentData(_ path: String, on member: EnsembleMember) throws -> Reply {
        let client = try member.client()
        try catchUp(client, member)
        let reply = try client.call(.getData(path))
        try client.close()
        return reply
    }

    // MARK: words

    func words() throws {
        let leader = try ensemble.waitForRoles()
        let voters = ensemble.participants.count
        let followers = ensemble.participants.filter(\.isRunning).count - 1
        let observers = ensemble.running.count - followers - 1
        for (name, count) in [
            ("learners", followers + observers), ("synced_followers", followers), ("synced_observers", observers),
            ("synced_non_voting_followers", 0), ("quorum_size", voters), ("pending_syncs", 0),
        ] {
            try ensemble.waitForMonitor(leader, name) { $0 == String(count) }
        }
        for member in members {
            let role = member.id == leader ? "leader" : member.isObserver ? "observer" : "follower"
            let state = ["leader": "leading", "follower": "following", "observer": "observing"][role]!
            let monitor = try member.monitor()
            try expect(monitor["server_state"] == role, "server \(member.id) is \(monitor["server_state"] ?? "?")")
            try expect(
                monitor["peer_state"] == "\(state) - broadcast",
                "server \(member.id): peer_state \(monitor["peer_state"] ?? "?")")
            try expect(monitor["corral_problem"] == nil, "server \(member.id): \(monitor["corral_problem"] ?? "")")
            let conf = try fourLetterWord("conf", port: member.clientPort)
            for line in ["serverId=\(member.id)", "electionPort=\(member.electionPort)"]
                + ensemble.members.map({ "server.\($0.id)=127.0.0.1:\($0.quorumPort):\($0.electionPort)" })
            {
                try expect(conf.contains("\n\(line)"), "conf of server \(member.id) lacks \(line):\n\(conf)")
            }
            try expect(try fourLetterWord("ruok", port: member.clientPort) == "imok", "ruok")
            try expect(try fourLetterWord("isro", port: member.clientPort) == "rw", "isro")
            let srvr = try fourLetterWord("srvr", port: member.clientPort)
            try expect(srvr.contains("\nProposal sizes last/min/max: ") == (role == "leader"), "srvr: \(srvr)")
        }
    }

    // MARK: writes and reads

    func forwardedWrites() throws {
        try members[0].client().create("/forwarded")
        for (writer, reader) in pairs {
            let path = "/forwarded/\(writer.id)-\(reader.id)"
            let data = Array("by \(writer.id)".utf8)
            let client = try writer.client()
            try client.create(path, data: data)
            try client.perform(.setData(path, data: data + data, version: 0))
            let (seen, stat) = try currentData(path, on: reader).dataAndStat()
            try expect(
                seen == data + data && stat.version == 1, "\(path): \(seen.count) bytes, version \(stat.version)")
            try client.perform(.delete(path, version: 1))
            try expect(try currentData(path, on: reader), .noNode, path)
            try client.close()
        }
    }

    /// Writes and reads of one session, pipelined, through each server: every read sees the write before it.
    func readYourWrites() throws {
        for member in members {
            let client = try member.client()
            let path = "/own-\(member.id)"
            try client.create(path)
            let rounds = 200
            for round in 0..<rounds {
                try client.send(.setData(path, data: Array(String(round).utf8)))
                try client.send(.getData(path))
            }
            var zxid: Int64 = 0
            for round in 0..<rounds {
                let written = try client.receiveReply()
                let read = try client.receiveReply()
                let (data, stat) = try read.dataAndStat()
                let text = String(decoding: data, as: UTF8.self)
                try expect(text == String(round), "server \(member.id): read \(text) behind the write of \(round)")
                try expect(stat.mzxid == written.zxid, "server \(member.id): mzxid is not the write's")
                try expect(written.zxid > zxid && read.zxid >= written.zxid, "server \(member.id): zxids went back")
                zxid = read.zxid
            }
            try client.close()
        }
    }

    /// More writes with reads behind them than a server keeps outstanding: it must read on when there is room again.
    func beyondTheLimit() throws {
        for member in members {
            let client = try member.client()
            let base = "/many-\(member.id)"
            try client.create(base)
            let count = 1500
            var bytes: [UInt8] = []
            for number in 0..<count {
                for request in [Request.create("\(base)/n\(number)"), .getData("\(base)/n\(number)")] {
                    bytes += ProtocolClient.framed(request.payload(xid: client.takeXid()))
                }
            }
            try client.socket.send(bytes)
            for number in 0..<2 * count {
                let reply = try client.receiveReply(within: 20)
                try expect(reply, .ok, "server \(member.id), request \(number)")
            }
            try client.close()
        }
    }

    func pipelinedOrder() throws {
        try members[0].client().create("/pipelined")
        for member in members {
            let client = try member.client()
            try catchUp(client, member)
            let base = "/pipelined/\(member.id)"
            try client.create(base)
            for _ in 0..<300 { try client.send(.create("\(base)/n-", flags: CreateFlag.sequential)) }
            for number in 0..<300 {
                let path = try client.receiveReply().path()
                let suffix = String(repeating: "0", count: 10 - String(number).count) + String(number)
                try expect(path == "\(base)/n-\(suffix)", "server \(member.id): \(path) came as number \(number)")
            }
            try client.close()
        }
    }

    func syncBeforeRead() throws {
        try members[0].client().create("/sync")
        for (writer, reader) in pairs where reader.id != apacheLeader {
            let left = try writer.client()
            try catchUp(left, writer)
            let right = try reader.client()
            for round in 0..<40 {
                let data = Array("\(writer.id)-\(reader.id)-\(round)".utf8)
                try left.perform(.setData("/sync", data: data))
                try right.send(.sync("/sync"))
                try right.send(.getData("/sync"))
                try expect(try right.receiveReply(), .ok, "sync")
                let (seen, _) = try right.receiveReply().dataAndStat()
                try expect(seen == data, "server \(reader.id) read \(String(decoding: seen, as: UTF8.self)) after sync")
            }
            try left.close()
            try right.close()
        }
    }

    func refusals() throws {
        try members[0].client().create("/refused")
        for member in members {
            let client = try member.client()
            try catchUp(client, member)
            let path = "/refused/\(member.id)"
            try client.create(path)
            try expect(try client.call(.create(path)), .nodeExists, "create again")
            try expect(try client.call(.create("\(path)/a/b")), .noNode, "create without a parent")
            try expect(try client.call(.setData(path, data: [1], version: 7)), .badVersion, "setData")
            try expect(try client.call(.delete("/refused")), .notEmpty, "delete of a parent")
            try expect(try client.call(.delete("/nowhere")), .noNode, "delete of nothing")
            try client.create("\(path)/e", flags: CreateFlag.ephemeral)
            try expect(
                try client.call(.create("\(path)/e/c")), .noChildrenForEphemerals, "a child of an ephemeral node")
            try client.close()
        }
    }

    func multi() throws {
        try members[0].client().create("/multi")
        for (writer, reader) in pairs {
            let client = try writer.client()
            try catchUp(client, writer)
            let path = "/multi/\(writer.id)-\(reader.id)"
            let made = try client.call(
                .multi([.create(path, data: [1]), .setData(path, data: [2], version: 0), .check(path, version: 1)]))
            try expect(made, .ok, "multi")
            let failed = try client.call(
                .multi([.setData(path, data: [3], version: 1), .delete(path, version: 0), .create("\(path)/c")]))
            try expect(failed.body.starts(with: [0xff, 0xff, 0xff, 0xff]), "a multi with a wrong version went through")
            let (data, stat) = try currentData(path, on: reader).dataAndStat()
            try expect(data == [2] && stat.version == 1 && stat.numChildren == 0, "\(path) is \(data) \(stat.version)")
            try client.close()
        }
    }

    /// Numbers of sequential nodes, made through all servers at once, are unique, and ascend for each client.
    func sequences() throws {
        try members[0].client().create("/sequence")
        let clients = try members.map { try $0.client() }
        for (member, client) in zip(members, clients) { try catchUp(client, member) }
        var paths: [[String]] = clients.map { _ in [] }
        for _ in 0..<20 {
            for client in clients {
                for _ in 0..<10 { try client.send(.create("/sequence/s", flags: CreateFlag.ephemeralSequential)) }
            }
            for (index, client) in clients.enumerated() {
                for _ in 0..<10 { paths[index].append(try client.receiveReply().path()) }
            }
        }
        for own in paths { try expect(own == own.sorted(), "numbers of one client do not ascend") }
        let all = paths.flatMap { $0 }
        try expect(Set(all).count == 200 * clients.count, "\(all.count - Set(all).count) numbers were given twice")
        for client in clients { try client.close() }
        for member in members {
            let client = try member.client()
            try catchUp(client, member)
            let left = try client.call(.getChildren("/sequence")).strings()
            try expect(left.isEmpty, "server \(member.id) keeps \(left.count) of closed sessions")
            try client.close()
        }
    }
}
