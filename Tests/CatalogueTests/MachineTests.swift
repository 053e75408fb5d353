import Testing
import Zab

/// What only another implementation's peer says, or says in another order: scripts against the machines themselves.
@Suite("Catalogue: orders of messages")
struct MachineTests {
    @Test(
        "ZOOKEEPER-4394: a COMMIT between NEWLEADER and UPTODATE is taken, whatever it is for",
        arguments: [[], .zk4394] as [Mutations])
    func commitBeforeUpToDate(mutations: Mutations) {
        var machine = LearnerMachine.discovering(leader: 3, epoch: 1, historyEnd: 0, mutations: mutations)
        var effects: [ZabEffect] = []
        machine.diff(zxid: 0x1_0000_0000, &effects)
        #expect(machine.proposal(zxid: 0x1_0000_0001, &effects))
        machine.newLeader(zxid: 0x1_0000_0000, &effects)
        #expect(machine.proposal(zxid: 0x1_0000_0002, &effects))
        machine.durable(0x1_0000_0002, &effects)
        // One proposed before NEWLEADER, one behind it.
        machine.commit(zxid: 0x1_0000_0001, &effects)
        machine.commit(zxid: 0x1_0000_0002, &effects)
        machine.upToDate(&effects)
        #expect(machine.phase == .broadcast)
        expect(
            machine.committedZxid == 0x1_0000_0002 && effects.contains(.commit(upTo: 0x1_0000_0002))
                ? [] : ["a COMMIT is forgotten"], found: !mutations.isEmpty)
    }

    @Test("a voter that does not tell what it has is no part of the quorum that chooses an epoch")
    func silentVoter() throws {
        var leader = LeaderMachine(
            myId: 3, quorum: try QuorumRule(voters: [1, 2, 3]), limits: ZabLimits(),
            promises: Promises(acceptedEpoch: 0, currentEpoch: 0), historyEnd: 0, epochFloor: 0, nowMillis: 0)
        var effects: [ZabEffect] = []
        leader.start(&effects)
        leader.learnerInfo(1, id: 1, isObserver: false, acceptedEpoch: 0, nowMillis: 0, &effects)
        leader.epochAck(1, currentEpoch: 0, lastZxid: -1, nowMillis: 0, &effects)
        #expect(leader.phase == .discovery)
        leader.learnerInfo(2, id: 2, isObserver: false, acceptedEpoch: 0, nowMillis: 0, &effects)
        leader.epochAck(2, currentEpoch: 0, lastZxid: 0, nowMillis: 0, &effects)
        #expect(leader.phase == .synchronization)
        #expect(effects.contains(.synchronize(1, learnerZxid: -1, isObserver: false)))
    }

    @Test("ZOOKEEPER-4685: a learner acknowledges NEWLEADER first, then proposals; a leader stands the other order")
    func acknowledgementsInOrder() throws {
        var learner = LearnerMachine.discovering(leader: 3, epoch: 1, historyEnd: 0)
        var effects: [ZabEffect] = []
        learner.diff(zxid: 0x1_0000_0000, &effects)
        #expect(learner.proposal(zxid: 0x1_0000_0001, &effects))
        learner.newLeader(zxid: 0x1_0000_0000, &effects)
        #expect(learner.proposal(zxid: 0x1_0000_0002, &effects))
        // Only what came behind NEWLEADER is missing; then nothing.
        learner.durable(0x1_0000_0002, &effects)
        let acknowledgements = effects.filter {
            switch $0 {
            case .sendEpochStartAck, .sendAcks, .storePromises: true
            default: false
            }
        }
        #expect(
            acknowledgements == [
                .storePromises(Promises(acceptedEpoch: 1, currentEpoch: 1)), .sendEpochStartAck(zxid: 0x1_0000_0000),
                .sendAcks(after: 0, upTo: 0x1_0000_0002),
            ])

        var leader = LeaderMachine(
            myId: 3, quorum: try QuorumRule(voters: [1, 2, 3]), limits: ZabLimits(),
            promises: Promises(acceptedEpoch: 0, currentEpoch: 0), historyEnd: 0, epochFloor: 0, nowMillis: 0)
        effects.removeAll()
        leader.start(&effects)
        for link in [1, 2] {
            leader.learnerInfo(
                link, id: ServerID(link), isObserver: false, acceptedEpoch: 0, nowMillis: 0, &effects)
            leader.epochAck(link, currentEpoch: 0, lastZxid: 0, nowMillis: 0, &effects)
        }
        leader.ack(1, zxid: 0x1_0000_0000, nowMillis: 0, &effects)
        #expect(leader.phase == .broadcast)
        leader.proposed(first: 0x1_0000_0001, last: 0x1_0000_0001)
        leader.durable(0x1_0000_0001)
        effects.removeAll()
        // Server 2's acknowledgement of a proposal overtakes that of NEWLEADER: it does not count yet, it ends nothing.
        leader.ack(2, zxid: 0x1_0000_0001, nowMillis: 0, &effects)
        leader.advance(&effects)
        #expect(effects.isEmpty && leader.phase == .broadcast && leader.committedZxid < 0x1_0000_0001)
        leader.ack(2, zxid: 0x1_0000_0000, nowMillis: 0, &effects)
        leader.advance(&effects)
        #expect(effects == [.sendUpToDate(2), .commit(upTo: 0x1_0000_0001)])
    }
}

extension LearnerMachine {
    /// One that has promised the epoch and waits to hear how its history becomes the leader's.
    static func discovering(
        leader: ServerID, epoch: Int64, historyEnd: Int64, mutations: Mutations = []
    ) -> LearnerMachine {
        var machine = LearnerMachine(
            leader: leader, isObserver: false, limits: ZabLimits(),
            promises: Promises(acceptedEpoch: epoch - 1, currentEpoch: epoch - 1), historyEnd: historyEnd,
            nowMillis: 0, mutations: mutations)
        var effects: [ZabEffect] = []
        machine.connected(nowMillis: 0, &effects)
        machine.leaderInfo(epoch: epoch, &effects)
        return machine
    }

    /// One that follows an established leader.
    static func following(leader: ServerID, epoch: Int64, historyEnd: Int64) -> LearnerMachine {
        var machine = discovering(leader: leader, epoch: epoch, historyEnd: historyEnd)
        var effects: [ZabEffect] = []
        machine.diff(zxid: epoch << 32, &effects)
        machine.newLeader(zxid: epoch << 32, &effects)
        machine.upToDate(&effects)
        return machine
    }
}
