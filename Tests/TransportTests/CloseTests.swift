import CPlatform
import Glibc
import Jute
import Testing

@testable import Transport

@Suite("Ends of connections", .serialized, .timeLimit(.minutes(3)))
struct CloseTests {
    @Test("a peer that ends its side still gets its replies, then our end")
    func halfClose() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        for size in [1, 40, 300_000] {
            let client = try Client(port: server.port)
            let bytes = frame(size, stamp: 1) + frame(7, stamp: 2)
            client.send(bytes)
            client.endSending()
            #expect(client.receive(bytes.count) == bytes)
            #expect(client.seesEnd())
        }
        #expect(eventually { server.handler.seen.closed == [.peerClosed, .peerClosed, .peerClosed] })
    }

    @Test("a reset is noticed: idle, paused, and with output that nobody reads", arguments: 0..<3)
    func reset(situation: Int) throws {
        let server = try RunningReactor {
            $0.onFrame = { connection, payload in
                if situation == 1 { connection.pauseReading() }
                if situation == 2 {
                    for _ in 0..<40_000 { connection.output.append(buffer: payload) }
                }
            }
        }
        defer { server.finish() }
        var client: Client? = try Client(port: server.port)
        client!.resetWhenClosed()
        client!.send(frame(400, stamp: 0))
        #expect(eventually { server.handler.seen.frames == 1 })
        client = nil
        #expect(eventually { server.handler.seen.closed == [.peerReset] })
        let next = try Client(port: server.port)
        #expect(eventually { server.reactor.connectionCount == 1 })
        withExtendedLifetime(next) {}
    }

    @Test("close after flush delivers everything, even to a peer that keeps sending")
    func closeAfterFlush() throws {
        let total = 8 * 1024 * 1024
        let server = try RunningReactor {
            $0.onFrame = { connection, payload in
                connection.output.append(raw: UnsafeRawBufferPointer(rebasing: payload[..<4]))
                let space = connection.output.appendUninitialized(total)
                space.initializeMemory(as: UInt8.self, repeating: 42, count: total)
                connection.close(afterFlush: true, reason: .requested("enough"))
            }
        }
        defer { server.finish() }
        let client = try Client(port: server.port)
        client.send(frame(4, stamp: 65))
        // Never read by the server: without lingering, closing would turn it into a reset.
        let sender = TestThread { for number in 0..<50 { client.send(frame(100, stamp: number)) } }
        let got = client.receive(total + 4)
        sender.join()
        #expect(got.count == total + 4)
        #expect(got.prefix(4) == frame(4, stamp: 65).suffix(4))
        #expect(got.dropFirst(4).allSatisfy { $0 == 42 })
        #expect(client.seesEnd())
        #expect(eventually { server.handler.seen.closed == [.requested("enough")] })
        #expect(server.handler.seen.frames == 1)
    }

    @Test("a closing connection that never drains is given up in time")
    func closeDeadline() throws {
        var options = ReactorOptions()
        options.closeTimeoutMillis = 100
        options.tickMillis = 10
        let server = try RunningReactor(options: options) {
            $0.onFrame = { connection, payload in
                for _ in 0..<40_000 { connection.output.append(buffer: payload) }
                connection.close(afterFlush: true, reason: .requested("stuck"))
            }
        }
        defer { server.finish() }
        let stuck = try Client(port: server.port)
        stuck.send(frame(400, stamp: 0))
        #expect(eventually { server.handler.seen.closed == [.requested("stuck")] })
        #expect(server.reactor.connectionCount == 0)
    }

    @Test("an immediate close within receive")
    func closeNow() throws {
        let server = try RunningReactor {
            $0.onFrame = { connection, _ in
                connection.close(afterFlush: false, reason: .requested("no"))
                connection.close(afterFlush: true, reason: .requested("twice"))
            }
        }
        defer { server.finish() }
        for size in [10, 900_000] {
            let client = try Client(port: server.port)
            client.send(frame(size, stamp: 0) + frame(3, stamp: 0))
            var byte: UInt8 = 0
            #expect(recv(client.descriptor, &byte, 1, 0) <= 0)
        }
        #expect(eventually { server.handler.seen.closed == [.requested("no"), .requested("no")] })
        #expect(server.handler.seen.frames == 2)
    }

    @Test("a refused connection sees its end, and the handler no more of it")
    func refusal() throws {
        let server = try RunningReactor { $0.onAccept = { _ in false } }
        defer { server.finish() }
        let client = try Client(port: server.port)
        #expect(client.seesEnd())
        #expect(server.handler.seen.closed == [])
    }

    @Test("after stopAccepting old connections live on, new ones are refused")
    func drainMode() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        let old = try Client(port: server.port)
        #expect(eventually { server.reactor.connectionCount == 1 })
        server.reactor.stopAccepting()
        #expect(eventually { (try? Client(port: server.port)) == nil })
        old.send(frame(10, stamp: 0))
        #expect(old.receive(14) == frame(10, stamp: 0))
    }

    @Test("what other threads have sent before the stop still leaves")
    func lastAnswers() throws {
        let server = try RunningReactor()
        let client = try Client(port: server.port)
        let bytes = frame(1000, stamp: 3)
        #expect(eventually { server.handler.seen.accepted == 1 })
        server.handler.perform { handler in
            // The turn that this runs in is the last before the loop ends.
            handler.reactor.stop()
            handler.perform { handler in
                for connection in handler.connections.values {
                    bytes.withUnsafeBytes { connection.output.append(raw: $0) }
                }
            }
        }
        #expect(client.receive(bytes.count) == bytes)
        #expect(client.seesEnd())
        server.finish()
    }

    @Test("stopping closes every connection and says why")
    func stopping() throws {
        let server = try RunningReactor()
        let client = try Client(port: server.port)
        #expect(eventually { server.reactor.connectionCount == 1 })
        server.finish()
        #expect(server.handler.seen.closed == [.stopping])
        #expect(client.seesEnd())
    }
}
