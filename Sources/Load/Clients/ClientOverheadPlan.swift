/// The client programs that are compared.
public enum ComparedClient: String, Codable, CaseIterable, Sendable {
    /// `ZooKeeperClient`, as many tasks as the window is wide.
    case swiftTasks = "swift-tasks"
    /// `ZooKeeperClient`, one task that awaits handles in order.
    case swiftPipelined = "swift-pipelined"
    /// Apache's client for Java, asynchronous calls.
    case java
    /// The client for Python, asynchronous calls.
    case kazoo

    public var title: String {
        switch self {
        case .swiftTasks: "Swift, tasks"
        case .swiftPipelined: "Swift, pipelined"
        case .java: "Apache's for Java"
        case .kazoo: "kazoo"
        }
    }

    var form: ClientReads.Form? {
        switch self {
        case .swiftTasks: .tasks
        case .swiftPipelined: .pipelined
        case .java, .kazoo: nil
        }
    }
}

/// What `corral-bench client-overhead` measures.
public struct ClientOverheadPlan: Codable, Equatable, Sendable {
    public var clients = ComparedClient.allCases
    /// Each round measures every client once, in an order by chance.
    public var rounds = 5
    /// Reads outstanding at once.
    public var window = 100
    public var valueBytes = 1024
    /// Reads of one measurement; kazoo, which is slower, does a tenth.
    public var reads = 500_000
    /// Seed of the orders.
    public var seed: UInt64 = 1

    /// The interpreter that has kazoo, and the program for it.
    public var kazooPython = ""
    public var kazooScript = ""
    /// Where Java finds `JavaOverhead` and Apache's client.
    public var javaClassPath = ""

    public init() {}

    func reads(of client: ComparedClient) -> Int { client == .kazoo ? max(window, reads / 10) : reads }

    func validate() throws(LoadError) {
        func need(_ condition: Bool, _ message: @autoclosure () -> String) throws(LoadError) {
            if !condition { throw .usage(message()) }
        }
        try need(!clients.isEmpty, "--clients names nobody")
        try need(Set(clients).count == clients.count, "--clients names one twice")
        try need((1...100).contains(rounds), "--rounds lies between 1 and 100, not \(rounds)")
        try need((1...10_000).contains(window), "--window lies between 1 and 10000, not \(window)")
        try need((0...900_000).contains(valueBytes), "--value-bytes lies between 0 and 900000, not \(valueBytes)")
        try need((1000...100_000_000).contains(reads), "--reads lies between 1000 and 100000000, not \(reads)")
        if clients.contains(.kazoo) {
            try need(!kazooPython.isEmpty, "kazoo needs --kazoo-python; without it, leave kazoo out of --clients")
        }
        if clients.contains(.java) {
            try need(!javaClassPath.isEmpty, "java needs --java-class-path; without it, leave java out of --clients")
        }
    }

    /// The program that prints a `ClientReadSample`.
    func command(_ client: ComparedClient, _ server: ServerAddress, benchPath: String) -> [String] {
        let numbers = ["\(window)", "\(reads(of: client))", "\(valueBytes)"]
        switch client {
        case .swiftTasks, .swiftPipelined:
            return [
                benchPath, "client-reads", "--server", "\(server)", "--form", client.form!.rawValue,
                "--window", numbers[0], "--reads", numbers[1], "--value-bytes", numbers[2],
            ]
        case .java: return ["java", "-Xmx256m", "-cp", javaClassPath, "JavaOverhead", "\(server)"] + numbers
        case .kazoo: return [kazooPython, kazooScript, "\(server)"] + numbers
        }
    }
}
