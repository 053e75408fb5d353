import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import ZooKeeperClient

/// A service registry in two commands.
///
///     example-registry announce 127.0.0.1:2181 billing 10.0.0.7:8080     # until SIGINT or SIGTERM
///     example-registry follow 127.0.0.1:2181 billing                     # a line for each change
@main
struct ExampleRegistry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example-registry", abstract: "Tells who serves what, by ephemeral znodes.",
        subcommands: [Announce.self, Follow.self])
}

struct Target: ParsableArguments {
    @Argument(help: "Servers, as host:port,host:port/chroot.")
    var servers: String

    @Argument(help: "Name of the service.")
    var service: String

    @Option(help: "Session timeout in seconds: how long after a crash an instance is still listed.")
    var timeout = 10

    /// Runs beside a client's session until a signal comes; then the session is closed, and what it announced is gone
    /// at once.
    func run(_ body: @escaping @Sendable (ServiceRegistry) async throws -> Void) async throws {
        var configuration = try ClientConfiguration(servers)
        configuration.sessionTimeout = .seconds(timeout)
        var logger = Logger(label: "registry") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        configuration.logger = logger
        let client = try ZooKeeper(configuration)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: client), .init(service: Work(body: body, client: client))],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// Does its work, and then nothing until the group shuts down.
private struct Work: Service {
    let body: @Sendable (ServiceRegistry) async throws -> Void
    let client: ZooKeeper

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await body(ServiceRegistry(client: client))
                try await gracefulShutdown()
            }
        } catch {
            guard Task.isShuttingDownGracefully else { throw error }
        }
    }
}

struct Announce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make an instance of a service known.")

    @OptionGroup var target: Target

    @Argument(help: "Where the instance is, for instance host:port.")
    var address: String

    func run() async throws {
        let (service, address) = (target.service, address)
        try await target.run { registry in
            try await registry.announce(service, at: address)
            say("announced \(service) at \(address)")
        }
    }
}

struct Follow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a service's instances, now and after each change.")

    @OptionGroup var target: Target

    func run() async throws {
        let service = target.service
        try await target.run { registry in
            try await registry.follow(service) { addresses in
                say("\(service): \(addresses.isEmpty ? "nobody" : addresses.joined(separator: ", "))")
            }
        }
    }
}

/// A line, at once: standard output may be a file or a pipe.
private func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }
