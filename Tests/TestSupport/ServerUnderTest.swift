import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Whose server it is.
public enum Vendor: String, Sendable, CaseIterable, CustomStringConvertible {
    case corral
    case apache

    public var description: String { rawValue }

    /// The servers that every vendor-neutral test runs against: `CORRAL_TEST_VENDORS`, else both.
    public static let underTest: [Vendor] = {
        guard let text = TestEnvironment.string("CORRAL_TEST_VENDORS") else { return [.corral, .apache] }
        return text.split(separator: ",").map {
            guard let vendor = Vendor(rawValue: String($0)) else { fatalError("no such vendor: \($0)") }
            return vendor
        }
    }()
}

/// The properties that Apache takes only as Java system properties; all else goes to its zoo.cfg.
private let apacheSystemProperties: Set<String> = [
    "extendedTypesEnabled", "4lw.commands.whitelist", "DigestAuthenticationProvider.superDigest",
    "znode.container.checkIntervalMs", "forceSync", "skipACL", "jute.maxbuffer", "snapCount", "preAllocSize",
    "globalOutstandingLimit", "digest.enabled", "admin.enableServer", "maxSnapshotIntervalMillis",
    "readonlymode.enabled",
]

/// Those of them that are not in the space of names `zookeeper.`.
private let apacheBareNames = ["jute.", "znode.", "readonlymode."]

/// A standalone server as a child process, on a free loopback port, with a data directory of its own.
///
/// Used by one thread at a time.
public final class ServerUnderTest: @unchecked Sendable {
    public let vendor: Vendor
    public let port: Int
    public let dataDirectory: String
    public let scratch: TemporaryDirectory
    public private(set) var process: ChildProcess?
    private let settings: [String: String]
    private var starts = 0

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// `super:secret` in Apache's digest form.
    public static let superDigest = "super:lK75jTNcA+U9vtVEw5vB51mj/w4="

    public static let defaults: [String: String] = [
        "tickTime": "500", "minSessionTimeout": "1000", "maxSessionTimeout": "60000", "maxClientCnxns": "0",
        "extendedTypesEnabled": "true", "4lw.commands.whitelist": "*",
        "DigestAuthenticationProvider.superDigest": superDigest,
    ]

    public init(_ vendor: Vendor, settings: [String: String] = [:], dataDirectory: String? = nil, start: Bool = true)
        throws
    {
        self.vendor = vendor
        self.settings = Self.defaults.merging(settings) { $1 }
        scratch = TemporaryDirectory(vendor.rawValue)
        self.dataDirectory = dataDirectory ?? scratch.file("data")
        try FileManager.default.createDirectory(atPath: self.dataDirectory, withIntermediateDirectories: true)
        port = freePort()
        if start { try self.start() }
    }

    deinit { kill() }

    public var logPath: String { scratch.file("log-\(starts)") }

    public static var corralBinary: String {
        TestEnvironment.string("CORRAL_BINARY")
            ?? TestEnvironment.productDirectory.appendingPathComponent("corral").path
    }

    /// Apache's main jar; Debian's names its dependencies in its manifest.
    public static var apacheJar: String {
        TestEnvironment.string("CORRAL_APACHE_JAR") ?? "/usr/share/java/zookeeper.jar"
    }

    /// The directory where a stack of loggers is configured to be quiet, beside Apache's jar.
    public static var apacheClassPath: String {
        "\(apacheJar):/usr/share/java/slf4j-\(TestEnvironment.string("CORRAL_APACHE_LOGGER") ?? "nop").jar"
    }

    /// For a quick start on a small machine.
    static let javaOptions = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]

    public func start() throws {
        starts += 1
        switch vendor {
        case .corral: try startCorral()
        case .apache: try startApache()
        }
        try waitUntilReady()
    }

    private func startCorral() throws {
        var arguments = [
            "server", "--standalone", "--data-dir", dataDirectory, "--client-port", String(port),
            "--set", "clientPortAddress=127.0.0.1",
        ]
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) { arguments += ["--set", "\(key)=\(value)"] }
        process = try ChildProcess(Self.corralBinary, arguments, output: logPath)
    }

    private func startApache() throws {
        var configuration = "dataDir=\(dataDirectory)\nclientPort=\(port)\nclientPortAddress=127.0.0.1\n"
        var properties = ["-Dzookeeper.admin.enableServer=false"]
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            if let property = Self.apacheProperty(key, value) {
                properties.append(property)
            } else {
                configuration += "\(key)=\(value)\n"
            }
        }
        let file = scratch.file("zoo.cfg")
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        process = try ChildProcess(
            "java",
            ["-Xmx512m"] + Self.javaOptions + properties
                + ["-cp", Self.apacheClassPath, "org.apache.zookeeper.server.quorum.QuorumPeerMain", file],
            output: logPath)
    }

    /// The option of `java` that gives Apache's server this setting; nil when its zoo.cfg takes it.
    static func apacheProperty(_ key: String, _ value: String) -> String? {
        guard apacheSystemProperties.contains(key) else { return nil }
        let name = apacheBareNames.contains { key.hasPrefix($0) } ? key : "zookeeper.\(key)"
        return "-D\(name)=\(value)"
    }

    private func waitUntilReady() throws {
        let ready = eventually(within: 120) {
            guard process?.isRunning == true else { return true }
            return (try? ProtocolClient(port: port, timeoutMillis: 4000, within: 5).close()) != nil
        }
        guard let process, process.isRunning, ready else {
            let output = process?.output.suffix(3000) ?? ""
            kill()
            throw Failure(description: "\(vendor) did not get ready on port \(port): \(output)")
        }
    }

    /// Ends it at once, without a chance to write anything.
    public func kill() {
        process?.signal(SIGKILL)
        process?.waitForExit()
        process = nil
    }

    /// Asks it to end, as an init system does; the exit code, or nil when it had to be killed.
    @discardableResult
    public func stop(within seconds: Double = 15) -> Int32? {
        process?.signal(SIGTERM)
        let code = process?.waitForExit(within: seconds)
        kill()
        return code
    }

    public func client(timeoutMillis: Int32 = 30_000) throws -> ProtocolClient {
        try ProtocolClient(port: port, timeoutMillis: timeoutMillis)
    }
}
