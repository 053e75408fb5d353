import Foundation

/// Programs built on stock client libraries, made on first use below the build directory.
public enum StockClients {
    public struct Missing: Error, CustomStringConvertible {
        public let description: String
    }

    private static let sources = TestEnvironment.packageRoot.appendingPathComponent("Tests/clients")

    private static func require(_ path: String, package: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Missing(description: "\(path) is missing; Tests/run installs Debian's package \(package)")
        }
    }

    /// Runs a build step unless its product is newer than its source.
    private static func make(_ product: URL, from source: URL, _ program: String, _ arguments: [String]) throws {
        func modified(_ url: URL) -> Date? {
            (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
        }
        if let built = modified(product), let written = modified(source), built > written { return }
        let (code, output) = try ChildProcess.run(program, arguments, timeoutSeconds: 300)
        guard code == 0 else { throw Missing(description: "\(program) failed: \(output)") }
    }

    /// The interpreter of a virtual environment that has kazoo: `CORRAL_KAZOO_PYTHON`, else one made here.
    public static func kazooPython() throws -> String {
        if let python = TestEnvironment.string("CORRAL_KAZOO_PYTHON") { return python }
        let environment = TestEnvironment.clientDirectory.appendingPathComponent("kazoo")
        let python = environment.appendingPathComponent("bin/python").path
        if FileManager.default.fileExists(atPath: python),
            try ChildProcess.run(python, ["-c", "import kazoo"]).code == 0
        {
            return python
        }
        TestEnvironment.note("installing kazoo into \(environment.path)")
        for (program, arguments) in [
            ("python3", ["-m", "venv", environment.path]), (python, ["-m", "pip", "install", "--quiet", "kazoo"]),
        ] {
            let (code, output) = try ChildProcess.run(program, arguments, timeoutSeconds: 300)
            guard code == 0 else { throw Missing(description: "\(program) \(arguments) failed: \(output)") }
        }
        return python
    }

    /// A program beside the tests.
    public static func script(_ name: String) -> String { sources.appendingPathComponent(name).path }

    public static func runKazoo(port: Int) throws -> (code: Int32, output: String) {
        let script = script("kazoo_driver.py")
        return try ChildProcess.run(try kazooPython(), [script, "127.0.0.1:\(port)"], timeoutSeconds: 240)
    }

    public static func runJava(port: Int) throws -> (code: Int32, output: String) {
        try require(ServerUnderTest.apacheJar, package: "libzookeeper-java")
        let directory = TestEnvironment.clientDirectory
        let source = sources.appendingPathComponent("JavaDriver.java")
        let compileClassPath = "\(ServerUnderTest.apacheJar):/usr/share/java/zookeeper-jute.jar"
        try make(
            directory.appendingPathComponent("JavaDriver.class"), from: source, "javac",
            ["-nowarn", "-cp", compileClassPath, "-d", directory.path, source.path])
        return try ChildProcess.run(
            "java",
            [
                "-Xmx256m", "-cp", "\(directory.path):\(ServerUnderTest.apacheClassPath)", "JavaDriver",
                "127.0.0.1:\(port)",
            ],
            timeoutSeconds: 240)
    }

    /// Arguments for `java` that run the driver of Curator's recipes; its own come behind.
    public static func curatorRecipes() throws -> [String] {
        let jars = ["recipes", "framework", "client"].map { "/usr/share/java/curator-\($0).jar" }
        for jar in jars { try require(jar, package: "libcurator-recipes-java") }
        let directory = TestEnvironment.clientDirectory
        let source = sources.appendingPathComponent("CuratorRecipes.java")
        let classPath = jars + ["/usr/share/java/guava.jar", ServerUnderTest.apacheClassPath]
        let compileClassPath = classPath + ["/usr/share/java/zookeeper-jute.jar"]
        try make(
            directory.appendingPathComponent("CuratorRecipes.class"), from: source, "javac",
            ["-nowarn", "-cp", compileClassPath.joined(separator: ":"), "-d", directory.path, source.path])
        return ServerUnderTest.javaOptions
            + ["-Xmx128m", "-cp", ([directory.path] + classPath).joined(separator: ":"), "CuratorRecipes"]
    }

    public static func runC(port: Int) throws -> (code: Int32, output: String) {
        try require("/usr/include/zookeeper/zookeeper.h", package: "libzookeeper-mt-dev")
        let product = TestEnvironment.clientDirectory.appendingPathComponent("c_driver")
        let source = sources.appendingPathComponent("c_driver.c")
        try make(
            product, from: source, "gcc",
            ["-DTHREADED", "-O1", "-o", product.path, source.path, "-lzookeeper_mt", "-lpthread"])
        return try ChildProcess.run(product.path, ["127.0.0.1:\(port)"], timeoutSeconds: 240)
    }

    /// Types commands into Apache's shell and returns what it printed.
    public static func runShell(port: Int, commands: [String]) throws -> String {
        let shell = "/usr/share/zookeeper/bin/zkCli.sh"
        try require(shell, package: "zookeeper")
        let directory = TemporaryDirectory("shell")
        let input = directory.file("input")
        try (commands.joined(separator: "\n") + "\nquit\n").write(toFile: input, atomically: true, encoding: .utf8)
        let (_, output) = try ChildProcess.run(
            "bash", ["-c", "\(shell) -server 127.0.0.1:\(port) < \(input)"], timeoutSeconds: 120)
        return output
    }
}
