/// A key of `zoo.cfg` that an experiment may set: servers of every kind know it, and it leaves alone what the suite
/// itself sets or states.
public struct ServerSetting: Sendable {
    public enum Value: Sendable {
        case integer(ClosedRange<Int>)
        /// `yes` or `no`.
        case yesOrNo
    }

    public var key: String
    public var value: Value

    private static let natural = Value.integer(0...Int(Int32.max))
    private static let positive = Value.integer(1...Int(Int32.max))

    /// Checked against the server's own table by a test.
    public static let all: [ServerSetting] = [
        ServerSetting(key: "tickTime", value: positive), ServerSetting(key: "initLimit", value: positive),
        ServerSetting(key: "syncLimit", value: positive), ServerSetting(key: "minSessionTimeout", value: positive),
        ServerSetting(key: "maxSessionTimeout", value: positive), ServerSetting(key: "maxClientCnxns", value: natural),
        ServerSetting(key: "globalOutstandingLimit", value: positive), ServerSetting(key: "snapCount", value: positive),
        ServerSetting(key: "preAllocSize", value: .integer(1...1 << 30)),
        ServerSetting(key: "leaderServes", value: .yesOrNo), ServerSetting(key: "jute.maxbuffer", value: positive),
    ]

    /// Why a setting cannot be given; nil when it can.
    public static func problem(key: String, value: String) -> String? {
        if EnsembleOptions.isDurabilityKey(key) {
            return "'\(key)' cannot be given: --no-fsync does that, and results say so"
        }
        if EnsembleOptions.isOwnKey(key) { return "'\(key)' is set for each server and cannot be given" }
        guard let setting = all.first(where: { $0.key == key }) else {
            return "knows no key '\(key)'; it takes \(all.map(\.key).joined(separator: ", "))"
        }
        switch setting.value {
        case .integer(let range):
            if let number = Int(value), range.contains(number) { return nil }
            return "'\(key)' is a whole number of \(range.lowerBound) to \(range.upperBound), not '\(value)'"
        case .yesOrNo: return ["yes", "no"].contains(value) ? nil : "'\(key)' is yes or no, not '\(value)'"
        }
    }
}
