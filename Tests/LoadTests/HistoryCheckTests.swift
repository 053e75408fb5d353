import Testing

@testable import Load

/// Histories that must pass, and histories that must not, each named after what is wrong with it.
@Suite struct HistoryCheckTests {
    static let initial = VersionedValue(version: 0, value: HistoryValue(writer: 0, sequence: 0))

    /// - Parameter version: nil for an unknown outcome.
    static func write(
        _ client: UInt32, _ sequence: UInt64, _ version: Int32?, _ from: UInt64, _ to: UInt64,
        outcome: HistoryEvent.Outcome? = nil
    ) -> HistoryEvent {
        HistoryEvent(
            kind: .write, outcome: outcome ?? (version == nil ? .unknown : .succeeded), key: 1, client: client,
            value: HistoryValue(writer: client, sequence: sequence), version: version ?? 0, invokedNanos: from,
            returnedNanos: to)
    }

    static func read(
        _ client: UInt32, _ writer: UInt32, _ sequence: UInt64, _ version: Int32, _ from: UInt64, _ to: UInt64,
        kind: HistoryEvent.Kind = .read
    ) -> HistoryEvent {
        HistoryEvent(
            kind: kind, outcome: .succeeded, key: 1, client: client,
            value: HistoryValue(writer: writer, sequence: sequence), version: version, invokedNanos: from,
            returnedNanos: to)
    }

    private func verdict(_ events: [HistoryEvent]) -> HistoryVerdict {
        HistoryCheck.check(events, initial: Self.initial)
    }

    private func isLinearizable(_ events: [HistoryEvent]) -> Bool {
        LinearizabilityCheck.check(events, initial: Self.initial) == .linearizable
    }

    @Test func nothingHappened() {
        #expect(verdict([]).violations == [])
        #expect(isLinearizable([Self.read(9, 0, 0, 0, 1, 2)]))
    }

    @Test func writesOneAfterAnother() {
        let events = [Self.write(1, 1, 1, 10, 20), Self.write(2, 1, 2, 30, 40), Self.read(9, 2, 1, 2, 50, 60)]
        #expect(isLinearizable(events))
        let found = verdict(events)
        #expect(found.violations == [] && found.acknowledged == 2 && found.acknowledgedLost == 0)
        #expect(found.latest == VersionedValue(version: 2, value: HistoryValue(writer: 2, sequence: 1)))
    }

    @Test func overlappingWritesTakeEitherOrder() {
        #expect(isLinearizable([Self.write(1, 1, 2, 10, 40), Self.write(2, 1, 1, 20, 30)]))
        #expect(isLinearizable([Self.write(1, 1, 1, 10, 40), Self.write(2, 1, 2, 20, 30)]))
    }

    @Test func aWriteOrderedAgainstTime() {
        // The first had its answer before the second began, yet has the later version.
        #expect(!isLinearizable([Self.write(1, 1, 2, 10, 20), Self.write(2, 1, 1, 30, 40)]))
    }

    @Test func aStaleReadBehindASync() {
        let events = [Self.write(1, 1, 1, 10, 20), Self.read(9, 0, 0, 0, 30, 40)]
        #expect(!isLinearizable(events))
        let found = verdict(events)
        #expect(found.acknowledgedLost == 1)
        #expect(found.violations.contains { $0.contains("is lost") })
    }

