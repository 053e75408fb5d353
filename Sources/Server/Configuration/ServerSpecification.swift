/// One `server.N` line: `host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`, several addresses of one
/// server separated by `|`.
public struct ServerSpecification: Sendable, Equatable {
    public enum Role: String, Sendable {
        case participant, observer
    }

    public struct Address: Sendable, Equatable {
        public var host: String
        public var quorumPort: Int
        public var electionPort: Int
    }

    /// N of `server.N`.
    public var id: Int64
    public var addresses: [Address]
    public var role: Role
    public var clientHost: String?
    public var clientPort: Int?

    static let expected =
        "host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort], ports from 0 to 65535"

    /// Nil when the text has not this form.
    public init?(id: Int64, text: String) {
        let halves = text.split(separator: ";", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        self.id = id
        addresses = []
        role = .participant
        var roles: Set<Role> = []
        for address in halves[0].split(separator: "|", omittingEmptySubsequences: false) {
            guard let parts = Self.fields(of: address), parts.count == 3 || parts.count == 4, !parts[0].isEmpty,
                let quorumPort = Self.port(parts[1]), let electionPort = Self.port(parts[2]),
                quorumPort != electionPort
            else { return nil }
            addresses.append(Address(host: parts[0], quorumPort: quorumPort, electionPort: electionPort))
            if parts.count == 4 {
                guard let named = Role(rawValue: parts[3].lowercased()) else { return nil }
                roles.insert(named)
            }
        }
        guard roles.count <= 1 else { return nil }
        role = roles.first ?? .participant
        guard halves.count == 2 else { return }
        guard let client = Self.fields(of: halves[1]), client.count == 1 || client.count == 2,
            let clientPort = Self.port(client[client.count - 1])
        else { return nil }
        self.clientPort = clientPort
        clientHost = client.count == 2 ? client[0] : nil
    }

    /// Splits at colons; a host in square brackets (IPv6) keeps its own.
    private static func fields(of text: Substring) -> [String]? {
        guard text.hasPrefix("[") else {
            return text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        guard let close = text.firstIndex(of: "]") else { return nil }
        let host = String(text[text.index(after: text.startIndex)..<close])
        let rest = text[text.index(after: close)...]
        guard !rest.isEmpty else { return [host] }
        guard rest.hasPrefix(":") else { return nil }
        return [host] + rest.dropFirst().split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }

    private static func port(_ text: String) -> Int? {
        guard let port = ValueSyntax.decimal(text), (0...65535).contains(port) else { return nil }
        return port
    }
}
