import TestSupport
import Testing

/// Whose servers make up an ensemble, and which of them leads.
struct Combination: Sendable, CustomTestStringConvertible {
    var participants: [Vendor]
    /// Id of the server that is made to lead.
    var leader: Int

    var testDescription: String {
        participants.enumerated().map { "\($1)\($0 + 1 == leader ? "*" : "")" }.joined(separator: " ")
    }

    func isOnly(_ vendor: Vendor) -> Bool { participants.allSatisfy { $0 == vendor } }

    static let apache = Combination(participants: [.apache, .apache, .apache], leader: 3)
    static let corral = Combination(participants: [.corral, .corral, .corral], leader: 3)
    /// Both majorities, each led by the other kind.
    static let led = [
        Combination(participants: [.apache, .apache, .corral], leader: 3),
        Combination(participants: [.corral, .corral, .apache], leader: 3),
    ]
    /// Either kind leading, in either majority.
    static let mixed =
        led + [
            Combination(participants: [.corral, .apache, .apache], leader: 3),
            Combination(participants: [.apache, .corral, .corral], leader: 3),
        ]

    /// `CORRAL_ENSEMBLES`: a list of apache (three of them), corral (three), led (two mixed ensembles), mixed (four).
    static let underTest: [Combination] =
        (TestEnvironment.string("CORRAL_ENSEMBLES") ?? "corral,led").split(separator: ",").flatMap { name in
            switch name {
            case "apache": [apache]
            case "led": led
            case "mixed": mixed
            case "corral": [corral]
            default: fatalError("CORRAL_ENSEMBLES: no such ensembles: \(name)")
            }
        }

    /// Those of them with both kinds, which have every pair of a server and an observer; all, when there are none.
    static let mixedUnderTest: [Combination] = {
        let both = underTest.filter { Set($0.participants).count > 1 }
        return both.isEmpty ? underTest : both
    }()

    // For what takes long each time: fewer, unless the environment asks for some.
    /// Corral's own.
    static let oneUnderTest = unlessAsked([corral]) ?? underTest
    /// Corral's own, and one in which it leads Apache's.
    static let fewUnderTest = unlessAsked([corral, led[0]]) ?? underTest
    /// One in which it leads Apache's.
    static let fewMixedUnderTest = unlessAsked([led[0]]) ?? mixedUnderTest

    private static func unlessAsked(_ few: [Combination]) -> [Combination]? {
        TestEnvironment.string("CORRAL_ENSEMBLES") == nil ? few : nil
    }

    /// The vendors that take part at all.
    static let vendors: [Vendor] = Vendor.allCases.filter { vendor in
        underTest.contains { $0.participants.contains(vendor) }
    }

    /// Its servers, running, the leader leading.
    func start(observers: [Vendor] = [], settings: [String: String] = [:]) throws -> EnsembleHarness {
        let ensemble = EnsembleHarness(participants, observers: observers, settings: settings)
        try ensemble.start(leader: leader)
        return ensemble
    }
}
