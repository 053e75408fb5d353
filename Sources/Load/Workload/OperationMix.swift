#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The shares of each operation in a workload.
public struct OperationMix: Codable, Equatable, Sendable {
    /// Weight by `OperationKind`'s raw value; at least one is positive, none is negative.
    public let weights: [Double]

    public init(weights: [OperationKind: Double]) throws(LoadError) {
        var list = [Double](repeating: 0, count: OperationKind.count)
        for (kind, weight) in weights {
            guard weight >= 0, weight.isFinite else {
                throw .usage("the weight of '\(kind.name)' must be a number of 0 or more, not \(weight)")
            }
            list[kind.rawValue] = weight
        }
        guard list.contains(where: { $0 > 0 }) else { throw .usage("a mix needs at least one weight above 0") }
        self.weights = list
    }

    /// Reads against `setData`, the paper's workload.
    ///
    /// - Parameter readPercent: 0 to 100.
    public init(readPercent: Double) throws(LoadError) {
        guard readPercent >= 0, readPercent <= 100 else {
            throw .usage("a read percentage lies between 0 and 100, not \(readPercent)")
        }
        try self.init(weights: [.read: readPercent, .set: 100 - readPercent])
    }

    /// `reads:writes`, such as `2:1`.
    public init(ratio text: String) throws(LoadError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let reads = Double(parts[0]), let writes = Double(parts[1]) else {
            throw .usage("a ratio is written reads:writes, such as 2:1, not '\(text)'")
        }
        try self.init(weights: [.read: reads, .set: writes])
    }

    /// Weights such as `read=8,set=1,create=1`.
    public init(parsing text: String) throws(LoadError) {
        var weights: [OperationKind: Double] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, let kind = OperationKind(name: String(pair[0])), let weight = Double(pair[1]) else {
                let names = OperationKind.allCases.map(\.name).joined(separator: ", ")
                throw .usage("'\(part)' is no part of a mix: write name=weight with a name out of \(names)")
            }
            guard weights.updateValue(weight, forKey: kind) == nil else {
                throw .usage("'\(kind.name)' appears twice in the mix '\(text)'")
            }
        }
        try self.init(weights: weights)
    }

    /// The share of one operation, 0 to 1.
    public func share(of kind: OperationKind) -> Double { weights[kind.rawValue] / weights.reduce(0, +) }

    /// Percentage of requests that do not change the tree, 0 to 100.
    public var readPercent: Double {
        100 * OperationKind.allCases.filter { !$0.isWrite }.reduce(0) { $0 + share(of: $1) }
    }

    /// Cumulative shares scaled to 32 bits, for one comparison per operation and request.
    var thresholds: [UInt32] {
        var sum = 0.0
        var list = weights.indices.map { index in
            sum += share(of: OperationKind(rawValue: index)!)
            return UInt32(min(sum * 4_294_967_296, 4_294_967_295))
        }
        // Rounding must not leave a gap above the last operation that has a weight.
        let last = weights.lastIndex { $0 > 0 }!
        for index in last..<list.count { list[index] = .max }
        return list
    }
}
