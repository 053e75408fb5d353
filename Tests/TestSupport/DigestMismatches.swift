/// What an Apache server's log tells of transactions whose digest is not the tree's.
///
/// Those between two terms are its own (seen with 3.8.0): at a term's end it replays its log into the tree while its
/// commit processor, which was told to shut down and is not waited for, still applies transactions to the same tree.
/// Applied twice they leave the same tree, and a digest or more compared at the wrong moment.
public struct DigestMismatches: Equatable, Sendable {
    public var withinTerms = 0
    public var betweenTerms = 0

    /// Each run of mismatches counts once, as Apache's servers tell of them.
    public static func told(in log: String) -> DigestMismatches {
        var told = DigestMismatches()
        var awaited: Set<String> = []
        for line in log.split(separator: "\n") {
            awaited = awaited.filter { !line.contains($0) }
            if line.contains("CommitProcessor - Shutting down") {
                awaited = ["CommitProcessor exited loop", "Peer state changed: looking"]
            } else if line.contains("First digest mismatch on txn") {
                if awaited.isEmpty { told.withinTerms += 1 } else { told.betweenTerms += 1 }
            }
        }
        return told
    }
}
