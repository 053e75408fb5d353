import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// Clients that do not keep to the protocol, or only just: others must not notice.
@Suite("Hostile clients", .serialized)
struct NetworkTests {
    private func expectQuick(_ client: ProtocolClient, _ what: String) throws {
        let started = Date()
        try client.perform(.setData("/witness", data: [1]))
        try client.perform(.getData("/witness"))
        let millis = Int(Date().timeIntervalSince(started) * 1000)
        #expect(millis < 2000, "\(what): a write and a read of another session took \(millis) ms")
    }

    private func serverAndWitness(_ settings: [String: String] = [:]) throws -> (ServerUnderTest, ProtocolClient) {
        // What others wait for must not be the disk, which has its own moods on a shared machine.
        let server = try ServerUnderTest(.corral, settings: settings.merging(["forceSync": "no"]) { given, _ in given })
        let witness = try server.client()
        try witness.create("/witness")
        return (server, witness)
    }

    @Test(
        "bytes that are no handshake end the connection, and only it",
        arguments: [
            Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00],
            [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff, 0], [0, 0, 0, 0], [0, 0, 0, 4, 1, 2, 3, 4],
            [0, 0, 0, 44] + [UInt8](repeating: 0xff, count: 44),
        ] as [[UInt8]])
    func noHandshake(bytes: [UInt8]) throws {
        let (server, witness) = try serverAndWitness()
        let socket = try Socket(port: server.port)
        try socket.send(bytes)
        socket.endSending()
        _ = try socket.receiveAll(within: 10)
        #expect(socket.isAtEnd)
        try expectQuick(witness, "after \(bytes.prefix(8))")
    }

    @Test("half a handshake, half a frame, one byte at a time: nobody waits for them")
    func slowSenders() throws {
        let (server, witness) = try serverAndWitness()
        let halves = try (0..<50).map { _ in try Socket(port: server.port) }
        for half in halves { try half.send([0, 0, 0, 45, 0, 0]) }
        let slow = try server.client()
        let frame = ProtocolClient.framed(Request.create("/slow").payload(xid: 1))
        for byte in frame {
            try slow.socket.send([byte])
            try expectQuick(witness, "while a frame trickles in")
        }
        #expect(try slow.receiveReply().error == 0)
        for half in halves { half.disconnect() }
    }

    @Test("a client that never reads is held back, and its memory bounded")
    func neverReads() throws {
        let (server, witness) = try serverAndWitness()
        try witness.create("/big", data: [UInt8](repeating: 7, count: 900_000))
        let deaf = try ProtocolClient(port: server.port, receiveBufferBytes: 8192)
        let request = ProtocolClient.framed(Request.getData("/big").payload(xid: 1))
        var pending = ArraySlice((0..<20_000).flatMap { _ in request })
        let deadline = Date().addingTimeInterval(3)
        while !pending.isEmpty, Date() < deadline, !deaf.socket.isAtEnd {
            let sent = deaf.socket.sendWithoutWaiting(pending)
            pending = pending.dropFirst(sent)
            if sent == 0 { try expectQuick(witness, "while another never reads") }
        }
        // All replies together would be 18 GB.
        let resident = try #require(server.process).residentBytes
        #expect(resident < 400 << 20, "\(resident >> 20) MiB resident")
        try expectQuick(witness, "after another never read")
    }

    @Test("frames up to jute.maxbuffer are served, longer ones refused, and nobody else waits or pays")
    func oversized() throws {
        let (server, witness) = try serverAndWitness()
        let limit = 0xfffff
        let overhead = Request.create("/limit").payload(xid: 1).count
        try witness.create("/limit", data: [UInt8](repeating: 1, count: limit - overhead))
        // One byte more: an error that the client can see, or the end of its connection.
        let greedy = try server.client()
        try greedy.send(.create("/limi2", data: [UInt8](repeating: 1, count: limit - overhead + 1)), xid: 9)
        if case .reply(let reply) = try greedy.receive(within: 10) {
            #expect(reply.xid == 9 && reply.error != 0)
            try greedy.perform(.exists("/limit"))
        }
        #expect(try witness.call(.exists("/limi2")).errorCode == .noNode)
        // Announced and never sent: it reserves nothing.
        let before = try #require(server.process).residentBytes
        var liars: [Socket] = []
        for length in [0x10, 0x3f, 0x7f] as [UInt8] {
            for _ in 0..<50 {
                let liar = try server.client().socket
                try liar.send([length, 0xff, 0xff, 0xff, 1])
                liars.append(liar)
            }
        }
        try expectQuick(witness, "among frames that are announced and never come")
        let after = try #require(server.process).residentBytes
        #expect(after < before + (64 << 20), "\(before >> 20) MiB before, \(after >> 20) MiB after")
        for liar in liars { liar.disconnect() }
    }

    @Test("more connections than maxClientCnxns are refused, the others stay")
    func connectionLimit() throws {
        let (server, witness) = try serverAndWitness(["maxClientCnxns": "5"])
        var accepted = [witness]
        for _ in 0..<10 {
            if let client = try? server.client() { accepted.append(client) }
        }
        #expect(accepted.count == 5)
        for client in accepted { try expectQuick(client, "at the limit of connections") }
    }

    @Test("thousands of connections that come and go leave nothing behind")
    func churn() throws {
        let (server, witness) = try serverAndWitness()
        let before = try #require(server.process).residentBytes
        for number in 0..<3000 {
            let socket = try Socket(port: server.port)
            if number.isMultiple(of: 3) { try socket.send([0, 0, 0, 45]) }
            if number.isMultiple(of: 2) { socket.reset() } else { socket.disconnect() }
        }
        for _ in 0..<300 { try server.client().close() }
        try expectQuick(witness, "after many connections")
        let alive = try fourLetterWord("mntr", port: server.port).split(separator: "\n")
            .first { $0.hasPrefix("zk_num_alive_connections\t") }
        #expect(alive == "zk_num_alive_connections\t2" || alive == "zk_num_alive_connections\t1", "\(alive ?? "none")")
        let after = try #require(server.process).residentBytes
        #expect(after < before + (64 << 20), "\(before >> 20) MiB before, \(after >> 20) MiB after")
    }

    @Test("a four-letter word outside the whitelist is refused in words")
    func whitelist() throws {
        let (server, _) = try serverAndWitness(["4lw.commands.whitelist": "ruok"])
        #expect(try fourLetterWord("ruok", port: server.port) == "imok")
        #expect(try fourLetterWord("mntr", port: server.port).contains("not in the whitelist"))
    }

    @Test("SIGTERM under load ends the server cleanly, with every acknowledged write kept")
    func terminate() throws {
        let server = try ServerUnderTest(.corral)
        let client = try server.client()
        try client.create("/t")
        for _ in 0..<500 { try client.send(.create("/t/n-", flags: CreateFlag.sequential)) }
        let pid = try #require(server.process).pid
        kill(pid, SIGTERM)
        // Another one, as an impatient user sends it, changes nothing.
        kill(pid, SIGINT)
        var acknowledged = 0
        while let reply = try? client.receiveReply(within: 10), reply.error == 0 { acknowledged += 1 }
        #expect(server.process?.waitForExit(within: 15) == 0, "\(server.process?.output ?? "")")
        let log = try #require(server.process).output
        #expect(log.components(separatedBy: "ending: ").count == 2, "\(log)")
        try server.start()
        let count = try server.client().perform(.getChildren("/t")).strings().count
        #expect(count >= acknowledged && count <= 500, "\(acknowledged) acknowledged, \(count) there")
    }

    @Test("forceSync=no is warned of, once")
    func unsafeWrites() throws {
        let server = try ServerUnderTest(.corral, settings: ["forceSync": "no"])
        #expect(server.stop() == 0)
        let log = try String(contentsOfFile: server.logPath, encoding: .utf8)
        let warnings = log.split(separator: "\n").filter { $0.contains("forceSync") }
        #expect(warnings.count == 1 && warnings[0].contains("UNSAFE"), "\(log)")
    }
}
