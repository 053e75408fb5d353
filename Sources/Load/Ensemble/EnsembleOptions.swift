/// Which servers make an ensemble, and how they are configured.
public struct EnsembleOptions: Sendable {
    /// One per server, in the order of their ids, which start at 1.
    public var kinds: [ServerKind]
    /// How many of the servers, counted from the last, only observe.
    public var observers: Int
    public var server: ServerOptions
    /// Keys of `zoo.cfg` on top of the defaults; what belongs to one server (ports, directories) cannot be set.
    public var settings: [String: String]
    /// Directory of the ensemble; nil makes one under `server.dataRoot`, which goes away with the ensemble.
    public var directory: String?
    /// Servers reach each other through proxies that can be cut; see `PeerProxy`.
    public var isCuttable: Bool

    /// The most servers one ensemble has.
    public static let maximumServers = 13

    public init(
        kinds: [ServerKind], observers: Int = 0, server: ServerOptions, settings: [String: String] = [:],
        directory: String? = nil, isCuttable: Bool = false
    ) throws(LoadError) {
        guard (1...Self.maximumServers).contains(kinds.count) else {
            throw .usage("an ensemble has 1 to \(Self.maximumServers) servers, not \(kinds.count)")
        }
        guard observers >= 0, observers < kinds.count else {
            throw .usage("of \(kinds.count) servers 0 to \(kinds.count - 1) can be observers, not \(observers)")
        }
        if let other = kinds.first(where: { !$0.isZooKeeper }) {
            throw .usage("\(other.title) cannot be a member of an ensemble: corral or apache")
        }
        if kinds.contains(.keeper) {
            guard kinds.allSatisfy({ $0 == .keeper }), observers == 0, settings.isEmpty, !isCuttable else {
                throw .usage(
                    "ClickHouse Keeper's servers understand no others, have neither observers nor a zoo.cfg, and "
                        + "cannot be cut off from each other")
            }
        }
        for key in settings.keys where Self.isOwnKey(key) {
            throw .usage("the key '\(key)' is set for each server and cannot be given")
        }
        // Results state the durability that was asked for; a setting that wins over it would belie them.
        for key in settings.keys where Self.isDurabilityKey(key) {
            throw .usage("the key '\(key)' cannot be given among settings: --no-fsync does that, and results say so")
        }
        guard !isCuttable || server.network == nil else {
            throw .usage("servers in networks of their own cannot be cut off: that takes proxies on loopback")
        }
        self.kinds = kinds
        self.observers = observers
        self.server = server
        self.settings = settings
        self.directory = directory
        self.isCuttable = isCuttable
        if !self.server.hasChosenHeap { self.server.apacheHeap = Self.heap(servers: kinds.count) }
    }

    static func isDurabilityKey(_ key: String) -> Bool {
        let name = key.lowercased()
        return name == "forcesync" || name == "zookeeper.forcesync"
    }

    static func isOwnKey(_ key: String) -> Bool {
        ["dataDir", "dataLogDir", "clientPort", "clientPortAddress", "peerType"].contains(key)
            || key.hasPrefix("server.")
    }

    /// A heap that leaves room for all: eight gigabytes together, two at most.
    static func heap(servers: Int) -> String { "\(min(2048, 8192 / servers))m" }

    /// The kinds of `count` servers.
    ///
    /// - Parameters:
    ///   - kind: of every server, when there is no mix.
    ///   - mix: kinds separated by commas, one per server.
    public static func kinds(count: Int, kind: ServerKind, mix: String?) throws(LoadError) -> [ServerKind] {
        guard (1...maximumServers).contains(count) else {
            throw .usage("an ensemble has 1 to \(maximumServers) servers, not \(count)")
        }
        guard let mix else { return [ServerKind](repeating: kind, count: count) }
        var kinds: [ServerKind] = []
        for name in mix.split(separator: ",") {
            guard let kind = ServerKind(rawValue: String(name)), kind.isZooKeeper else {
                throw .usage("'\(name)' is no kind of server in --mix: corral or apache")
            }
            kinds.append(kind)
        }
        guard kinds.count == count else {
            throw .usage("--mix names \(kinds.count) servers, the ensemble has \(count)")
        }
        return kinds
    }

    /// `key=value` pairs as a dictionary.
    public static func settings(parsing pairs: [String]) throws(LoadError) -> [String: String] {
        var settings: [String: String] = [:]
        for pair in pairs {
            guard let sign = pair.firstIndex(of: "="), sign != pair.startIndex else {
                throw .usage("'\(pair)' is no setting: write key=value")
            }
            settings[String(pair[..<sign])] = String(pair[pair.index(after: sign)...])
        }
        return settings
    }

    /// "3 x corral", or "corral+apache+apache", and the observers.
    public var title: String {
        let names = Set(kinds)
        let text =
            names.count == 1 ? "\(kinds.count) x \(kinds[0].rawValue)" : kinds.map(\.rawValue).joined(separator: "+")
        return observers == 0 ? text : "\(text), \(observers) of them observing"
    }
}
