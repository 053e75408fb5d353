import Testing
import Zab

/// Without a mistake nothing may be found wrong; with it something must be, or the test could not fail.
func expect(
    _ problems: [String], found isMistaken: Bool, sourceLocation: SourceLocation = #_sourceLocation
) {
    if isMistaken {
        #expect(!problems.isEmpty, "the mistake goes unnoticed", sourceLocation: sourceLocation)
    } else {
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))", sourceLocation: sourceLocation)
    }
}

extension Mutations: CustomTestStringConvertible {
    public var testDescription: String {
        let names = Mutations.named.filter { contains($0.mutation) }.map(\.name)
        return names.isEmpty ? "as it is" : names.joined(separator: " and ")
    }
}

/// Situations that several rows of the catalogue begin with.
extension Stage {
    /// Server 3 leads, has `/orphan` on its own disk only, and loses power; the others go on without it.
    func orphanWithServerThree(whileAway: (Stage) throws -> Void) throws {
        try start()
        let client = try connect(to: 3)
        client.wait(client.create("/kept"))
        verdict = { $0.from == 3 && $0.type == .proposal ? .drop : .pass }
        client.create("/orphan")
        settle()
        self[3].kill()
        acknowledged["/orphan"] = .some(nil)
        verdict = { _ in .pass }
        try whileAway(self)
    }

    /// Writes so much over and over that a snapshot at `id` is the shorter way to its state.
    func overwrite(_ client: TestClient, snapshotAt id: ServerID? = nil, bytes: Int = 5000) {
        let text = String(repeating: "x", count: bytes)
        for number in 0..<4 {
            client.wait(client.create("/full\(number)", text))
            for _ in 0..<5 { client.wait(client.set("/full\(number)", text)) }
        }
        guard let id else { return }
        self[id].startSnapshot()
        settle()
    }
}
