/// Why a list of members has no quorums.
public enum QuorumRuleError: Error, Equatable, Sendable, CustomStringConvertible {
    case noVoters
    case tooManyMembers(Int)
    case duplicateMember(ServerID)
    case notInAnyGroup(ServerID)
    case inSeveralGroups(ServerID)
    /// A group names a server that is no voting member and has no weight.
    case unknownInGroup(ServerID)
    case negativeWeight(ServerID)
    /// So heavy that sums could not be counted any more.
    case excessiveWeight(ServerID)
    /// Every group weighs nothing, so that no set of servers is a quorum.
    case noWeight

    public var description: String {
        switch self {
        case .noVoters: "the ensemble has no voting member"
        case .tooManyMembers(let count): "\(count) members; at most \(QuorumRule.maximumMembers) are possible"
        case .duplicateMember(let id): "server \(id) is listed twice"
        case .notInAnyGroup(let id): "server \(id) is in no group"
        case .inSeveralGroups(let id): "server \(id) is in several groups"
        case .unknownInGroup(let id): "a group names server \(id), which is no voting member"
        case .negativeWeight(let id): "server \(id) has a negative weight"
        case .excessiveWeight(let id): "server \(id) weighs more than \(QuorumRule.maximumWeight)"
        case .noWeight: "all groups weigh nothing: there is no quorum"
        }
    }
}

/// A set of voting members, by their positions in a `QuorumRule`. Fits in four words, never allocates.
@frozen
public struct VoterSet: Equatable, Sendable {
    @usableFromInline var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    @inlinable public init() {}

    @inlinable
    public mutating func insert(_ position: Int) {
        let bit = UInt64(1) << UInt64(position & 63)
        switch position >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    @inlinable
    public mutating func remove(_ position: Int) {
        let bit = UInt64(1) << UInt64(position & 63)
        switch position >> 6 {
        case 0: words.0 &= ~bit
        case 1: words.1 &= ~bit
        case 2: words.2 &= ~bit
        default: words.3 &= ~bit
        }
    }

    @inlinable
    public func contains(_ position: Int) -> Bool {
        let word =
            switch position >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> UInt64(position & 63) & 1 == 1
    }

    @inlinable public mutating func removeAll() { words = (0, 0, 0, 0) }

    @inlinable
    public var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount + words.3.nonzeroBitCount
    }

    @inlinable public var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    public static func == (left: VoterSet, right: VoterSet) -> Bool { left.words == right.words }
}

/// Which sets of servers decide for all: a majority of the voting members, or, with groups, sets that hold more than
/// half of the weight in each of more than half of the groups (groups without weight do not count).
public struct QuorumRule: Sendable {
    /// Voting members first, each part by rising id. A member's place in this list is its position.
    public let members: [ServerID]
    public let voterCount: Int
    private let places: [UInt8]
    private let weights: [Int64]
    /// Empty with plain majorities.
    private let groups: [Group]
    private let countedGroups: Int

    private struct Group: Sendable {
        var positions: [Int]
        var weight: Int64
    }

    public static let maximumMembers = 255
    public static let maximumWeight = Int64(Int32.max)

    /// - Parameters:
    ///   - groups: lists of server ids; empty for plain majorities.
    ///   - weights: by server id; 1 where missing. Used with groups only.
    public init(
        voters: [ServerID], observers: [ServerID] = [], groups: [[ServerID]] = [], weights: [ServerID: Int64] = [:]
    ) throws(QuorumRuleError) {
        guard !voters.isEmpty else { throw .noVoters }
        let members = voters.sorted() + observers.sorted()
        guard members.count <= Self.maximumMembers else { throw .tooManyMembers(members.count) }
        var seen: Set<ServerID> = []
        for id in members where !seen.insert(id).inserted { throw .duplicateMember(id) }
        self.members = members
        voterCount = voters.count
        var places = [UInt8](repeating: Self.noPlace, count: 256)
        for (position, id) in members.enumerated() where 0..<256 ~= id { places[Int(id)] = UInt8(position) }
        self.places = places

        guard !groups.isEmpty else {
            self.weights = [Int64](repeating: 1, count: voters.count)
            self.groups = []
            countedGroups = 0
            return
        }
        let voting = Array(members[..<voters.count])
        (self.groups, countedGroups) = try Self.grouped(groups, voting: voting, weights: weights)
        self.weights = voting.map { weights[$0] ?? 1 }
    }

