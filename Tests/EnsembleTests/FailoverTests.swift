import Foundation
import TestSupport
import Testing

/// Servers end under load: no acknowledged write and no session is lost.
@Suite("Fail-over", .serialized)
struct FailoverTests {
    static let sessions = 6

    /// `kill -9` of whoever leads, round after round, so that leaders of each kind die.
    @Test("kill the leader under load", arguments: Combination.underTest)
    func killLeaders(_ combination: Combination) throws {
        let rounds = TestEnvironment.int("CORRAL_FAILOVER_ROUNDS", default: 4)
        let ensemble = try combination.start()
        let crowd = try LoadCrowd(ensemble, sessions: Self.sessions)
        crowd.start()
        var killed: [Vendor] = []
        for _ in 0..<rounds {
            try crowd.waitForProgress()
            let leader = try ensemble.waitForRoles()
            killed.append(ensemble[leader].vendor)
            ensemble[leader].kill()
            // The others elect and serve before it comes back.
            try crowd.waitForProgress()
            try ensemble.start(leader)
            try ensemble.waitForRoles()
        }
        try crowd.waitForProgress()
        try expectClean(crowd, ensemble, "killed leaders \(killed), \(combination.testDescription)")
    }

    @Test("kill the followers under load", arguments: Combination.underTest)
    func killFollowers(_ combination: Combination) throws {
        let ensemble = try combination.start()
        let crowd = try LoadCrowd(ensemble, sessions: Self.sessions)
        crowd.start()
        for member in ensemble.members where member.id != combination.leader {
            try crowd.waitForProgress()
            member.kill()
            try crowd.waitForProgress()
            try ensemble.start(member.id)
            try ensemble.waitForRoles()
            #expect(ensemble.leader == combination.leader, "a follower's death moved the lead")
        }
        try crowd.waitForProgress()
        try expectClean(crowd, ensemble, "killed followers, \(combination.testDescription)")
    }

    /// In good order, one after the other, as an upgrade does.
    @Test("stop every server in turn under load", arguments: Combination.underTest)
    func stopInTurn(_ combination: Combination) throws {
        let ensemble = try combination.start()
        let crowd = try LoadCrowd(ensemble, sessions: Self.sessions)
        crowd.start()
        for member in ensemble.members {
            try crowd.waitForProgress()
            try ensemble.replace(member.id, with: member.vendor)
            try ensemble.waitForRoles()
        }
        try crowd.waitForProgress()
        try expectClean(crowd, ensemble, "stopped in turn, \(combination.testDescription)")
    }

    /// A leader that hangs, its connections open, is left after syncLimit; when it wakes it must follow.
    @Test("pause the leader under load", arguments: Combination.oneUnderTest)
    func pauseLeader(_ combination: Combination) throws {
        let ensemble = try combination.start()
        let crowd = try LoadCrowd(ensemble, sessions: Self.sessions)
        crowd.start()
        try crowd.waitForProgress()
        let old = ensemble[combination.leader]
        old.pause()
        defer { old.resume() }
        let others = ensemble.members.filter { $0.id != old.id }
        let hasNewLeader = eventually(within: 60) { others.contains { $0.role == "leader" } }
        #expect(hasNewLeader, "nobody took the lead from one that hangs")
        try crowd.waitForProgress(within: 90)
        old.resume()
        try ensemble.waitForRoles()
        #expect(ensemble.leader != old.id)
        try crowd.waitForProgress()
        try expectClean(crowd, ensemble, "paused the leader, \(combination.testDescription)")
    }

    /// Without a quorum nobody serves; with one again, the sessions go on.
    @Test("lose the quorum and get it back", arguments: Combination.underTest)
    func loseQuorum(_ combination: Combination) throws {
        let ensemble = try combination.start()
        let crowd = try LoadCrowd(ensemble, sessions: Self.sessions)
        crowd.start()
        try crowd.waitForProgress()
        let followers = ensemble.members.filter { $0.id != combination.leader }
        for follower in followers { follower.kill() }
        try ensemble.waitForSilence()
        for follower in followers { try ensemble.start(follower.id) }
        try ensemble.waitForRoles()
        try crowd.waitForProgress()
        ensemble.members.forEach { $0.kill() }
        try ensemble.start()
        try crowd.waitForProgress()
        try expectClean(crowd, ensemble, "lost the quorum, \(combination.testDescription)")
    }

    private func expectClean(_ crowd: LoadCrowd, _ ensemble: EnsembleHarness, _ what: String) throws {
        let violations = try crowd.finish()
        #expect(violations.isEmpty, "\(what): \(violations.prefix(10))")
        try ensemble.check { try ensemble.expectAgreement() }
        TestEnvironment.note(
            "\(what): \(crowd.acknowledged) writes acknowledged, \(crowd.unknown) unknown, \(crowd.moves) moves of"
                + " sessions, longest silence \(crowd.longestSilenceMillis) ms")
    }
}
