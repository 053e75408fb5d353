import Foundation
import Glibc
import TestSupport
import Testing
import ZooKeeperClient

@testable import CorralTesting

/// Somebody else who listens on a port that a server has reserved.
private final class Squatter: @unchecked Sendable {
    private var descriptor: Int32

    init(_ port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0 && listen(descriptor, 1) == 0, "port \(port): errno \(errno)")
    }

    func leave() {
        close(descriptor)
        descriptor = -1
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}

@Suite("Ports of a test's server")
struct PortTests {
    @Test("lie outside of the range from which the kernel serves outgoing connections")
    func range() throws {
        let text = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let bounds = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        for _ in 0..<100 {
            let port = try ReservedPort.any()
            #expect(!(bounds[0]...bounds[1]).contains(port.number))
        }
    }

    @Test("a port that is reserved is nobody else's, refuses connections, and is free afterwards")
    func reserved() throws {
        var first: ReservedPort? = try ReservedPort.any()
        let number = try #require(first?.number)
        #expect(throws: CorralTestingError.self) { try ReservedPort(number) }
        #expect(throws: (any Error).self) { try ProtocolClient(port: number, timeoutMillis: 1000, within: 0.2) }
        first = nil
        _ = try ReservedPort(number)
    }

    @Test("taken meanwhile, another one is tried")
    func takenMeanwhile() async throws {
        var squatters: [Squatter] = []
        var tried: [Int] = []
        let server = try await CorralServer.start(ServerOptions()) { () throws(CorralTestingError) in
            let port = try ReservedPort.any()
            tried.append(port.number)
            // Between the choice and the start.
            if tried.count <= 2, let squatter = try? Squatter(port.number) { squatters.append(squatter) }
            return port
        }
        #expect(squatters.count == 2)
        #expect(tried.count == 3)
        #expect(server.clientPort == tried[2])
        try await connect(server.connectString).close()
        await server.close()
    }

    @Test("one asked for by number is taken or refused")
    func certain() async throws {
        let port = try freePortNumber()
        let server = try await CorralServer.start(ServerOptions(clientPort: port))
        #expect(server.clientPort == port)
        await #expect { try await CorralServer.start(ServerOptions(clientPort: port)) } throws: {
            if case CorralTestingError.portTaken(let text) = $0 { text.contains("\(port)") } else { false }
        }
        await server.close()
    }

    private func freePortNumber() throws -> Int { try ReservedPort.any().number }

    @Test("a server that is down keeps its port from others, and waits for one who has it all the same")
    func restart() async throws {
        try await CorralServer.withServer { server in
            await server.stop()
            #expect(throws: CorralTestingError.self) { try ReservedPort(server.clientPort) }
            let squatter = try Squatter(server.clientPort)
            let start = Task { try await server.start() }
            try await Task.sleep(for: .milliseconds(150))
            #expect(!server.isRunning)
            squatter.leave()
            try await start.value
            #expect(server.isRunning)
        }
    }
}
