import Testing
import ZooKeeperProtocol

@testable import Simulation

/// The search itself; what histories make of it is in HistoryCheckTests.
@Suite("Linearizability: the search")
struct LinearizabilityTests {
    private typealias Entry = Interval<ZnodeModel.Input>

    private static func entry(
        _ steps: [ZnodeModel.Step], _ outcome: ZnodeModel.Outcome, _ times: ClosedRange<UInt64>, hint: Int64
    ) -> Entry {
        Interval(
            call: times.lowerBound, end: outcome == .unknown ? .max : times.upperBound,
            input: ZnodeModel.Input(steps: steps, outcome: outcome), hint: hint)
    }

    /// Replaces the znode, and ends where it began: at version 1. Its outcome is never told.
    private static let replaced: [ZnodeModel.Step] = [
        .delete(expected: -1), .create(owner: 0), .setData(expected: -1),
    ]

    /// Else each of them is tried at every place behind its own, where it does change something, and the search for
    /// the right one of so many orders does not end in any time (seed 211029).
    @Test("writes that change nothing where the servers' order has them cost nothing elsewhere")
    func unchanged() {
        var entries = [
            Self.entry([.create(owner: 0)], .ok(version: nil), 0...1, hint: 1),
            Self.entry([.setData(expected: -1)], .ok(version: 1), 2...3, hint: 2),
        ]
        for number in 0..<20 { entries.append(Self.entry(Self.replaced, .unknown, 4...5, hint: 3 + Int64(number))) }
        // All of them at the same time: only their hints tell the order.
        var hint: Int64 = 100
        func add(_ step: ZnodeModel.Step, _ outcome: ZnodeModel.Outcome) {
            entries.append(Self.entry([step], outcome, 10...1000, hint: hint))
            hint += 1
        }
        for round in 0..<20 {
            add(.setData(expected: 1), .ok(version: 2))
            add(.setData(expected: 1), .error(.badVersion))
            add(.delete(expected: 2), .ok(version: nil))
            add(.delete(expected: Int32(round)), .error(.noNode))
            add(.create(owner: 0), .ok(version: nil))
            add(.create(owner: 0), .error(.nodeExists))
            add(.setData(expected: 0), .ok(version: 1))
        }
        #expect(Linearizability<ZnodeModel>(budget: 1000).check(entries) == .linearizable)
    }

    @Test("a search that would take too long is given up, not passed")
    func givenUp() {
        var entries: [Entry] = []
        for number in 0..<30 {
            entries.append(Self.entry([.setData(expected: Int32(number))], .ok(version: nil), 0...10, hint: 0))
        }
        entries.append(Self.entry([.create(owner: 0)], .ok(version: nil), 0...10, hint: 0))
        entries.append(Self.entry([.delete(expected: 31)], .ok(version: nil), 0...10, hint: 0))
        #expect(Linearizability<ZnodeModel>(budget: 10).check(entries) == .undecided)
        guard case .violated = Linearizability<ZnodeModel>().check(entries) else {
            Issue.record("an order has been found that there is not")
            return
        }
    }
}
