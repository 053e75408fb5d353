import CorralTesting
import Foundation
import Logging
import TestSupport
import ZooKeeperClient

/// Real servers, one of each kind for all tests that leave them running: Corral's in this process, Apache's in another.
///
/// Made on first use; each test has a znode of its own to work below.
struct LiveServer: Sendable {
    let port: Int

    private static let corral = Task {
        try await CorralServer.start(ServerOptions(settings: ServerUnderTest.defaults))
    }
    private static let apache = Task { try ServerUnderTest(.apache) }

    static func shared(_ vendor: Vendor) async throws -> LiveServer {
        switch vendor {
        case .corral: LiveServer(port: try await corral.value.clientPort)
        case .apache: LiveServer(port: try await apache.value.port)
        }
    }

    func configuration(chroot: String = "", timeout: Duration = .seconds(30)) throws -> ClientConfiguration {
        try .ofTests(port: port, chroot: chroot, timeout: timeout)
    }

    /// Never used twice, as long as the tests' servers are fresh.
    static func freshPath(_ name: String) -> String { "/\(name)-\(UUID().uuidString.prefix(8))" }
}

extension ServerUnderTest {
    func configuration(chroot: String = "", timeout: Duration = .seconds(30)) throws -> ClientConfiguration {
        try .ofTests(port: port, chroot: chroot, timeout: timeout)
    }
}

extension ClientConfiguration {
    static func ofTests(port: Int, chroot: String, timeout: Duration) throws -> ClientConfiguration {
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
