import TestSupport
import Testing
import ZooKeeperProtocol

/// Observers of either kind serve like followers, and have no vote.
@Suite("Observers", .serialized)
struct ObserverTests {
    @Test("observers of every kind", arguments: Combination.fewMixedUnderTest)
    func serve(_ combination: Combination) throws {
        let ensemble = try combination.start(observers: Combination.vendors)
        for scenario in Scenarios.all {
            do {
                try scenario.run(Scenarios(ensemble: ensemble))
            } catch {
                Issue.record("\(scenario.name), \(combination.testDescription) with observers: \(error)")
            }
        }
        try ensemble.check {
            try ensemble.expectAgreement()
            try losesTheQuorum(ensemble)
        }
    }

    /// Observers and one participant are no quorum; when a second one comes, sessions go on where they were.
    private func losesTheQuorum(_ ensemble: EnsembleHarness) throws {
        let observers = ensemble.members.filter(\.isObserver)
        let sessions = try observers.map { try FollowingClient(ports: [$0.clientPort]) }
        for (index, session) in sessions.enumerated() {
            let reply = try session.repeated(.create("/observed-\(index)", flags: CreateFlag.ephemeral))
            #expect(reply.error == 0)
        }
        for participant in ensemble.participants.dropLast() { participant.kill() }
        try ensemble.waitForSilence()
        try ensemble.start()
        for (index, session) in sessions.enumerated() {
            let reply = try session.repeated(.getData("/observed-\(index)"))
            #expect(try reply.dataAndStat().1.ephemeralOwner == session.session.id)
            do {
                try session.close()
            } catch {
                throw ensemble.failure("session \(index) could not be closed: \(error)")
            }
        }
        try ensemble.expectAgreement()
    }

    @Test("an observer follows the new leader under load", arguments: Combination.underTest)
    func failOver(_ combination: Combination) throws {
        let ensemble = try combination.start(observers: Combination.vendors)
        let crowd = try LoadCrowd(ensemble, sessions: 5)
        crowd.start()
        try crowd.waitForProgress()
        ensemble[combination.leader].kill()
        try crowd.waitForProgress()
        try ensemble.start(combination.leader)
        try ensemble.waitForRoles()
        for observer in ensemble.members.filter(\.isObserver) {
            observer.kill()
            try crowd.waitForProgress()
            try ensemble.start(observer.id)
            try ensemble.waitForRoles()
        }
        try crowd.waitForProgress()
        let violations = try crowd.finish()
        #expect(violations.isEmpty, "\(combination.testDescription): \(violations.prefix(10))")
        try ensemble.expectAgreement()
    }
}
