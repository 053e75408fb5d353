import Foundation
import Logging
import RequestQueue
import TestSupport
import ZooKeeperClient

func connect(
    _ connectString: String, timeout: Duration = .seconds(30)
) async throws -> ZooKeeper {
    var configuration = try ClientConfiguration(connectString)
    configuration.sessionTimeout = timeout
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return try await ZooKeeper.connect(configuration)
}

extension ZooKeeper {
    /// Waits until it has one of these states.
    func wait(for wanted: SessionState..., within limit: Duration = .seconds(20)) async throws {
        let states = states
        try await TestSupport.within(limit) {
            for await state in states where wanted.contains(state) { return }
            throw TimedOut()
        }
    }
}

/// Repeats a request that may be done twice until it is not cut short by a server's end.
func repeating<Value: Sendable>(
    _ body: () async throws(ZooKeeperError) -> Value
) async throws(ZooKeeperError) -> Value {
    while true {
        do throws(ZooKeeperError) {
            return try await body()
        } catch {
            guard error.reason == .connectionLoss else { throw error }
        }
    }
}

/// A logger whose lines a test can look at.
struct KeptLines: Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var text: String
        var server: String?
    }

    private let lines = LockedValue<[Line]>([])

    var all: [Line] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "kept") { _ in Handler(lines: lines) } }

    private struct Handler: LogHandler {
        let lines: LockedValue<[Line]>
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(lines: LockedValue<[Line]>) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(
                level: event.level, text: "\(event.message)", server: metadata["server"].map { "\($0)" })
            lines.withLock { $0.append(line) }
        }
    }
}

/// What of this process a server must not leave behind.
enum Remains {
    /// Names of running threads that are servers'.
    static func threads() -> [String] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.compactMap { task in
            try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
        }.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { $0.hasPrefix("corral-") }
    }

    /// Open descriptors by what they stand for; of sockets the addresses (in hexadecimal) and the state, if connected
    /// or listening.
    static func descriptors() -> [String] {
        var sockets: [Substring: String] = [:]
        let table = (try? String(contentsOfFile: "/proc/self/net/tcp", encoding: .utf8)) ?? ""
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 9 { sockets[fields[9]] = "\(fields[1]) \(fields[2]) \(fields[3])" }
        }
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return numbers.compactMap { number in
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
            else { return nil }
            let inode = target.split(separator: "[").last?.dropLast() ?? ""
            return sockets[inode].map { "\(target) \($0)" } ?? target
        }.sorted()
    }

    /// Temporary directories of this process's servers.
    static func directories() -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path)
        return (names ?? []).filter { $0.hasPrefix("corral-testing-\(getpid())-") }
    }
}
