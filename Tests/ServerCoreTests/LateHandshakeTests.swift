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
}
