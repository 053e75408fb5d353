/// What one znode's history says.
public struct HistoryVerdict: Equatable, Sendable {
    /// In words; empty when every rule held.
    public var violations: [String] = []
    public var writes = 0
    public var acknowledged = 0
    public var acknowledgedLost = 0
    public var failed = 0
    public var unknown = 0
    /// Writes of unknown outcome that somebody saw.
    public var unknownSeen = 0
    public var reads = 0
    public var observations = 0
    /// The search for a linearization ran out of steps.
    public var isUndecided = false
    /// What the last read behind a barrier showed.
    public var latest: VersionedValue?
    /// Writes that nobody saw and that may still appear.
    public var unseen: Set<HistoryValue> = []
}

/// The rules for one znode, on which several clients write unique values while servers fail:
/// every version has one value and every value one version; nobody sees what nobody wrote, what was refused, or what is
/// yet to be written; no client's view goes back; what was acknowledged is there at the end; and writes, with the reads
/// behind a barrier, are linearizable.
public enum HistoryCheck {
    /// - Parameters:
    ///   - events: each client's in the order in which it got its answers.
    ///   - initial: the znode as it was created.
    public static func check(
        _ events: [HistoryEvent], initial: VersionedValue, stepLimit: Int = LinearizabilityCheck.defaultStepLimit
    ) -> HistoryVerdict {
        var verdict = HistoryVerdict()
        count(events, &verdict)
        let claims = claims(events, initial: initial, &verdict)
        checkOrigins(events, initial: initial, &verdict)
        checkViews(events, &verdict)
        checkLast(events, claims: claims, &verdict)
        switch LinearizabilityCheck.check(events, initial: initial, claims: claims, stepLimit: stepLimit) {
        case .linearizable: break
        case .violation(let text): verdict.violations.append("not linearizable: \(text)")
        case .undecided: verdict.isUndecided = true
        }
        return verdict
    }

    private static func count(_ events: [HistoryEvent], _ verdict: inout HistoryVerdict) {
        for event in events {
            switch (event.kind, event.outcome) {
            case (.write, .succeeded): verdict.acknowledged += 1
            case (.write, .failed): verdict.failed += 1
            case (.write, .unknown): verdict.unknown += 1
            case (.read, _): verdict.reads += 1
            case (.observation, _): verdict.observations += 1
            }
        }
        verdict.writes = verdict.acknowledged + verdict.failed + verdict.unknown
    }

    /// Which value each version had, by everyone who saw it.
    private static func claims(
        _ events: [HistoryEvent], initial: VersionedValue, _ verdict: inout HistoryVerdict
    ) -> [Int32: HistoryValue] {
        var claims: [Int32: HistoryValue] = [initial.version: initial.value]
        var versions: [HistoryValue: Int32] = [initial.value: initial.version]
        for event in events where event.outcome == .succeeded {
            if let value = claims[event.version], value != event.value {
                verdict.violations.append("version \(event.version) has two values, \(value) and \(event.value)")
            } else if let version = versions[event.value], version != event.version {
                verdict.violations.append("the write \(event.value) made two versions, \(version) and \(event.version)")
            } else {
                claims[event.version] = event.value
                versions[event.value] = event.version
            }
        }
        return claims
    }

    /// Everything seen was written, accepted, and not before its time.
    private static func checkOrigins(
        _ events: [HistoryEvent], initial: VersionedValue, _ verdict: inout HistoryVerdict
    ) {
        var writes: [HistoryValue: HistoryEvent] = [:]
        for event in events where event.kind == .write { writes[event.value] = event }
        var seen: Set<HistoryValue> = []
        for event in events where event.kind != .write && event.outcome == .succeeded {
            guard let write = writes[event.value] else {
                if event.value != initial.value {
                    verdict.violations.append("client \(event.client) read \(event.value), which nobody wrote")
                }
                continue
            }
            if write.outcome == .failed {
                verdict.violations.append("client \(event.client) read \(event.value), a write that was refused")
            }
            if event.returnedNanos < write.invokedNanos {
                verdict.violations.append("client \(event.client) read \(event.value) before it was written")
            }
            if write.outcome == .unknown { seen.insert(event.value) }
        }
        verdict.unknownSeen = seen.count
        for (value, write) in writes where write.outcome == .unknown && !seen.contains(value) {
            verdict.unseen.insert(value)
        }
    }

    /// A client's own writes and what it reads have versions that never fall.
    private static func checkViews(_ events: [HistoryEvent], _ verdict: inout HistoryVerdict) {
        var last: [UInt32: Int32] = [:]
        for event in events where event.outcome == .succeeded {
            if let before = last[event.client], event.version < before {
                verdict.violations.append(
                    "client \(event.client) saw version \(event.version) after version \(before)")
            }
            last[event.client] = max(last[event.client] ?? .min, event.version)
        }
    }

    /// What was acknowledged before the last read behind a barrier began must be in it.
    private static func checkLast(
        _ events: [HistoryEvent], claims: [Int32: HistoryValue], _ verdict: inout HistoryVerdict
    ) {
        guard let final = events.filter({ $0.kind == .read && $0.outcome == .succeeded }).max(by: {
            $0.invokedNanos < $1.invokedNanos
        }) else { return }
        verdict.latest = VersionedValue(version: final.version, value: final.value)
        for event in events
        where event.kind == .write && event.outcome == .succeeded && event.returnedNanos < final.invokedNanos {
            let isLost =
                event.version > final.version
                || (event.version == final.version && event.value != final.value)
                || claims[event.version] != event.value
            if isLost {
                verdict.acknowledgedLost += 1
                verdict.violations.append(
                    "the acknowledged write \(event.value), version \(event.version), is lost: the znode has "
                        + "version \(final.version) = \(final.value)")
            }
        }
    }
}
