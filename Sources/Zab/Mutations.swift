/// Known mistakes of real implementations that the simulator can switch on, to prove that its checkers find them.
///
/// Always empty in a server: only the simulator's own command sets it. Each is a row of ZooKeeper's bug tracker.
public struct Mutations: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}
