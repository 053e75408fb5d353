import TestSupport
import Testing

@testable import ZooKeeperClient

/// What is left of clients that nobody holds any more.
@Suite("Lifetimes", .serialized)
struct LifetimeTests {
    struct Trace: @unchecked Sendable {
        weak var session: Session?
    }

    @Test("nothing is left of a client that was closed or dropped, whatever it was waiting for")
    func nothingLeft() async throws {
        let server = try await LiveServer.shared(.corral)
        // A port that refuses, so that this client never has a session.
        let proxy = try TestProxy(to: server.port)
        proxy.refuse(true)
        var lost = try server.configuration()
        lost.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        var traces: [Trace] = []
        for number in 0..<10 {
            let client = try await ZooKeeper.connect(server.configuration())
            traces.append(Trace(session: client.session))
            let watch = try await client.addWatch("/", .persistentRecursive)
            let (_, read) = try await client.getDataAndWatch("/")
            #expect(client.states.buffer.hasNext && !watch.hasEvent && !read.hasEvent)
            if number % 2 == 0 { await client.close() }
        }
        for _ in 0..<10 {
            var client: ZooKeeper? = try ZooKeeper(lost)
            traces.append(Trace(session: client?.session))
            let reply = try #require(client?.submit(.getData("/")))
            client = nil
            await #expect(throws: ZooKeeperError.self) { try await reply.value }
        }
        let all = traces
        // The shortest of a session's timers is of ten seconds.
        let isGone = await eventually(.seconds(5)) { all.allSatisfy { $0.session == nil } }
        #expect(isGone, "\(all.count { $0.session != nil }) of \(all.count) sessions are still there")
    }
}
