import CPlatform
import Glibc
import Jute
import RequestQueue
import Testing

@testable import Transport

@Suite("Listening and accepting", .serialized, .timeLimit(.minutes(2)))
struct ListenTests {
    private func failure(address: String?, port: UInt16) throws -> TransportError? {
        let reactor = try Reactor(handler: FrameHandler())
        do throws(TransportError) {
            try reactor.listen(address: address, port: port)
            return nil
        } catch {
            return error
        }
    }

    @Test("a port in use is named, with advice")
    func portInUse() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        let error = try failure(address: "127.0.0.1", port: server.port)
        #expect(error == .addressInUse(address: "127.0.0.1", port: server.port))
        #expect(error!.description.contains("port \(server.port) on 127.0.0.1 is in use"))
        #expect(try failure(address: nil, port: server.port) != nil)
    }

    @Test("addresses that are not ours, or nonsense")
    func badAddresses() throws {
        #expect(try failure(address: "192.0.2.1", port: 0) == .addressNotAvailable(address: "192.0.2.1", port: 0))
        guard case .unknownAddress(let name, _)? = try failure(address: "no such host", port: 0) else {
            Issue.record("a nonsense name was accepted")
            return
        }
        #expect(name == "no such host")
    }

    @Test("all addresses: IPv4 clients have IPv4 addresses")
    func allAddresses() throws {
        let handler = FrameHandler()
        let reactor = try Reactor(handler: handler)
        handler.attach(reactor)
        let port = try reactor.listen(address: nil, port: 0)
        let peers = LockedValue<[(String, Bool, UInt16, UInt8, Int32)]>([])
        handler.onAccept = { connection in
            var noDelay: Int32 = 0
            var size = socklen_t(4)
            getsockopt(connection.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, &size)
            let peer = connection.peerAddress
            peers.withLock {
                $0.append((peer.ip, connection.isLoopback, connection.localPort, peer.byteCount, noDelay))
            }
            return true
        }
        let thread = TestThread { reactor.run() }
        let client = try Client(port: port)
        #expect(eventually { peers.withLock { $0.count } == 1 })
        let seen = peers.withLock { $0[0] }
        #expect(seen.0 == "127.0.0.1")
        #expect(seen.1)
        #expect(seen.2 == port)
        #expect(seen.3 == 4)
        #expect(seen.4 != 0, "TCP_NODELAY is off")
        reactor.stop()
        thread.join()
        withExtendedLifetime(client) {}
    }

    @Test("addresses as text and bytes")
    func addressText() {
        func address(_ bytes: [UInt8]) -> PeerAddress {
            var raw = corral_address()
            raw.length = UInt8(bytes.count)
            raw.port = 2181
            withUnsafeMutableBytes(of: &raw.bytes) { $0.copyBytes(from: bytes) }
            return PeerAddress(raw)
        }
        let six = address([UInt8](repeating: 0, count: 15) + [1])
        #expect(six.ip == "::1")
        #expect(six.description == "[::1]:2181")
        #expect(six.isLoopback)
        let four = address([10, 0, 0, 200])
        #expect(four.description == "10.0.0.200:2181")
        #expect(!four.isLoopback)
        #expect(four.withAddressBytes { Array($0) } == [10, 0, 0, 200])
    }

    @Test("a socket from elsewhere is adopted")
    func adoption() throws {
        let server = try RunningReactor(listens: false)
        defer { server.finish() }
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        #expect(try server.reactor.adopt(descriptor: pair[1]))
        let client = Client(descriptor: pair[0])
        client.send(frame(33, stamp: 5))
        #expect(client.receive(37) == frame(33, stamp: 5))
    }

    @Test("when descriptors run out, accepting pauses without spinning and goes on when some are free")
    func descriptorsRunOut() async {
        // In a process of its own, because the limit would hit every other test.
        await #expect(processExitsWith: .success) {
            var options = ReactorOptions()
            options.tickMillis = 10_000
            let server = try RunningReactor(options: options)
            var clients: [Client] = try (0..<8).map { _ in try Client(port: server.port) }
            precondition(eventually { server.reactor.connectionCount == 8 })
            // The limit forbids new descriptor numbers from this one on, for the server's accept too; so the next
            // client's socket is made before.
            let late = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let next = dup(late)
            Glibc.close(next)
            var limit = rlimit(rlim_cur: rlim_t(next), rlim_max: rlim_t(next))
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = server.port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let code = withUnsafePointer(to: address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(late, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            precondition(code == 0)
            precondition(eventually { !server.handler.seen.acceptErrors.isEmpty })
            precondition(server.handler.seen.acceptErrors[0] == .tooManyOpenFiles)
            let turns = server.handler.seen.turns
            usleep(500_000)
            // Two turns for each of the five retries, and some.
            precondition(server.handler.seen.turns - turns <= 20, "the reactor spins")
            clients.removeLast()
            precondition(eventually(withinMillis: 5000) { server.reactor.connectionCount == 8 })
            let lateClient = Client(descriptor: late)
            lateClient.send(frame(5, stamp: 1))
            precondition(lateClient.receive(9) == frame(5, stamp: 1))
            server.finish()
        }
    }
}
