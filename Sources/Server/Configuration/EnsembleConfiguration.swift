/// A replicated server's view of its ensemble, checked and complete: what `server.N`, `group.N`, `weight.N`, `myid`
/// and the ensemble's limits say. A standalone server has none.
public struct EnsembleConfiguration: Sendable, Equatable {
    public typealias Role = ServerSpecification.Role
    public typealias Address = ServerSpecification.Address

    /// One server of the ensemble.
    public struct Member: Sendable, Equatable {
        /// N of `server.N`.
        public var id: Int64
        /// Where its peers reach it; at least one.
        public var addresses: [Address]
        public var role: Role
        /// Where clients reach it, as far as the list says.
        public var client: ClientAddress?

        public init(id: Int64, addresses: [Address], role: Role, client: ClientAddress? = nil) {
            self.id = id
            self.addresses = addresses
            self.role = role
            self.client = client
        }
    }

    public struct ClientAddress: Sendable, Equatable {
        /// `0.0.0.0` when the line names only a port.
        public var host: String
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// Content of the `myid` file; `members` has it.
    public var myID: Int64
    /// In ascending order of ids.
    public var members: [Member]
    /// Hierarchical quorums: the servers of each group. Empty: plain majority.
    public var groups: [Int64: [Int64]] = [:]
    /// With groups, the votes of each server; servers that are in no group have none.
    public var weights: [Int64: Int64] = [:]
    /// Version of the member list, from the ending of the dynamic file's name; 0 without one.
    public var version: Int64 = 0

    public var tickTimeMillis = 3000
    /// Ticks that a follower has to connect and synchronize.
    public var initLimitTicks = 0
    /// Ticks that a follower may lag behind its leader.
    public var syncLimitTicks = 0
    /// Ticks that a server has to connect to its leader; `initLimitTicks` unless set.
    public var connectToLeaderLimitTicks = 0

    /// Whether the leader takes clients too.
    public var leaderServes = true
    /// Whether peers are listened for on every interface, and not only on this server's own address.
    public var listensOnAllAddresses = false
    /// Several addresses for each server are allowed, and election messages carry them.
    public var multiAddressEnabled = false

    /// Bounds of the back-off between election messages.
    public var minimumNotificationIntervalMillis = ServerConfiguration.defaultNotificationMillis.lowerBound
    public var maximumNotificationIntervalMillis = ServerConfiguration.defaultNotificationMillis.upperBound
    /// Time to connect to a peer's election port.
    public var electionConnectTimeoutMillis = 5000
    /// Attempts to bind the election port; 0 never gives up.
    public var electionPortBindAttempts = 3
    /// TCP keep-alive on the election connections.
    public var peerTcpKeepAlive = false

    public init(myID: Int64, members: [Member]) {
        self.myID = myID
        self.members = members.sorted { $0.id < $1.id }
    }

    /// This server.
    public var myself: Member {
        guard let member = member(myID) else { preconditionFailure("server \(myID) is not a member") }
        return member
    }

    /// This server's role, as the list has it.
    public var role: Role { myself.role }

    public func member(_ id: Int64) -> Member? {
        members.first { $0.id == id }
    }

    /// Ids of the participants, ascending.
    public var voters: [Int64] {
        members.filter { $0.role == .participant }.map(\.id)
    }

    /// Ids of the observers, ascending.
    public var observers: [Int64] {
        members.filter { $0.role == .observer }.map(\.id)
    }

    /// Whether quorums are counted in groups.
    public var isHierarchical: Bool { !groups.isEmpty }

    /// Whether these servers are enough to elect and to commit.
    public func isQuorum(_ servers: some Sequence<Int64>) -> Bool {
        let present = Set(servers)
        guard isHierarchical else {
            return voters.count { present.contains($0) } > voters.count / 2
        }
        // A group without weight does not count.
        let live = groups.values.filter { weight(of: $0) > 0 }
        return live.count { weight(of: $0.filter(present.contains)) > weight(of: $0) / 2 } > live.count / 2
    }
}

extension EnsembleConfiguration {
    private func weight(of group: [Int64]) -> Int64 {
        group.reduce(0) { $0 + (weights[$1] ?? 0) }
    }

    /// The member list as Apache prints it: the content of `/zookeeper/config`, the membership of `conf`, and what
    /// election messages carry. Without a final newline.
    public var memberListText: String {
        var text = ""
        for id in Self.hashOrder(members.map(\.id)) {
            guard let member = member(id) else { continue }
            text += "server.\(id)=\(Self.text(member))\n"
        }
        if isHierarchical {
            for id in Self.hashOrder(Array(groups.keys)) {
                // Members in the order in which Apache's table of servers lists them.
                let grouped = Set(groups[id] ?? [])
                let order = Self.hashOrder(groups.values.flatMap { $0 }).filter(grouped.contains)
                text += "group.\(id)=\(order.map(String.init).joined(separator: ":"))\n"
            }
            for id in Self.hashOrder(Array(weights.keys)) { text += "weight.\(id)=\(weights[id] ?? 1)\n" }
        }
        return text + "version=\(String(UInt64(bitPattern: version), radix: 16))"
    }

    private static func text(_ member: Member) -> String {
        let addresses = member.addresses.sorted { $0.host < $1.host }
        var text = addresses.map {
            "\(javaHost($0.host)):\($0.quorumPort):\($0.electionPort)"
        }.joined(separator: "|")
        text += ":\(member.role.rawValue)"
        if let client = member.client { text += ";\(javaHost(client.host)):\(client.port)" }
        return text
    }

    private static func javaHost(_ host: String) -> String {
        ServerSpecification.bracketed(SocketAddressText.java(host))
    }

    /// Ids in the order of a Java hash table grown by inserting them; for small ids, ascending.
    static func hashOrder(_ ids: [Int64]) -> [Int64] {
        var capacity = 16
        while ids.count > capacity * 3 / 4 { capacity *= 2 }
        func bucket(_ id: Int64) -> UInt32 {
            let folded = UInt32(truncatingIfNeeded: id ^ Int64(bitPattern: UInt64(bitPattern: id) >> 32))
            return (folded ^ folded >> 16) & UInt32(capacity - 1)
        }
        return ids.sorted { (bucket($0), $0) < (bucket($1), $1) }
    }
}
