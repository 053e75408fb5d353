/// What the checkers demand, in the field's words.
public enum Property: String, Sendable, CaseIterable {
    // Of the servers:
    case oneLeaderPerEpoch, committedPrefix, noGap, primaryOrder, digest, acknowledgedIsKept, executedOnce, progress
    // Of the clients' histories:
    case linearizableWrites, sessionOrder, readsGoBack, readOwnWrites, readValue, watchBeforeView, watchOnce
    case syncThenRead, ephemeralLifetime, sequenceNumbers, multiAtomicity, versionCheck, sessionLost
    // Of the simulator itself:
    case protocolBroken, recovery, undecided
}

/// One property found broken.
public struct Violation: Sendable, CustomStringConvertible, Equatable {
    public var property: Property
    public var text: String
    /// Virtual time.
    public var timeNanos: UInt64 = 0

    public var description: String { "\(property.rawValue) at \(TimeText.seconds(timeNanos)) s: \(text)" }
}
