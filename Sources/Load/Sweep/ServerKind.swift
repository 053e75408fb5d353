/// The servers this suite can start by itself.
public enum ServerKind: String, Codable, CaseIterable, Sendable {
    case corral
    /// Apache ZooKeeper out of Debian's packages.
    case apache
    /// Canned replies; see `NullServer`.
    case null

    public var title: String {
        switch self {
        case .corral: "Corral"
        case .apache: "Apache ZooKeeper"
        case .null: "null server"
        }
    }
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
    /// The JVM's heap, as `-Xmx` takes it.
    public var apacheHeap = "2g"
    /// Whether someone asked for that heap; ensembles choose by their size otherwise.
    public var hasChosenHeap = false
    /// Sets the heap's initial size to its maximum, as production guides advise; off in the memory experiment, so
    /// that the JVM may give memory back.
    public var apacheFixedHeap = true
    /// Where Java finds Apache's server: Debian's release, unless someone asked for another.
    public var apacheClassPath = Self.debianClassPath
    public var valueBytes = 1024

    /// Debian's zookeeper.jar names its dependencies in its manifest; the logger's back end is the one thing missing.
    public static let debianClassPath = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"

    public init(corralPath: String, benchPath: String, dataRoot: String) {
        self.corralPath = corralPath
        self.benchPath = benchPath
        self.dataRoot = dataRoot
    }
}
