import Jute
import TxnLog
import Zab

/// A leader's side of one learner's connection: what it has been sent, and what is next on its one ordered channel.
final class LearnerLink {
    /// Where the stream stands.
    enum Stage {
        /// Epochs are being agreed on.
        case discovery
        case snapshot(any SnapshotStream)
        /// Committed transactions, up to where NEWLEADER is due.
        case history
        /// NEWLEADER has been sent. Nothing follows until it has been acknowledged: a COMMIT in between, for a proposal
        /// before, ends a follower older than 3.9.3 (ZOOKEEPER-4394).
        case newLeaderSent
        /// UPTODATE has been sent; what happened meanwhile follows.
        case catchUp
        /// Every proposal and commit goes out as it is made.
        case live
    }

    /// How a learner that is not up to date yet is brought there.
    enum Sync { case snapshot, transactions }

    let id: LinkID
    let link: any PeerLink
    var serverID: ServerID?
    var isObserver = false
    var stage = Stage.discovery
    /// Nil before and after.
    var sync: Sync?
    /// The last transaction the learner has been sent, or has of its own.
    var position: Int64 = 0
    /// The log being read for it, when it is further behind than what is kept in memory.
    var history: (any TxnHistory)?
    /// Whether it has been sent a slice since it was last known to have taken all.
    var hasBeenFed = false
    /// All that was given to the connection, and how much of it that had taken when it was last looked at.
    private(set) var sentBytes = 0
    var takenBytesSeen = 0
    /// To be sent at the end of the turn, in order with everything else.
    var output = WireBuffer()
    /// Pings sent and answered, and which of the sent ones serve a round.
    var pingsSent = 0
    var pingsAnswered = 0
    var rounds: [(ping: Int, round: Int)] = []
    /// The last round this learner has answered.
    var answeredRound = 0
    /// The identities of the last request and what they were decoded from: most requests carry the same.
    var identityBytes: [UInt8] = []
    var credentials = Credentials.none

    init(id: LinkID, link: any PeerLink) {
        self.id = id
        self.link = link
    }

    var isLive: Bool { if case .live = stage { true } else { false } }

    /// Whether its position is that of a history which it is being sent.
    var isCatchingUp: Bool {
        switch stage {
        case .discovery, .live: false
        case .snapshot, .history, .newLeaderSent, .catchUp: true
        }
    }

    /// Syncs answered while it catches up: the commits that their answers follow, and stand before the next one of.
    var deferredSyncs: [Int64] = []

    /// Everything but proposals and snapshots goes through here.
    func flush() {
        guard !output.isEmpty else { return }
        link.send(output.bytes)
        sentBytes += output.count
        output.removeAll()
    }

    func close() {
        if case .snapshot(let stream) = stage { stream.close() }
        history?.close()
        history = nil
        link.close()
    }
}

/// A batch as PROPOSAL packets: sent to every follower, kept until it is applied for those that join meanwhile.
final class Proposals {
    var packets = WireBuffer()
}
