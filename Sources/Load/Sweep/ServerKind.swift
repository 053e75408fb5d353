/// The servers this suite can start by itself.
public enum ServerKind: String, Codable, CaseIterable, Sendable {
    case corral
    /// Apache ZooKeeper out of Debian's packages.
    case apache
    /// etcd out of Debian's packages: another protocol, the same workload; see Bench/etcd/README.md.
    case etcd
    /// ClickHouse Keeper, by path of its program: ZooKeeper's protocol for clients, Raft among servers.
    case keeper
    /// Canned replies; see `NullServer`.
    case null

    public var title: String {
        switch self {
        case .corral: "Corral"
        case .apache: "Apache ZooKeeper"
        case .etcd: "etcd"
        case .keeper: "ClickHouse Keeper"
        case .null: "null server"
        }
    }

    /// Whether it speaks ZooKeeper's protocol and keeps data: what most commands need.
    public var isZooKeeper: Bool { self == .corral || self == .apache || self == .keeper }
    /// Whether it is configured by a `zoo.cfg`, and such servers can make one ensemble.
    public var hasZooCfg: Bool { self == .corral || self == .apache }
}

/// How etcd answers reads.
public enum EtcdReads: String, Codable, CaseIterable, Sendable {
    /// Out of the serving member's own state, as ZooKeeper's servers do.
    case serializable
    /// etcd's default: the member asks the leader first how far it must be.
    case linearizable
}

/// How to start servers.
public struct ServerOptions: Codable, Equatable, Sendable {
    /// The `corral` program.
    public var corralPath: String
    /// This program, for the null server.
    public var benchPath: String
    /// Data directories are made in here, one per start, and removed afterwards.
    public var dataRoot: String
    /// False acknowledges writes before they are on disk: unsafe, and marked so in every result.
    public var fsync = true
    /// As results state it.
    public var durability: String { fsync ? "fsync" : "no fsync" }
    /// The JVM's heap, as `-Xmx` takes it.
    public var apacheHeap = "2g"
    /// Whether someone asked for that heap; ensembles choose by their size otherwise.
    public var hasChosenHeap = false
    /// Sets the heap's initial size to its maximum, as production guides advise; off in the memory experiment, so
    /// that the JVM may give memory back.
    public var apacheFixedHeap = true
    /// Where Java finds Apache's server: Debian's release, unless someone asked for another.
    public var apacheClassPath = Self.debianClassPath
    /// The `etcd` program, looked up in PATH.
    public var etcdPath = "etcd"
    /// The load generator that speaks etcd's protocol, a package of its own.
    public var etcdLoadPath = Self.builtEtcdLoad
    public var etcdReads = EtcdReads.serializable
    /// The `clickhouse-keeper` program, or `clickhouse`, which has it; nil: none was named.
    public var keeperPath: String?
    public var valueBytes = 1024
    /// Further settings of a Corral server, by their names in `zoo.cfg`.
    public var extraSettings: [String: String]?
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?

    /// Where Bench/etcd/build leaves it.
    public static let builtEtcdLoad = "Bench/etcd/.build/release/corral-etcd-load"

    /// Debian's zookeeper.jar names its dependencies in its manifest; the logger's back end is the one thing missing.
    public static let debianClassPath = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"

    public init(corralPath: String, benchPath: String, dataRoot: String) {
        self.corralPath = corralPath
        self.benchPath = benchPath
        self.dataRoot = dataRoot
    }
}
