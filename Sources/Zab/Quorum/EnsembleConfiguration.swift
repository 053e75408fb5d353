/// One `server.N` line.
public struct EnsembleMember: Equatable, Sendable {
    public var id: ServerID
    /// `host:quorumPort:electionPort`, as in the configuration file; several joined by `|`.
    public var addresses: String
    public var isObserver: Bool
    /// What follows `;` in the line: `port` or `host:port`.
    public var clientAddress: String?

    public init(id: ServerID, addresses: String, isObserver: Bool, clientAddress: String? = nil) {
        self.id = id
        self.addresses = addresses
        self.isObserver = isObserver
        self.clientAddress = clientAddress
    }
}

/// The list of members, in the text form in which Apache's servers exchange it in election notifications and NEWLEADER.
///
/// Its version is always 0, the version of a list that came from a file. A higher one would make Apache's servers
/// restart their election, even where reconfiguration is disabled.
public struct EnsembleConfiguration: Equatable, Sendable {
    /// By rising id.
    public var members: [EnsembleMember]
    /// Server ids by group number; empty for plain majorities.
    public var groups: [Int64: [ServerID]]
    public var weights: [ServerID: Int64]

    public init(members: [EnsembleMember], groups: [Int64: [ServerID]] = [:], weights: [ServerID: Int64] = [:]) {
        self.members = members.sorted { $0.id < $1.id }
        self.groups = groups
        self.weights = weights
    }

    public var text: [UInt8] {
        var lines = ""
        for member in members {
            lines += "server.\(member.id)=\(member.addresses):\(member.isObserver ? "observer" : "participant")"
            if let client = member.clientAddress { lines += ";\(client)" }
            lines += "\n"
        }
        for (group, ids) in groups.sorted(by: { $0.key < $1.key }) {
            lines += "group.\(group)=\(ids.map(String.init).joined(separator: ":"))\n"
        }
        if !groups.isEmpty {
            for (id, weight) in weights.sorted(by: { $0.key < $1.key }) { lines += "weight.\(id)=\(weight)\n" }
        }
        lines += "version=0"
        return Array(lines.utf8)
    }

    public func rule() throws(QuorumRuleError) -> QuorumRule {
        try QuorumRule(
            voters: members.filter { !$0.isObserver }.map(\.id), observers: members.filter(\.isObserver).map(\.id),
            groups: groups.sorted { $0.key < $1.key }.map(\.value), weights: weights)
    }

    /// Reads another server's list; nil when it cannot be understood. Versions and client addresses are passed over:
    /// the former differs between servers that may reconfigure, the latter by how each writes its own.
    public init?(text: UnsafeRawBufferPointer) {
        var members: [EnsembleMember] = []
        var groups: [Int64: [ServerID]] = [:]
        var weights: [ServerID: Int64] = [:]
        guard let string = String(validating: text, as: UTF8.self) else { return nil }
        for line in string.split(whereSeparator: \.isNewline) {
            guard let equals = line.firstIndex(of: "="), let dot = line[..<equals].firstIndex(of: ".") else { continue }
            // Apache's writer of property files may escape colons.
            let value = String(line[line.index(after: equals)...].filter { $0 != "\\" && $0 != " " })
            guard let number = Int64(line[line.index(after: dot)..<equals]) else { return nil }
            switch line[..<dot] {
            case "server":
                let parts = value.split(separator: ";")
                guard let server = parts.first else { return nil }
                var addresses = String(server)
                var isObserver = false
                for role in ["observer", "participant"] where addresses.lowercased().hasSuffix(":" + role) {
                    addresses.removeLast(role.utf8.count + 1)
                    isObserver = role == "observer"
                }
                members.append(EnsembleMember(id: number, addresses: addresses, isObserver: isObserver))
            case "group":
                groups[number] = value.split(separator: ":").compactMap { ServerID($0) }
            case "weight":
                weights[number] = Int64(value)
            default: continue
            }
        }
        self.init(members: members, groups: groups, weights: weights)
    }

    /// How another server's list disagrees with this one in a way that can split the ensemble, in words for one log
    /// line; nil when the two are as good as equal. Host names are not compared: each may know a host by another name.
    public func disagreement(with other: EnsembleConfiguration) -> String? {
        for member in members {
            guard let theirs = other.members.first(where: { $0.id == member.id }) else {
                return "it does not list server \(member.id)"
            }
            if theirs.isObserver != member.isObserver {
                return "for it server \(member.id) is \(theirs.isObserver ? "an observer" : "a voting member")"
            }
        }
        for theirs in other.members where !members.contains(where: { $0.id == theirs.id }) {
            return "it lists server \(theirs.id), which this server does not"
        }
        if Set(groups.values.map(Set.init)) != Set(other.groups.values.map(Set.init)) { return "its groups differ" }
        for member in members where !groups.isEmpty {
            if weights[member.id] ?? 1 != other.weights[member.id] ?? 1 {
                return "for it server \(member.id) weighs \(other.weights[member.id] ?? 1)"
            }
        }
        return nil
    }
}
