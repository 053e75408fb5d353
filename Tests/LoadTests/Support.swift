import Foundation
import Histogram
import Testing

@testable import Load

/// A null server on its own thread for the length of one test.
final class ServerThread {
    let server: NullServer
    private let ended = DispatchSemaphore(value: 0)

    init(valueBytes: Int = 128, hook: NullServer.ReplyHook? = nil) throws {
        server = try NullServer(port: 0, valueBytes: valueBytes, hook: hook)
        let (server, ended) = (server, ended)
        Thread.detachNewThread {
            server.run()
            ended.signal()
        }
    }

    deinit {
        server.stop()
        ended.wait()
    }

    var address: ServerAddress { ServerAddress(host: "127.0.0.1", port: server.port) }
}

/// A directory that goes away with the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/corral-load-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A short run on a null server.
func shortConfiguration(_ server: ServerAddress, readPercent: Double = 100) throws -> RunConfiguration {
    var configuration = RunConfiguration(servers: [server], mix: try OperationMix(readPercent: readPercent))
    configuration.connections = 4
    configuration.window = 10
    configuration.valueBytes = 128
    configuration.durationSeconds = 0.4
    configuration.warmupLimitSeconds = 0.1
    configuration.drainLimitSeconds = 1
    configuration.acceptsCannedContent = true
    return configuration
}

/// Runs and writes a result as the command does.
func runToFiles(_ configuration: RunConfiguration, _ directory: TemporaryDirectory) throws -> (RunSummary, String) {
    let (summary, path) = try RunReport.run(
        configuration, serverPids: [getpid()], server: .null, output: directory.path, experiment: "test",
        label: "one", progress: ProgressReporter(quiet: true))
    return (summary, path)
}
