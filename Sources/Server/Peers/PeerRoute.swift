import Transport

/// The ways to one port of one server: every address of every host of its line, tried in turn.
struct PeerRoute {
    struct Stop: Equatable {
        var host: String
        var port: UInt16
    }

    enum Step {
        case address(PeerAddress)
        /// A look-up is under way.
        case resolving
        case unreachable(String)
    }

    let stops: [Stop]
    private var position = 0

    init(_ stops: [Stop]) { self.stops = stops }

    static func election(_ server: EnsembleConfiguration.Member) -> PeerRoute {
        PeerRoute(server.addresses.map { Stop(host: $0.host, port: UInt16(clamping: $0.electionPort)) })
    }

    static func quorum(_ server: EnsembleConfiguration.Member) -> PeerRoute {
        PeerRoute(server.addresses.map { Stop(host: $0.host, port: UInt16(clamping: $0.quorumPort)) })
    }

    /// The address to try now.
    func step(_ hosts: ResolvedHosts) -> Step {
        var addresses: [PeerAddress] = []
        var failures: [String] = []
        var isResolving = false
        for stop in stops {
            switch hosts.state(of: stop.host) {
            case .known(let found): addresses += found.map { $0.with(port: stop.port) }
            case .unknown: isResolving = true
            case .failed(let failure): failures.append(failure)
            }
        }
        if !addresses.isEmpty { return .address(addresses[position % addresses.count]) }
        if isResolving { return .resolving }
        for stop in stops { hosts.distrust(stop.host) }
        return .unreachable(failures.first ?? "it has no address")
    }

    /// The address tried last leads nowhere.
    ///
    /// - Returns: whether all have been tried since the last time this was true.
    mutating func turnAway(_ hosts: ResolvedHosts) -> Bool {
        var count = 0
        for stop in stops {
            if case .known(let found) = hosts.state(of: stop.host) { count += found.count }
        }
        position += 1
        guard position >= count else { return false }
        position = 0
        for stop in stops { hosts.distrust(stop.host) }
        return true
    }

    /// For log lines.
    var text: String {
        stops.map { $0.host.contains(":") ? "[\($0.host)]:\($0.port)" : "\($0.host):\($0.port)" }
            .joined(separator: "|")
    }
}
