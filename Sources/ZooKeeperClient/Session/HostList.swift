/// The servers in the order in which they are tried: shuffled for each round, so that clients spread.
struct HostList {
    private var endpoints: [Endpoint]
    private var position = 0
    private var last: Endpoint?
    /// Attempts since the last that led to a session.
    private(set) var failures = 0
    private var random: any RandomNumberGenerator & Sendable

    /// Between rounds: 50 ms, doubled up to one second, half of it by chance.
    static let firstPauseNanos: Int64 = 50_000_000
    static let longestPauseNanos: Int64 = 1_000_000_000

    init(_ endpoints: [Endpoint], random: any RandomNumberGenerator & Sendable) {
        precondition(!endpoints.isEmpty)
        self.endpoints = endpoints
        self.random = random
        shuffle()
    }

    var count: Int { endpoints.count }

    private mutating func shuffle() {
        endpoints.shuffle(using: &random)
        // The server that was just lost is not the next to be tried.
        if endpoints.count > 1, endpoints[0] == last { endpoints.swapAt(0, endpoints.count - 1) }
        position = 0
    }

    /// The next server to try.
    mutating func next() -> Endpoint {
        if position == endpoints.count { shuffle() }
        defer { position += 1 }
        last = endpoints[position]
        return endpoints[position]
    }

    /// Another server than the present one, without moving on; nil when there is no other.
    func other(than endpoint: Endpoint?, turn: Int) -> Endpoint? {
        let others = endpoints.filter { $0 != endpoint }
        return others.isEmpty ? nil : others[turn % others.count]
    }

    /// The servers are tried from this one on.
    mutating func prefer(_ endpoint: Endpoint) {
        guard let index = endpoints.firstIndex(of: endpoint) else { return }
        endpoints.swapAt(0, index)
        position = 0
    }

    mutating func succeeded() { failures = 0 }

    /// An attempt or a connection has failed: how long to wait before the next.
    mutating func failed() -> Int64 {
        failures += 1
        let round = (failures - 1) / endpoints.count
        // The first round goes on at once, but not all of a server's clients in the same instant.
        if round == 0 { return Int64.random(in: 0...Self.firstPauseNanos / 2, using: &random) }
        let pause = min(Self.longestPauseNanos, Self.firstPauseNanos << Int64(min(round - 1, 6)))
        return pause / 2 + Int64.random(in: 0...pause / 2, using: &random)
    }
}
