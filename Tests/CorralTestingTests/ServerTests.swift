import CorralTesting
import Foundation
import TestSupport
import Testing
import ZooKeeperClient

@Suite("A server in the test's process")
struct ServerTests {
    @Test("serves clients until it is closed; port and directory are gone then")
    func life() async throws {
        let server = try await CorralServer.start()
        #expect(server.isRunning)
        #expect(server.connectString == "127.0.0.1:\(server.clientPort)")
        #expect(await server.status()?.role == .standalone)
        #expect(await server.status()?.isServing == true)
        let client = try await connect(server.connectString)
        #expect(try await client.create("/a", data: [1, 2]) == "/a")
        let id = try #require(client.identity?.id)
        #expect(await server.status()?.sessionIDs == [id])
        #expect(FileManager.default.fileExists(atPath: "\(server.dataDirectory)/version-2"))
        await client.close()
        await server.close()
        #expect(!server.isRunning)
        #expect(await server.status() == nil)
        #expect(!FileManager.default.fileExists(atPath: server.dataDirectory))
        #expect(throws: (any Error).self) {
            try ProtocolClient(port: server.clientPort, timeoutMillis: 1000, within: 1)
        }
        await #expect { try await server.start() } throws: { "\($0)" == "the server has been closed" }
    }

    @Test("withServer closes it, also when the body fails")
    func scoped() async throws {
        struct Failed: Error {}
        var seen: CorralServer?
        await #expect(throws: Failed.self) {
            try await CorralServer.withServer { server in
                seen = server
                #expect(server.isRunning)
                throw Failed()
            }
        }
        let server = try #require(seen)
        #expect(!server.isRunning)
        #expect(!FileManager.default.fileExists(atPath: server.dataDirectory))
        let value = try await CorralServer.withServer { $0.clientPort }
        #expect(value > 0)
    }

    @Test("a restart keeps port, data and sessions", arguments: [false, true])
    func restart(abruptly: Bool) async throws {
        try await CorralServer.withServer { server in
            try await within {
                let port = server.clientPort
                let client = try await connect(server.connectString)
                let id = try #require(client.identity?.id)
                try await client.create("/kept", data: [7])
                try await client.create("/ephemeral", mode: .ephemeral)
                if abruptly {
                    await server.kill()
                    #expect(!server.isRunning)
                    try await client.wait(for: .suspended)
                    try await server.start()
                } else {
                    try await server.restart()
                }
                #expect(server.isRunning)
                #expect(server.clientPort == port)
                let kept = try await repeating { () async throws(ZooKeeperError) in try await client.getData("/kept") }
                #expect(kept.data == [7])
                #expect(try await client.exists("/ephemeral")?.ephemeralOwner == id)
                #expect(client.identity?.id == id)
                await client.close()
            }
        }
    }

    @Test("stop, kill and start do nothing where there is nothing to do")
    func repeated() async throws {
        try await CorralServer.withServer { server in
            try await server.start()
            #expect(server.isRunning)
            await server.stop()
            await server.stop()
            await server.kill()
            #expect(!server.isRunning)
            #expect(await server.expireSession(1) == false)
            await server.dropConnections()
            try await server.start()
            #expect(server.isRunning)
            // Many at once happen one after another.
            await withTaskGroup(of: Void.self) { group in
                for round in 0..<12 {
                    group.addTask {
                        switch round % 3 {
                        case 0: try? await server.restart()
                        case 1: await server.kill()
                        default: try? await server.start()
                        }
                    }
                }
            }
            try await server.start()
            try await connect(server.connectString).close()
        }
    }

    @Test("a session ends by force: its ephemeral znodes go, its client learns of it, others live on")
    func expiry() async throws {
        try await CorralServer.withServer { server in
            try await within {
                let victim = try await connect(server.connectString)
                let witness = try await connect(server.connectString)
                try await victim.create("/mine", mode: .ephemeral)
                let (_, watch) = try await witness.existsAndWatch("/mine")
                let id = try #require(victim.identity?.id)
                #expect(await server.expireSession(id))
                try await victim.wait(for: .expired)
                #expect(try await watch.next()?.kind == .deleted)
                #expect(try await witness.exists("/mine") == nil)
                #expect(witness.state == .connected)
                let left = try #require(witness.identity?.id)
                #expect(await server.status()?.sessionIDs == [left])
                #expect(await server.expireSession(id) == false)
                #expect(await server.expireSession(12345) == false)
                await witness.close()
            }
        }
    }

    @Test("dropped connections come back to their sessions")
    func droppedConnections() async throws {
        try await CorralServer.withServer { server in
            try await within {
                let client = try await connect(server.connectString)
                let id = try #require(client.identity?.id)
                let states = client.states
                await server.dropConnections()
                var seen: [SessionState] = []
                for await state in states {
                    seen.append(state)
                    if state == .connected, seen.contains(.suspended) { break }
                }
                #expect(client.identity?.id == id)
                #expect(await server.status()?.connectionCount == 1)
                await client.close()
            }
        }
    }

    @Test("many servers at once, each with data of its own")
    func many() async throws {
        let count = 12
        let ports = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await CorralServer.withServer { server in
                        let client = try await connect(server.connectString)
                        try await client.create("/number", data: [UInt8(number)])
                        for _ in 0..<50 { try await client.setData("/number", [UInt8(number)]) }
                        #expect(try await client.getData("/number").data == [UInt8(number)])
                        #expect(await server.status()?.sessionIDs.count == 1)
                        await client.close()
                        return server.clientPort
                    }
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(ports.count == count)
    }

    @Test("a directory of the test's stays, and what it holds is served")
    func ownDirectory() async throws {
        let scratch = TemporaryDirectory("corral-testing")
        let options = ServerOptions(dataDirectory: scratch.file("data"))
        try await CorralServer.withServer(options) { server in
            let client = try await connect(server.connectString)
            try await client.create("/first")
            await client.close()
            // Two servers on one directory would destroy it.
            await #expect { try await CorralServer.start(options) } throws: { "\($0)".contains("in use") }
        }
        try await CorralServer.withServer(options) { server in
            let client = try await connect(server.connectString)
            #expect(try await client.exists("/first") != nil)
            await client.close()
        }
        #expect(FileManager.default.fileExists(atPath: scratch.file("data")))
    }

    @Test("several reactors share the connections")
    func reactors() async throws {
        try await CorralServer.withServer(ServerOptions(settings: ["corral.reactors": "3"])) { server in
            try await within {
                var clients: [ZooKeeper] = []
                for _ in 0..<6 { clients.append(try await connect(server.connectString)) }
                try await clients[0].create("/a")
                for client in clients { try await client.setData("/a", [1]) }
                let id = try #require(clients[1].identity?.id)
                #expect(await server.expireSession(id))
                try await clients[1].wait(for: .expired)
                let state = clients[2].states
                await server.dropConnections()
                for await state in state where state == .suspended { break }
                #expect(try await clients[2].getData("/a").data == [1])
                await server.kill()
                try await server.start()
                let last = try await repeating { () async throws(ZooKeeperError) in try await clients[3].getData("/a") }
                #expect(last.stat.version == 6)
                for client in clients { await client.close() }
            }
        }
    }
}
