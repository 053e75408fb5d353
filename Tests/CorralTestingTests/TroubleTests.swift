import Foundation
import Logging
import TestSupport
import Testing
import ZooKeeperClient

@testable import CorralTesting

@Suite("Ends of a test's server")
struct TroubleTests {
    /// Without zeroing ahead, so that nothing is written but what clients ask for.
    private func options(_ disk: FaultyDisk, _ lines: KeptLines = KeptLines()) -> ServerOptions {
        var options = ServerOptions(settings: ["preAllocSize": "0"], logger: lines.logger)
        options.disk = { _ in disk }
        return options
    }

    @Test("a killed server changes nothing on the disk any more, one that is stopped finishes its log")
    func killWritesNothing() async throws {
        let disk = FaultyDisk()
        try await CorralServer.withServer(options(disk)) { server in
            let client = try await connect(server.connectString)
            try await client.create("/a")
            let before = disk.changes
            await server.kill()
            #expect(disk.changes == before)
            try await server.start()
            _ = try await repeating { () async throws(ZooKeeperError) in try await client.setData("/a", [1]) }
            let later = disk.changes
            await server.stop()
            #expect(disk.changes > later)
            try await server.start()
            let found = try await repeating { () async throws(ZooKeeperError) in try await client.getData("/a") }
            #expect(found.data == [1])
            await client.close()
        }
    }

    @Test("what is in work when a server is killed is not answered, and what was not being written is not there")
    func killInWork() async throws {
        let disk = FaultyDisk()
        try await CorralServer.withServer(options(disk)) { server in
            try await within {
                let client = try await connect(server.connectString)
                try await client.create("/before")
                disk.shut()
                let first = client.submit(.create("/written"))
                #expect(await eventually { disk.writesWaiting == 1 })
                let second = client.submit(.create("/waiting"))
                // The core has it: a read behind it would wait for it.
                let both = "zk_outstanding_requests\t2\n"
                #expect(try await eventually { try fourLetterWord("mntr", port: server.clientPort).contains(both) })
                let kill = Task { await server.kill() }
                // The connection breaks while the disk still stands.
                try await client.wait(for: .suspended)
                for reply in [first, second] {
                    do throws(ZooKeeperError) {
                        _ = try await reply.value
                        Issue.record("answered")
                    } catch {
                        #expect(error.outcome == .unknown)
                    }
                }
                #expect(server.isRunning)
                disk.reopen()
                await kill.value
                try await server.start()
                #expect(try await client.exists("/before") != nil)
                #expect(try await client.exists("/written") != nil)
                #expect(try await client.exists("/waiting") == nil)
                await client.close()
            }
        }
    }

    @Test("a disk that fails ends its server and nothing else; it tells why, and starts again on a healed disk")
    func diskFails() async throws {
        let disk = FaultyDisk()
        let lines = KeptLines()
        try await CorralServer.withServer { other in
            try await CorralServer.withServer(options(disk, lines)) { server in
                try await within {
                    let neighbour = try await connect(other.connectString)
                    let client = try await connect(server.connectString)
                    try await client.create("/acknowledged")
                    #expect(server.failure == nil)
                    disk.fail()
                    do throws(ZooKeeperError) {
                        try await client.create("/lost")
                        Issue.record("acknowledged without a disk")
                    } catch {
                        #expect(error.outcome == .unknown)
                    }
                    guard case .diskFailed(let text)? = await server.waitUntilEnded() else {
                        Issue.record("no reason: \(String(describing: server.failure))")
                        return
                    }
                    #expect(text.contains("cannot be written"))
                    #expect(!server.isRunning)
                    #expect(lines.all.contains { $0.level == .critical && $0.text == text })
                    #expect(lines.all.count { $0.level == .critical } == 1)
                    try await neighbour.create("/alive")
                    disk.heal()
                    try await server.start()
                    #expect(server.failure == nil)
                    #expect(try await client.exists("/acknowledged") != nil)
                    await client.close()
                    await neighbour.close()
                }
            }
        }
    }

    @Test("a disk that fails from the start is an error of the start")
    func diskFailsAtStart() async throws {
        let disk = FaultyDisk()
        disk.fail()
        await #expect { try await CorralServer.start(options(disk)) } throws: {
            if case CorralTestingError.cannotStart(let text) = $0 { text.contains("snapshot") } else { false }
        }
    }

    @Test("damaged data is told with file and offset")
    func damage() async throws {
        try await CorralServer.withServer { server in
            let client = try await connect(server.connectString)
            for number in 0..<20 { try await client.create("/\(number)") }
            await client.close()
            await server.stop()
            let directory = "\(server.dataDirectory)/version-2"
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            let log = try #require(names.first { $0.hasPrefix("log.") })
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(directory)/\(log)"))
            try file.seek(toOffset: 200)
            try file.write(contentsOf: [0xff, 0xff, 0xff, 0xff])
            try file.close()
            await #expect { try await server.start() } throws: {
                if case CorralTestingError.dataCorrupt(let text) = $0 { text.contains(log) } else { false }
            }
            #expect(!server.isRunning)
        }
    }
}
