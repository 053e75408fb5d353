/// The link that each server has, to the other servers and to its clients: the same for each, as if they stood in a
/// rack.
public struct NetworkPlan: Codable, Equatable, Sendable {
    /// Each way.
    public var rateMegabits: Double
    /// What may pass at once after a pause, in kibibytes: the token bucket's size.
    public var burstKilobytes: Int

    public static let rateRange = 1.0...100_000
    /// A segment that the kernel has not split yet has up to 64 KiB.
    public static let burstRange = 66...65_536
    public static let usualBurstKilobytes = 128

    public init(rateMegabits: Double = 1000, burstKilobytes: Int = Self.usualBurstKilobytes) throws(LoadError) {
        guard Self.rateRange.contains(rateMegabits) else {
            throw .usage("a link's rate lies between 1 and 100000 megabits a second, not \(rateMegabits)")
        }
        guard Self.burstRange.contains(burstKilobytes) else {
            throw .usage("a link's burst lies between 66 and 65536 KiB, not \(burstKilobytes)")
        }
        self.rateMegabits = rateMegabits
        self.burstKilobytes = burstKilobytes
    }

    /// Removes what programs left that were killed while their servers had networks.
    public static func removeStale() { NetworkNames.removeStale(NetworkTools()) }

    /// In a title.
    public var text: String {
        let rate = rateMegabits == rateMegabits.rounded() ? "\(Int(rateMegabits))" : fixed(rateMegabits, 1)
        return "a link of \(rate) Mbit/s each way"
    }

    /// Why the machine does not permit it; nil where it does, which has been tried.
    public var refusal: String? {
        do throws(LoadError) {
            let network = try ServerNetwork(self, servers: 2)
            defer { network.remove() }
            try network.limitLinks()
            return nil
        } catch {
            return error.description
        }
    }
}
