import CPlatform
import Foundation
import Testing

@testable import Load

/// The proxy between servers: carrying, cutting, healing.
@Suite(.serialized) struct ProxyTests {
    /// A listening socket that stands for a server's port.
    final class Port {
        let descriptor: Int32
        let port: UInt16

        init(_ ports: inout PortPicker) throws {
            port = try ports.next()
            var bound = corral_bound()
            descriptor = corral_listen("127.0.0.1", port, 16, 0, &bound)
            #expect(descriptor >= 0)
        }

        deinit { close(descriptor) }

        /// The next connection; -1 when none comes in time.
        func accept(_ millis: Int32 = 5000) -> Int32 {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, millis) == 1 else { return -1 }
            return Glibc.accept(descriptor, nil, nil)
        }
    }

    /// Two servers and the proxy between them.
    final class Pair {
        var quorum: [Port] = []
        var election: [Port] = []
        let proxy: PeerProxy

        init() throws {
            var ports = PortPicker()
            for _ in 0..<2 {
                quorum.append(try Port(&ports))
                election.append(try Port(&ports))
            }
            var servers: [PeerProxy.Server] = []
            for id in 1...2 {
                servers.append(
                    PeerProxy.Server(id: id, quorumPort: quorum[id - 1].port, electionPort: election[id - 1].port))
            }
            proxy = try PeerProxy(servers, ports: &ports)
        }

        deinit { proxy.stop() }

        /// A connection of server 1 to server 2's quorum port: both ends.
        func connect() throws -> (opener: Int32, target: Int32) {
            let opener = try Handshake.connect(
                ServerAddress(host: "127.0.0.1", port: proxy.port(from: 1, to: 2, election: false)))
            let target = quorum[1].accept()
            #expect(target >= 0)
            return (opener, target)
        }
    }

    /// What arrives in time; nil for the end or a reset.
    private func receive(_ descriptor: Int32, millis: Int32 = 5000) -> [UInt8]? {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, millis) == 1 else { return [] }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        return count > 0 ? Array(chunk[..<count]) : nil
    }

    private func send(_ text: String, on descriptor: Int32) {
        let bytes = Array(text.utf8)
        #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    private static let quietMillis: Int32 = 150

    @Test func bytesPassBothWaysAndSoDoesTheEnd() throws {
        let pair = try Pair()
        let (opener, target) = try pair.connect()
        defer {
            close(opener)
            close(target)
        }
        send("there", on: opener)
        #expect(receive(target) == Array("there".utf8))
        send("back", on: target)
        #expect(receive(opener) == Array("back".utf8))
        // Counted right after they were passed on.
        for _ in 0..<1000 where pair.proxy.carriedBytes < 9 { usleep(5000) }
        #expect(pair.proxy.carriedBytes == 9)
        shutdown(opener, Int32(SHUT_WR))
        #expect(receive(target) == nil)
        // The other half still works.
        send("late", on: target)
        #expect(receive(opener) == Array("late".utf8))
    }

    @Test func muchPassesUnchanged() throws {
        let pair = try Pair()
        let (opener, target) = try pair.connect()
        defer { close(target) }
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        Thread.detachNewThread {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(opener, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { break }
                sent += count
            }
            close(opener)
        }
        var got: [UInt8] = []
        while let more = receive(target), !more.isEmpty { got += more }
        #expect(got == bytes)
    }

    @Test func oneDirectionCanBeSilent() throws {
        let pair = try Pair()
        let (opener, target) = try pair.connect()
        defer {
            close(opener)
            close(target)
        }
        var cuts = LinkCuts(servers: 2)
        cuts[1, 2] = .silent
        pair.proxy.cut(cuts)
        send("lost", on: opener)
        #expect(receive(target, millis: Self.quietMillis) == [])
        send("heard", on: target)
        #expect(receive(opener) == Array("heard".utf8))
        // What was sent meanwhile arrives after healing, in order.
        send(" and found", on: opener)
        pair.proxy.heal()
        var got: [UInt8] = []
        while got.count < 14, let more = receive(target), !more.isEmpty { got += more }
        #expect(String(decoding: got, as: UTF8.self) == "lost and found")
    }

    @Test func aDeathBehindASilentLinkIsHiddenUntilItHeals() throws {
        let pair = try Pair()
        let (opener, target) = try pair.connect()
        defer { close(target) }
        var cuts = LinkCuts(servers: 2)
        cuts[1, 2] = .silent
        cuts[2, 1] = .silent
        pair.proxy.cut(cuts)
        PeerProxy.closeWithReset(opener)
        #expect(receive(target, millis: Self.quietMillis) == [])
        pair.proxy.heal()
        #expect(receive(target) == nil)
    }

    @Test func aConnectionOpenedIntoSilenceIsMadeWhenItHeals() throws {
        let pair = try Pair()
        var cuts = LinkCuts(servers: 2)
        cuts[2, 1] = .silent
        pair.proxy.cut(cuts)
        let opener = try Handshake.connect(
            ServerAddress(host: "127.0.0.1", port: pair.proxy.port(from: 1, to: 2, election: false)))
        defer { close(opener) }
        send("early", on: opener)
        #expect(pair.quorum[1].accept(Self.quietMillis) == -1)
        pair.proxy.heal()
        let target = pair.quorum[1].accept()
        defer { close(target) }
        #expect(receive(target) == Array("early".utf8))
    }

    @Test func resetsEndBothSidesAndRefuseNewOnes() throws {
        let pair = try Pair()
        let (opener, target) = try pair.connect()
        defer {
            close(opener)
            close(target)
        }
        var cuts = LinkCuts(servers: 2)
        cuts[2, 1] = .reset
        pair.proxy.cut(cuts)
        #expect(receive(opener) == nil)
        #expect(receive(target) == nil)
        try expectReset(ofPort: pair.proxy.port(from: 1, to: 2, election: false))
        #expect(pair.quorum[1].accept(Self.quietMillis) == -1)
        pair.proxy.heal()
        let (again, end) = try pair.connect()
        send("on", on: again)
        #expect(receive(end) == Array("on".utf8))
        close(again)
        close(end)
    }

    @Test func aServerThatDoesNotListenResetsTheOpener() throws {
        let pair = try Pair()
        let port = pair.proxy.port(from: 2, to: 1, election: false)
        pair.quorum.removeFirst()
        try expectReset(ofPort: port)
    }

    /// The reset comes before connecting has returned, or behind it.
    private func expectReset(ofPort port: UInt16) throws {
        do {
            let opener = try Handshake.connect(ServerAddress(host: "127.0.0.1", port: port))
            defer { close(opener) }
            #expect(receive(opener) == nil)
        } catch {
            #expect("\(error)".contains("reset by peer"), "\(error)")
        }
    }

    private func greeting(_ addresses: String, version: Int64 = -65_536) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: version.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: Int64(1).bigEndian) { bytes += $0 }
        withUnsafeBytes(of: Int32(addresses.utf8.count).bigEndian) { bytes += $0 }
        return bytes + Array(addresses.utf8)
    }

    private func rewrite(_ bytes: [UInt8]) -> ([UInt8], ElectionGreeting.Outcome) {
        var bytes = bytes
        let outcome = bytes.withUnsafeMutableBytes {
            ElectionGreeting.rewrite($0, own: 12_345, proxied: 23_456)
        }
        return (bytes, outcome)
    }

    @Test func theAddressToConnectBackToIsExchanged() {
        let whole = greeting("127.0.0.1:12345|10.0.0.1:12345|10.0.0.2:123456")
        #expect(rewrite(whole + [1, 2]).0 == greeting("127.0.0.1:23456|10.0.0.1:23456|10.0.0.2:123456") + [1, 2])
        for count in 0..<whole.count { #expect(rewrite(Array(whole[..<count])).1 == .incomplete) }
        // A server of before 3.5 sends its id alone.
        let old = greeting("127.0.0.1:12345", version: 2)
        #expect(rewrite(old) == (old, .done))
    }

    @Test func theGreetingIsExchangedOnTheWire() throws {
        let pair = try Pair()
        let opener = try Handshake.connect(
            ServerAddress(host: "127.0.0.1", port: pair.proxy.port(from: 1, to: 2, election: true)))
        defer { close(opener) }
        let target = pair.election[1].accept()
        defer { close(target) }
        let bytes = greeting("127.0.0.1:\(pair.election[0].port)")
        for byte in bytes { #expect(Glibc.send(opener, [byte], 1, Int32(MSG_NOSIGNAL)) == 1) }
        send("more", on: opener)
        let way = pair.proxy.port(from: 2, to: 1, election: true)
        let wanted = greeting("127.0.0.1:\(way)") + Array("more".utf8)
        var got: [UInt8] = []
        while got.count < wanted.count, let more = receive(target), !more.isEmpty { got += more }
        #expect(got == wanted)
    }
}