    @Test func aReadDuringAWriteSeesEither() {
        #expect(isLinearizable([Self.write(1, 1, 1, 10, 40), Self.read(9, 0, 0, 0, 20, 30)]))
        #expect(isLinearizable([Self.write(1, 1, 1, 10, 40), Self.read(9, 1, 1, 1, 20, 30)]))
        // But not the new value and then, later, the old one.
        #expect(
            !isLinearizable([
                Self.write(1, 1, 1, 10, 60), Self.read(9, 1, 1, 1, 20, 30), Self.read(8, 0, 0, 0, 40, 50),
            ]))
    }

    @Test func unknownWritesMayHaveHappenedOrNot() {
        let unknown = Self.write(1, 1, nil, 10, 0)
        #expect(verdict([unknown, Self.read(9, 0, 0, 0, 50, 60)]).violations == [])
        #expect(verdict([unknown, Self.read(9, 1, 1, 1, 50, 60)]).violations == [])
        // Late: after a read that did not show it.
        let late = [unknown, Self.read(9, 0, 0, 0, 50, 60), Self.read(9, 1, 1, 1, 70, 80)]
        #expect(verdict(late).violations == [])
        // It fills a gap between two acknowledged ones.
        let gap = [unknown, Self.write(2, 1, 2, 20, 30), Self.read(9, 2, 1, 2, 50, 60)]
        let found = verdict(gap)
        #expect(found.violations == [] && found.unknown == 1)
        // Without it the gap has no explanation.
        #expect(!isLinearizable(Array(gap.dropFirst())))
        // Nor can a write fill it that began after the gap was there.
        #expect(!isLinearizable([Self.write(1, 1, nil, 40, 0), gap[1], gap[2]]))
    }

    @Test func anUnknownWriteThatVanishes() {
        // Seen once, then gone.
        let events = [
            Self.write(1, 1, nil, 10, 0), Self.read(9, 1, 1, 1, 20, 30), Self.read(9, 0, 0, 0, 40, 50),
        ]
        #expect(!isLinearizable(events))
        #expect(verdict(events).violations.count >= 2)
    }

    @Test func anAcknowledgedWriteOverwrittenInPlace() {
        // A new leader without the write gives its version away again.
        let events = [Self.write(1, 1, 1, 10, 20), Self.write(2, 1, 1, 30, 40), Self.read(9, 2, 1, 1, 50, 60)]
        #expect(!isLinearizable(events))
        #expect(verdict(events).violations.contains { $0.contains("two values") })
        #expect(verdict(events).acknowledgedLost >= 1)
    }

    @Test func aWriteThatHappenedTwice() {
        let events = [Self.write(1, 1, 1, 10, 20), Self.read(9, 1, 1, 2, 30, 40)]
        #expect(!isLinearizable(events))
        #expect(verdict(events).violations.contains { $0.contains("made two versions") })
    }

    @Test func readsOfWhatNeverWas() {
        #expect(verdict([Self.read(9, 7, 7, 1, 1, 2)]).violations.contains { $0.contains("nobody wrote") })
        let refused = [
            Self.write(1, 1, 0, 10, 20, outcome: .failed), Self.read(9, 1, 1, 1, 30, 40, kind: .observation),
        ]
        #expect(verdict(refused).violations.contains { $0.contains("refused") })
        let early = [Self.write(1, 1, nil, 50, 0), Self.read(9, 1, 1, 1, 30, 40, kind: .observation)]
        #expect(verdict(early).violations.contains { $0.contains("before it was written") })
    }

    @Test func observationsMayLagButNotGoBack() {
        let writes = [Self.write(1, 1, 1, 10, 20), Self.write(1, 2, 2, 30, 40)]
        let lagging = writes + [
            Self.read(5, 0, 0, 0, 50, 60, kind: .observation), Self.read(5, 1, 1, 1, 70, 80, kind: .observation),
            Self.read(9, 1, 2, 2, 90, 95),
        ]
        #expect(verdict(lagging).violations == [])
        let backwards = writes + [
            Self.read(5, 1, 2, 2, 50, 60, kind: .observation), Self.read(5, 1, 1, 1, 70, 80, kind: .observation),
        ]
        #expect(verdict(backwards).violations.contains { $0.contains("after version 2") })
        let ownWrite = writes + [Self.read(1, 1, 1, 1, 50, 60, kind: .observation)]
        #expect(verdict(ownWrite).violations.contains { $0.contains("after version 2") })
    }

    @Test func manyUnknownWritesDoNotExplode() {
        // Thirty unknown writes at once; six of them happened unseen, between acknowledged ones.
        var events = (1...30).map { Self.write(UInt32($0), 1, nil, 10, 0) }
        for index in 1...6 {
            let time = UInt64(100 * index)
            events.append(Self.write(99, UInt64(index), Int32(2 * index), time, time + 50))
        }
        events.append(Self.read(98, 99, 6, 12, 1000, 1010))
        #expect(verdict(events).violations == [] && !verdict(events).isUndecided)
        // One more gap than unknown writes is not explained, and that is found out too.
        let few = Array(events.dropFirst(25))
        #expect(LinearizabilityCheck.check(few, initial: Self.initial) != .linearizable)
    }

    @Test func aSearchWithoutStepsDoesNotClaimAnything() {
        var events: [HistoryEvent] = []
        for number in 1...20 as ClosedRange<UInt64> {
            events.append(Self.write(1, number, Int32(number), number * 10, number * 10 + 5))
        }
        #expect(LinearizabilityCheck.check(events, initial: Self.initial, stepLimit: 3) == .undecided)
        #expect(HistoryCheck.check(events, initial: Self.initial, stepLimit: 3).isUndecided)
    }

    /// Histories made by a register that is right: each operation takes effect at one moment between begin and end.
    /// Any of them passes; with one answer falsified none does.
    @Test(arguments: 1...60) func randomHistories(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var moments: [(at: UInt64, event: HistoryEvent, happens: Bool)] = []
        for client in 1...5 as ClosedRange<UInt32> {
            var time: UInt64 = 1
            for sequence in 1...40 as ClosedRange<UInt64> {
                let from = time + UInt64(random.below(20))
                let at = from + 1 + UInt64(random.below(20))
                let to = at + 1 + UInt64(random.below(20))
                time = to + 1
                let dice = random.below(10)
                if dice < 6 {
                    moments.append((at, Self.write(client, sequence, 0, from, to, outcome: .succeeded), true))
                } else if dice < 7 {
                    moments.append((at, Self.write(client, sequence, nil, from, 0), random.below(2) == 1))
                } else {
                    moments.append((at, Self.read(client, 0, 0, 0, from, to), true))
                }
            }
        }
        moments.sort { ($0.at, $0.event.client) < ($1.at, $1.event.client) }
        var state = Self.initial
        var events: [HistoryEvent] = []
        for var moment in moments {
            if moment.event.kind == .write, moment.happens {
                state = VersionedValue(version: state.version + 1, value: moment.event.value)
            }
            if moment.event.outcome == .succeeded {
                moment.event.version = state.version
                moment.event.value = state.value
            }
            events.append(moment.event)
        }
        events.append(Self.read(99, state.value.writer, state.value.sequence, state.version, 1 << 40, 1 << 41))
        let good = verdict(events)
        #expect(good.violations == [] && !good.isUndecided, "seed \(seed): \(good.violations)")

        // An acknowledged write forgotten: everything after it is one version lower.
        // The next version must be an answered write's: without one an unknown write might not have happened instead.
        func answered(_ index: Int) -> Bool { events[index].kind == .write && events[index].outcome == .succeeded }
        let victims = events.indices.filter { index in
            let next = events[index].version + 1
            return answered(index) && events.indices.contains { answered($0) && events[$0].version == next }
        }
        let victim = victims[Int(random.below(UInt32(victims.count)))]
        var bad = events
        for index in bad.indices where bad[index].version > events[victim].version { bad[index].version -= 1 }
        #expect(verdict(bad).violations != [], "seed \(seed), write \(victim)")
        let isBadLinearizable = isLinearizable(bad)
        #expect(!isBadLinearizable, "seed \(seed), write \(victim)")

        // A linearizable read that shows the state before the last write it must see.
        if let stale = events.indices.last(where: { events[$0].kind == .read && events[$0].version > 0 }) {
            bad = events
            bad[stale].version = 0
            bad[stale].value = Self.initial.value
            let isStaleLinearizable = isLinearizable(bad)
            #expect(!isStaleLinearizable, "seed \(seed), read \(stale)")
        }
    }
}
