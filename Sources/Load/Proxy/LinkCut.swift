/// What happens to the bytes that one server sends to another.
public enum LinkCut: UInt8, Codable, Sendable {
    case none
    /// Nothing arrives and nobody is told, as when a cable is pulled. What is sent meanwhile arrives after healing.
    case silent
    /// Connections between the two are reset, and new ones are too.
    case reset
}

/// The cuts of every link, by sender and receiver. Ids are 1 to `servers`.
public struct LinkCuts: Equatable, Sendable {
    public let servers: Int
    private var cuts: [LinkCut]

    public init(servers: Int) {
        self.servers = servers
        cuts = [LinkCut](repeating: .none, count: servers * servers)
    }

    /// What happens to bytes from one server to another.
    public subscript(from: Int, to: Int) -> LinkCut {
        get { cuts[(from - 1) * servers + to - 1] }
        set { cuts[(from - 1) * servers + to - 1] = newValue }
    }

    /// Whether connections between the two are reset.
    func resets(_ one: Int, _ other: Int) -> Bool { self[one, other] == .reset || self[other, one] == .reset }
    /// Whether bytes are lost on the way.
    func isSilent(from: Int, to: Int) -> Bool { self[from, to] == .silent }
}
