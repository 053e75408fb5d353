import TestSupport
import Testing

/// Whose fault a digest mismatch is that an Apache server tells of.
@Suite("Digest mismatches")
struct DigestMismatchTests {
    private let shutDown = "19.0 [QuorumPeer] INFO quorum.CommitProcessor - Shutting down"
    private let exited = "19.1 [CommitProcessor:2] INFO quorum.CommitProcessor - CommitProcessor exited loop!"
    private let looking = "19.2 [QuorumPeer] INFO quorum.QuorumPeer - Peer state changed: looking"
    private let mismatch = "19.3 [CommitProcessor:2] ERROR server.DataTree - First digest mismatch on txn: 72059,303"

    private func told(_ lines: String...) -> [Int] {
        let told = DigestMismatches.told(in: lines.joined(separator: "\n"))
        return [told.withinTerms, told.betweenTerms]
    }

    @Test("while a term ends they are Apache's own, otherwise the leader's")
    func whose() {
        #expect(told("other") == [0, 0])
        #expect(told(mismatch) == [1, 0])
        #expect(told(shutDown, mismatch, exited, mismatch, looking) == [0, 2])
        #expect(told(shutDown, looking, mismatch, exited) == [0, 1])
        #expect(told(shutDown, exited, looking, mismatch) == [1, 0])
        #expect(told(mismatch, shutDown, exited, mismatch, looking, mismatch) == [2, 1])
    }
}
