/// A server's name and client port.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A host name, or an IP address without brackets.
    public var host: String
    public var port: Int

    public static let defaultPort = 2181

    public init(host: String, port: Int = Endpoint.defaultPort) {
        self.host = host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Where an ensemble is, and which subtree of it a client sees: `host:port,host:port/chroot`.
public struct ConnectString: Hashable, Sendable, CustomStringConvertible {
    public var endpoints: [Endpoint]
    /// The znode that the client sees as its root; empty for the tree's own.
    public var chroot: String

    /// - Parameter chroot: a path, or empty; `/` is the same as empty.
    public init(endpoints: [Endpoint], chroot: String = "") throws(ZooKeeperError) {
        guard !endpoints.isEmpty else { throw ZooKeeperError(.invalidConnectString("it names no server")) }
        self.endpoints = endpoints
        self.chroot = chroot == "/" ? "" : chroot
        if !self.chroot.isEmpty, let problem = PathRules.problem(with: self.chroot) {
            throw ZooKeeperError(.invalidConnectString("chroot \(problem)"))
        }
    }

    /// Reads `host:port,host:port/chroot`. A port left out is 2181; an IPv6 address stands in brackets.
    public init(_ text: String) throws(ZooKeeperError) {
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        var endpoints: [Endpoint] = []
        for part in text[..<slash].split(separator: ",") {
            let name = part.drop { $0 == " " }
            let trimmed = String(name.prefix(name.count - name.reversed().prefix { $0 == " " }.count))
            if !trimmed.isEmpty { endpoints.append(try Self.endpoint(trimmed)) }
        }
        try self.init(endpoints: endpoints, chroot: String(text[slash...]))
    }

    private static func endpoint(_ text: String) throws(ZooKeeperError) -> Endpoint {
        var host = Substring(text)
        var port: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else {
                throw ZooKeeperError(.invalidConnectString("'\(text)' lacks a bracket"))
            }
            host = text[text.index(after: text.startIndex)..<bracket]
            let rest = text[text.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw ZooKeeperError(.invalidConnectString("'\(text)' is not host:port"))
            }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            guard !host.contains(":") else {
                throw ZooKeeperError(.invalidConnectString("'\(text)': an IPv6 address stands in brackets"))
            }
        }
        guard !host.isEmpty else { throw ZooKeeperError(.invalidConnectString("'\(text)' names no host")) }
        guard let port else { return Endpoint(host: String(host)) }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw ZooKeeperError(.invalidConnectString("'\(text)' has no port between 1 and 65535"))
        }
        return Endpoint(host: String(host), port: number)
    }

    public var description: String { endpoints.map(\.description).joined(separator: ",") + chroot }
}
