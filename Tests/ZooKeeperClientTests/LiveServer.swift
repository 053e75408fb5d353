import Foundation
import Logging
import TestSupport
import ZooKeeperClient

/// Real servers, one of each kind for all tests that leave them running.
///
/// Made on first use; each test has a znode of its own to work below.
enum LiveServer {
    private static let corral = Result { try ServerUnderTest(.corral) }
    private static let apache = Result { try ServerUnderTest(.apache) }

    static func shared(_ vendor: Vendor) throws -> ServerUnderTest {
        switch vendor {
        case .corral: try corral.get()
        case .apache: try apache.get()
        }
    }

    /// Never used twice, as long as the tests' servers are fresh.
    static func freshPath(_ name: String) -> String { "/\(name)-\(UUID().uuidString.prefix(8))" }
}

extension ServerUnderTest {
    func configuration(chroot: String = "", timeout: Duration = .seconds(30)) throws -> ClientConfiguration {
        var configuration = try ClientConfiguration("127.0.0.1:\(port)\(chroot)")
        configuration.sessionTimeout = timeout
        configuration.logger = .ofTests
        return configuration
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
    _ limit: Duration = .seconds(20), _ body: @escaping @Sendable () async throws -> Value
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

/// Waits on a condition with a deadline, without blocking a thread.
func eventually(_ limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now >= deadline { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return true
}

extension ZooKeeper {
    /// Waits until it has one of these states.
    func wait(for wanted: SessionState..., within limit: Duration = .seconds(20)) async throws {
        let states = states
        try await ZooKeeperClientTests.within(limit) {
            for await state in states where wanted.contains(state) { return }
            throw TimedOut()
        }
    }
}