    private static func grouped(
        _ groups: [[ServerID]], voting: [ServerID], weights: [ServerID: Int64]
    ) throws(QuorumRuleError) -> ([Group], counted: Int) {
        var inGroup: Set<ServerID> = []
        var result: [Group] = []
        for ids in groups {
            var group = Group(positions: [], weight: 0)
            for id in ids {
                guard inGroup.insert(id).inserted else { throw .inSeveralGroups(id) }
                let position = voting.firstIndex(of: id)
                guard let weight = weights[id] ?? (position == nil ? nil : 1) else { throw .unknownInGroup(id) }
                guard weight >= 0 else { throw .negativeWeight(id) }
                guard weight <= maximumWeight else { throw .excessiveWeight(id) }
                // A server that does not vote but has a weight still makes its group heavier, as in Apache.
                group.weight += weight
                if let position { group.positions.append(position) }
            }
            result.append(group)
        }
        for id in voting where !inGroup.contains(id) { throw .notInAnyGroup(id) }
        let counted = result.count { $0.weight > 0 }
        guard counted > 0 else { throw .noWeight }
        return (result, counted)
    }

    private static let noPlace: UInt8 = 255

    public var voters: ArraySlice<ServerID> { members[..<voterCount] }
    public var observers: ArraySlice<ServerID> { members[voterCount...] }

    /// The position of any member; nil for strangers.
    public func position(of id: ServerID) -> Int? {
        if 0..<256 ~= id {
            let place = places[Int(id)]
            return place == Self.noPlace ? nil : Int(place)
        }
        return members.firstIndex(of: id)
    }

    /// The position of a voting member; nil for observers and strangers.
    public func voterPosition(of id: ServerID) -> Int? {
        guard let position = position(of: id), position < voterCount else { return nil }
        return position
    }

    public func isVoter(_ id: ServerID) -> Bool { voterPosition(of: id) != nil }

    /// 1 for voters of a plain majority, 0 for whoever does not vote.
    public func weight(of id: ServerID) -> Int64 {
        guard let position = voterPosition(of: id) else { return 0 }
        return weights[position]
    }

    public func containsQuorum(_ set: VoterSet) -> Bool {
        if groups.isEmpty { return set.count > voterCount / 2 }
        var carried = 0
        for group in groups {
            var weight: Int64 = 0
            for position in group.positions where set.contains(position) { weight += weights[position] }
            if weight > group.weight / 2 { carried += 1 }
        }
        return carried > countedGroups / 2
    }

    /// For lists of ids, off the hot path; ids that do not vote are passed over.
    public func containsQuorum(_ ids: some Sequence<ServerID>) -> Bool { containsQuorum(voterSet(ids)) }

    public func voterSet(_ ids: some Sequence<ServerID>) -> VoterSet {
        var set = VoterSet()
        for id in ids {
            if let position = voterPosition(of: id) { set.insert(position) }
        }
        return set
    }

    /// The highest value that a quorum has reached, or nil when not even the lowest is carried by one.
    ///
    /// With a value per voting member that only grows (the last zxid it acknowledged), this is the commit point.
    ///
    /// - Parameter reached: by position, one for each voting member; members that count not at all have `Int64.min`.
    public func highestReached(_ reached: [Int64]) -> Int64? {
        precondition(reached.count >= voterCount)
        var best: Int64?
        for candidate in 0..<voterCount where reached[candidate] > best ?? .min {
            let value = reached[candidate]
            var set = VoterSet()
            for position in 0..<voterCount where reached[position] >= value { set.insert(position) }
            if containsQuorum(set) { best = value }
        }
        return best
    }
}
