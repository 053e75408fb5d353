import Testing

@testable import ServerCore

@Suite("Handshakes of clients that have gone")
struct LateHandshakeTests {
    /// What a server reads late, after a pause of its own, must not take a session from where its client is now.
    @Test("a handshake whose client has given up moves no session")
    func gone() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        let late = try #require(CoreHarness.Client(harness))
        late.link.peerHasEnded = true
        late.handshake(sessionId: client.sessionId, password: client.password)
        harness.settle()
        #expect(late.link.isClosed && late.takeFrame() == nil)
        #expect(!client.link.isClosed && harness.core.sessions[client.sessionId]?.connection === client.connection)
    }

    /// An end that is not durable may be undone, and the session with all that belongs to it lives on.
    @Test("a session's end is told once it is durable")
    func closing() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        client.disconnect()
        for _ in 0..<60 { harness.tick(afterMillis: 500) }
        #expect(harness.core.sessions[client.sessionId]?.isClosing == true)
        let late = try #require(CoreHarness.Client(harness))
        late.handshake(sessionId: client.sessionId, password: client.password)
        harness.takeRequests()
        #expect(late.takeFrame() == nil && !late.link.isClosed)
        harness.makeDurable()
        #expect(try late.takeHandshake() == 0)
        #expect(harness.core.sessions[client.sessionId] == nil)
    }
}
