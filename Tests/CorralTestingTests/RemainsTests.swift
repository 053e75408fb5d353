import CorralTesting
import Foundation
import Glibc
import RequestQueue
import TestSupport
import Testing
import ZooKeeperClient

/// In processes of their own, where nobody else has threads and descriptors.
@Suite("What a test's server leaves behind", .serialized)
struct RemainsTests {
    @Test("no thread, descriptor, directory")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            try await RemainsTests.once()
            let before = Remains.descriptors()
            for _ in 0..<3 { try await RemainsTests.once() }
            // A thread has said that it is done a moment before it is gone.
            let isClean = await eventually { Remains.threads().isEmpty && Remains.descriptors().count <= before.count }
            #expect(isClean, "\(Remains.threads()) \(before) \(Remains.descriptors())")
            #expect(Remains.directories().isEmpty)
        }
    }

    @Test("nor by those that were not closed, once nobody holds them")
    func forgotten() async {
        await #expect(processExitsWith: .success) {
            try await RemainsTests.once()
            let before = Remains.descriptors()
            var server: CorralServer? = try await CorralServer.start()
            var ensemble: CorralEnsemble? = try await CorralEnsemble.start()
            try await connect(try #require(server).connectString).close()
            #expect(Remains.threads().count { $0 == "corral-core" } == 4, "\(Remains.threads())")
            #expect(Remains.threads().count { $0 == "corral-log" } == 4)
            #expect(Remains.directories().count == 4)
            server = nil
            ensemble = nil
            _ = (server, ensemble)
            let isClean = await eventually {
                Remains.threads().isEmpty && Remains.directories().isEmpty
                    && Remains.descriptors().count <= before.count
            }
            #expect(isClean, "\(Remains.threads()) \(Remains.directories()) \(before) \(Remains.descriptors())")
        }
    }

    @Test("nor by starts that fail")
    func failed() async {
        await #expect(processExitsWith: .success) {
            try await RemainsTests.once()
            let before = Remains.descriptors()
            for _ in 0..<3 {
                await #expect(throws: CorralTestingError.self) {
                    try await CorralServer.start(ServerOptions(settings: ["no": "key"]))
                }
                try await CorralEnsemble.withEnsemble { ensemble in
                    // A member that finds its data in use.
                    let directory = ensemble[1].dataDirectory
                    await #expect(throws: CorralTestingError.self) {
                        try await CorralServer.start(ServerOptions(dataDirectory: directory))
                    }
                    await ensemble[2].kill()
                    try FileManager.default.removeItem(atPath: "\(ensemble[2].dataDirectory)/myid")
                    await #expect(throws: CorralTestingError.self) { try await ensemble[2].start() }
                }
            }
            let isClean = await eventually {
                Remains.threads().isEmpty && Remains.directories().isEmpty
                    && Remains.descriptors().count <= before.count
            }
            #expect(isClean, "\(Remains.threads()) \(Remains.directories()) \(before) \(Remains.descriptors())")
        }
    }

    @Test("nor by one that lives until the process ends")
    func shared() async throws {
        let before = Set(try Self.allDirectories())
        await #expect(processExitsWith: .success) {
            let server = try await CorralServer.start()
            RemainsTests.kept.withLock { $0 = server }
            #expect(Remains.directories().count == 1)
        }
        // Those of processes that live are not this test's.
        let left = try Self.allDirectories().filter { name in
            let pid = name.split(separator: "-").dropFirst(2).first.flatMap { pid_t($0) } ?? 0
            return !before.contains(name) && Glibc.kill(pid, 0) != 0
        }
        #expect(left.isEmpty)
    }

    private static let kept = LockedValue<CorralServer?>(nil)

    private static func allDirectories() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path)
            .filter { $0.hasPrefix("corral-testing-") }
    }

    /// Each kind of life and end.
    private static func once() async throws {
        for settings in [[:], ["corral.reactors": "3"]] {
            try await CorralServer.withServer(ServerOptions(settings: settings)) { server in
                let client = try await connect(server.connectString)
                try await client.create("/a")
                let (_, watch) = try await client.getDataAndWatch("/a")
                try await server.restart()
                _ = try await repeating { () async throws(ZooKeeperError) in try await client.setData("/a", [1]) }
                #expect(try await watch.next() != nil)
                await server.kill()
                try await server.start()
                let found = try await repeating { () async throws(ZooKeeperError) in try await client.exists("/a") }
                #expect(found != nil)
                await client.close()
            }
        }
        try await CorralEnsemble.withEnsemble(observers: 1) { ensemble in
            let client = try await connect(ensemble.connectString)
            try await client.create("/a")
            let leader = try #require(await ensemble.leader())
            await leader.kill()
            try await ensemble.waitUntilServing()
            _ = try? await client.create("/b")
            try await leader.start()
            try await ensemble.waitUntilServing()
            await ensemble.stop()
            try await ensemble.start()
            let found = try await repeating { () async throws(ZooKeeperError) in try await client.exists("/a") }
            #expect(found != nil)
            await client.close()
        }
    }
}
