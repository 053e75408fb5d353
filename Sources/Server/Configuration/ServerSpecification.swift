/// One `server.N` line: `host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`, several addresses of one
/// server separated by `|`.
public struct ServerSpecification: Sendable, Equatable {
    public enum Role: String, Sendable {
        case participant, observer
    }

    public struct Address: Sendable, Equatable {
        /// Name or numeric address, without brackets.
        public var host: String
        public var quorumPort: Int
        public var electionPort: Int

        public init(host: String, quorumPort: Int, electionPort: Int) {
            self.host = host
            self.quorumPort = quorumPort
            self.electionPort = electionPort
        }
    }

    /// What is wrong with a line, in words that continue "expected ".
    struct Malformed: Error, Equatable {
        var expected: String
    }

    /// N of `server.N`.
    public var id: Int64
    /// At least one; more only with `multiAddress.enabled`.
    public var addresses: [Address]
    public var role: Role
    /// Nil when only the port is given: every interface.
    public var clientHost: String?
    /// Nil when the line does not say: then it is the server's own business.
    public var clientPort: Int?

    static let expected =
        "host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort], ports from 0 to 65535"

    /// Reads the value of `server.N`.
    init(id: Int64, text: String) throws(Malformed) {
        let halves = text.split(separator: ";", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { throw Malformed(expected: Self.expected) }
        self.id = id
        addresses = []
        role = .participant
        var roles: Set<Role> = []
        for part in halves[0].split(separator: "|", omittingEmptySubsequences: false) {
            let (address, named) = try Self.address(part)
            addresses.append(address)
            if let named { roles.insert(named) }
        }
        guard roles.count <= 1 else { throw Malformed(expected: "the same role at every address of the server") }
        role = roles.first ?? .participant
        guard halves.count == 2 else { return }
        guard let client = Self.fields(of: halves[1]), client.count == 1 || client.count == 2,
            let clientPort = Self.port(client[client.count - 1])
        else { throw Malformed(expected: Self.expected) }
        self.clientPort = clientPort
        clientHost = client.count == 2 ? client[0] : nil
    }

    /// The value as a `server.N` line holds it, its role written out.
    public var text: String {
        var text = addresses.map { "\(Self.bracketed($0.host)):\($0.quorumPort):\($0.electionPort)" }
            .joined(separator: "|")
        text += ":\(role.rawValue)"
        guard let clientPort else { return text }
        return text + ";" + (clientHost.map { "\(Self.bracketed($0)):" } ?? "") + "\(clientPort)"
    }

    /// Whether a host stands for every interface.
    static func isWildcard(_ host: String?) -> Bool {
        guard let host else { return true }
        return host == "0.0.0.0" || host == "::" || host == "0:0:0:0:0:0:0:0"
    }

    /// IPv6 addresses need brackets before a port.
    static func bracketed(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    private static func address(_ text: Substring) throws(Malformed) -> (Address, Role?) {
        guard let parts = fields(of: text), parts.count == 3 || parts.count == 4, !parts[0].isEmpty,
            let quorumPort = port(parts[1]), let electionPort = port(parts[2])
        else { throw Malformed(expected: expected) }
        guard quorumPort != electionPort else {
            throw Malformed(expected: "different quorum and election ports, not \(quorumPort) twice")
        }
        var named: Role?
        if parts.count == 4 {
            named = Role(rawValue: parts[3].lowercased())
            guard named != nil else { throw Malformed(expected: "the role participant or observer, not \(parts[3])") }
        }
        return (Address(host: parts[0], quorumPort: quorumPort, electionPort: electionPort), named)
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
