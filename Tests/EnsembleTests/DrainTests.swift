import TestSupport
import Testing

/// An orderly end leaves nothing open.
@Suite("Orderly ends", .serialized, .enabled(if: Combination.vendors.contains(.corral)))
struct DrainTests {
    /// What a learner has passed on to its leader is answered before the learner goes.
    @Test("SIGTERM to a follower with writes under way")
    func followerDrains() throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral], settings: ["syncLimit": "60"])
        let leader = try ensemble.start()
        let follower = try #require(ensemble.members.first { $0.id != leader })
        let parent = try ensemble[leader].client()
        for round in 0..<3 {
            try parent.create("/round\(round)")
            try parent.perform(.sync("/"))
            let client = try follower.client()
            ensemble[leader].pause()
            for number in 0..<50 { try client.send(.create("/round\(round)/\(number)", data: [1])) }
            // Answered behind what has come in before.
            for _ in 0..<3 { _ = try follower.monitor() }
            follower.terminate()
            // One that asks just then may be left without an answer until the server is gone, which waits ten seconds
            // for its leader at most: whoever waits here for as long has let the writes' time run out.
            let isDraining = eventually(within: 5) {
                (try? fourLetterWord("mntr", port: follower.clientPort, within: 0.5)) == nil
            }
            ensemble[leader].resume()
            #expect(isDraining)
            var answered = 0
            while let reply = try? client.receiveReply(within: 15) { answered += reply.error == 0 ? 1 : 0 }
            #expect(follower.stop() == 0)
            let made = try parent.call(.getChildren("/round\(round)")).strings().count
            #expect(made == answered, "\(made) were made, \(answered) were answered")
            try ensemble.start(follower.id)
            try ensemble.waitForRoles()
        }
        try parent.close()
    }
}
