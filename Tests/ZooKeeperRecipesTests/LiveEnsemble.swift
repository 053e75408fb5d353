import Dispatch
import Foundation
import Logging
import Synchronization
import TestSupport
import ZooKeeperClient

/// Three real servers of one kind for all tests; made on first use. Whoever kills one starts it again.
///
/// The harness is used by one thread at a time, which is none of those that tasks run on.
final class LiveEnsemble: @unchecked Sendable {
    private static let corral = Result { try LiveEnsemble(.corral) }
    private static let apache = Result { try LiveEnsemble(.apache) }

    let vendor: Vendor
    private let harness: EnsembleHarness
    private let thread = DispatchQueue(label: "ensemble")

    private init(_ vendor: Vendor) throws {
        self.vendor = vendor
        harness = EnsembleHarness([vendor, vendor, vendor])
        try harness.start()
    }

    static func shared(_ vendor: Vendor) async throws -> LiveEnsemble {
        let result: Result<LiveEnsemble, any Error> = await offTasks {
            switch vendor {
            case .corral: corral
            case .apache: apache
            }
        }
        return try result.get()
    }

    /// Does something that blocks.
    private static func offTasks<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }

    /// Does something with the servers, with nobody else at them.
    func with<Value: Sendable>(_ body: @escaping @Sendable (EnsembleHarness) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            thread.async { continuation.resume(with: Result { try body(self.harness) }) }
        }
    }

    /// Ports do not change.
    var connectString: String { harness.connectString }
    var ports: [Int] { harness.clientPorts }

    func configuration(
        chroot: String = "", timeout: Duration = .seconds(20), port: Int? = nil
    ) throws -> ClientConfiguration {
        let servers = port.map { "127.0.0.1:\($0)" } ?? connectString
        var configuration = try ClientConfiguration(servers + chroot)
        configuration.sessionTimeout = timeout
        configuration.logger = .ofTests
        return configuration
    }

    /// A client, at any of the servers, or at the one behind a port.
    func client(timeout: Duration = .seconds(20), port: Int? = nil) async throws -> ZooKeeper {
        try await ZooKeeper.connect(try configuration(timeout: timeout, port: port))
    }

    /// As many clients as wanted, opened together.
    func clients(_ count: Int, timeout: Duration = .seconds(20), port: Int? = nil) async throws -> [ZooKeeper] {
        let configuration = try configuration(timeout: timeout, port: port)
        let clients = try (0..<count).map { _ in try ZooKeeper(configuration) }
        for client in clients { try await client.waitUntilConnected(within: .seconds(60)) }
        return clients
    }

    /// Never used twice.
    static func freshPath(_ name: String) -> String { "/\(name)-\(UUID().uuidString.prefix(8))" }
}

func close(_ clients: [ZooKeeper]) async {
    await withTaskGroup { group in
        for client in clients { group.addTask { await client.close() } }
    }
}

extension Logger {
    /// What the clients say is of use when a test fails: CORRAL_CLIENT_LOG=debug.
    static var ofTests: Logger {
        let level = TestEnvironment.string("CORRAL_CLIENT_LOG").flatMap { Logger.Level(rawValue: $0) }
        guard let level else { return Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "client")
        logger.logLevel = level
        return logger
    }
}

struct TimedOut: Error {}

/// Runs with a deadline.
func within<Value: Sendable>(
    _ limit: Duration = .seconds(60), _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TimedOut()
        }
        defer { group.cancelAll() }
        return try await group.next()!
    }
}

/// Waits on a condition and throws when it does not come.
func wait(
    _ limit: Duration = .seconds(30), until condition: @Sendable () async throws -> Bool
) async throws {
    guard try await eventually(limit, condition) else { throw TimedOut() }
}

/// Something that tasks share.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try value.withLock { value in
            // Both are values that go nowhere else.
            nonisolated(unsafe) let result = try body(&value)
            return result
        }
    }
}

/// A number that tasks share.
final class Tally: Sendable {
    private let number = Mutex(0)

    var value: Int { number.withLock { $0 } }

    @discardableResult
    func add(_ amount: Int = 1) -> Int {
        number.withLock {
            $0 += amount
            return $0
        }
    }
}
