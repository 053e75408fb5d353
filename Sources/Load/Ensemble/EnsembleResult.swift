/// What was measured on one ensemble.
public struct EnsembleResult<Figure: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
    public var description: ServerDescription
    public var figures: [Figure]
    /// Rules that replies broke, connections that were lost although nobody took them away, and what else of the
    /// servers makes all figures void; empty in a good run.
    public var violations: [String]

    public init(description: ServerDescription, figures: [Figure] = [], violations: [String] = []) {
        self.description = description
        self.figures = figures
        self.violations = violations
    }
}
