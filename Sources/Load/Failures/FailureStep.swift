/// What a step of a failure run does to a server.
public enum FailureKind: String, Codable, CaseIterable, Sendable {
    /// SIGKILL.
    case kill
    /// Starts what was killed, on its directory as it is.
    case start
    /// SIGSTOP.
    case pause
    /// SIGCONT.
    case resume
    /// Parts the server from all others; clients still reach it.
    case cut
    case heal
    /// Lets only so many of the server's writes a second through to its disk.
    case slow
    case mend

    /// Whether it takes a server away, or hinders it; the others bring one back.
    public var isFault: Bool { self == .kill || self == .pause || self == .cut || self == .slow }

    /// What brings back what this takes away.
    var end: FailureKind {
        switch self {
        case .kill: .start
        case .pause: .resume
        case .cut: .heal
        case .slow: .mend
        case .start, .resume, .heal, .mend: self
        }
    }
}

/// One step, fixed before the run begins.
public struct FailureStep: Codable, Equatable, Sendable {
    /// From the start of the measured window.
    public var atSeconds: Double
    public var kind: FailureKind
    /// `leader`, `follower`, or the name that an earlier step gave to a server.
    public var target: String
    /// The server's name from now on, for later steps; nil gives none.
    public var name: String?
    /// Of a cut.
    public var shape: PartitionShape?
    /// Of a slow disk.
    public var writesPerSecond: Int?
    /// What plots write at it, such as "4a"; nil for the step's title.
    public var label: String?

    public init(
        at seconds: Double, _ kind: FailureKind, _ target: String, as name: String? = nil,
        shape: PartitionShape? = nil, writesPerSecond: Int? = nil, label: String? = nil
    ) {
        atSeconds = seconds
        self.kind = kind
        self.target = target
        self.name = name
        self.shape = shape
        self.writesPerSecond = writesPerSecond
        self.label = label
    }

    /// "kill follower".
    public var title: String { "\(kind.rawValue) \(target)" }
    public var isOnLeader: Bool { target == Self.leader }

    public static let leader = "leader"
    public static let follower = "follower"
}

extension FailureStep {
    /// Why the steps cannot be carried out; nil when they can.
    ///
    /// - Parameters:
    ///   - servers: of the ensemble. A majority of them must live at any time.
    ///   - seconds: the run's length.
    static func problem(_ steps: [FailureStep], servers: Int, seconds: Double) -> String? {
        var away: [String: FailureKind] = [:]
        var known: Set<String> = []
        var unnamed = 0
        var last = 0.0
        for step in steps {
            let place = "the event at \(fixed(step.atSeconds, 1)) s, \(step.title)"
            if step.atSeconds < last { return "\(place): events are listed in the order of time" }
            if step.atSeconds > seconds - 0.5 { return "\(place): the run lasts \(fixed(seconds, 1)) s" }
            last = step.atSeconds
            let isRole = step.target == Self.leader || step.target == Self.follower
            if !isRole, !known.contains(step.target) {
                return "\(place): no earlier event names a server '\(step.target)'"
            }
            if step.name == Self.leader || step.name == Self.follower { return "\(place): that name is a role" }
            if step.kind.isFault {
                let name = step.name ?? (isRole ? nil : step.target)
                if let name {
                    if away[name] != nil { return "\(place): '\(name)' is away already" }
                    away[name] = step.kind
                    known.insert(name)
                } else {
                    unnamed += 1
                }
                if away.count + unnamed > (servers - 1) / 2 {
                    return "\(place): no majority of \(servers) would be left"
                }
            } else {
                if isRole { return "\(place): name the server when it is taken away ('as'), and bring it back by name" }
                guard let fault = away[step.target], fault.end == step.kind else {
                    return "\(place): '\(step.target)' is not in need of it"
                }
                away[step.target] = nil
            }
            if step.shape != nil, step.kind != .cut { return "\(place): only a cut has a shape" }
            if (step.writesPerSecond != nil) != (step.kind == .slow) {
                return "\(place): a slow disk has writesPerSecond, and nothing else has"
            }
        }
        return nil
    }
}
