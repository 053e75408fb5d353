/// Why a server must not start on what it found on the disk. The description names the file and what to do.
public enum RecoveryError: Error, Equatable, Sendable, CustomStringConvertible {
    case disk(DiskError)
    /// Transactions without any snapshot to apply them to.
    case logWithoutSnapshot(logDirectory: String, snapshotDirectory: String)
    /// There are snapshots, none of them usable.
    case noValidSnapshot(directory: String, reasons: [String])
    case notALog(path: String)
    /// Bytes that were once written are unreadable, and transactions that were acknowledged follow.
    case corrupt(path: String, offset: Int, what: String, next: String)
    /// A transaction's zxid is not above the one before it.
    case outOfOrder(path: String, offset: Int, zxid: Int64, previous: Int64)
    /// Transactions between two that are there are not.
    case missingTransactions(path: String, offset: Int, after: Int64, next: Int64)
    /// A snapshot is damaged, and neither an older one nor the log has all that it held.
    case lostSnapshot(path: String, snapshotZxid: Int64, lastZxid: Int64)
    /// What is on the disk ends before what this server knows was acknowledged.
    case missingCommitted(directory: String, lastZxid: Int64, committedZxid: Int64)
    /// The server's state refused a transaction.
    case rejected(path: String, offset: Int, zxid: Int64, why: String)

    public var description: String {
        switch self {
        case .disk(let error):
            return "\(error)"
        case .logWithoutSnapshot(let logs, let snapshots):
            return "\(logs) holds transaction logs, but \(snapshots) holds no snapshot: transactions may be missing. "
                + "Check that dataDir and dataLogDir are right and restore the snapshot. Only to take over the data "
                + "of a server older than 3.5.3, set snapshot.trust.empty=true for one start"
        case .noValidSnapshot(let directory, let reasons):
            return "no usable snapshot in \(directory): \(reasons.joined(separator: "; ")). "
                + "Restore one from a backup or another server"
        case .notALog(let path):
            return "\(path) is named like a transaction log but does not start as one. "
                + "Restore it from a backup, or move it away if it never belonged here"
        case .corrupt(let path, let offset, let what, let next):
            return "\(path) is corrupt at byte \(offset): \(what), and \(next). Not starting, because acknowledged "
                + "transactions would be lost. Restore the file from a backup, or empty this server's data "
                + "directories so that it copies the data from its ensemble; to accept the loss of everything from "
                + "there on, cut the file with `truncate -s \(offset) \(path)` and move later log files away"
        case .outOfOrder(let path, let offset, let zxid, let previous):
            return "\(path), byte \(offset): zxid 0x\(DataFileName.hexadecimal(zxid)) follows "
                + "0x\(DataFileName.hexadecimal(previous)). The logs of two servers may be mixed in this directory: "
                + "move away the files that do not belong here"
        case .missingTransactions(let path, let offset, let after, let next):
            return "\(path), byte \(offset): zxid 0x\(DataFileName.hexadecimal(next)) follows "
                + "0x\(DataFileName.hexadecimal(after)): the transactions between are missing. Restore the missing "
                + "log file or a newer snapshot"
        case .lostSnapshot(let path, let snapshotZxid, let lastZxid):
            return "\(path) is damaged, and the older snapshots and logs lack transactions after zxid "
                + "0x\(DataFileName.hexadecimal(lastZxid)) that it held, up to "
                + "0x\(DataFileName.hexadecimal(snapshotZxid)). Restore it, or empty this server's data directories so "
                + "that it copies the data from its ensemble"
        case .missingCommitted(let directory, let lastZxid, let committedZxid):
            return "\(directory) and its logs end at zxid 0x\(DataFileName.hexadecimal(lastZxid)), but transactions up "
                + "to 0x\(DataFileName.hexadecimal(committedZxid)) were acknowledged (\(DataFileName.epochRecord)). Were "
                + "the files restored from an older copy? Not starting, because this server could elect itself or "
                + "another without them. Restore the newer files, or empty this server's data directories so that it "
                + "copies the data from its ensemble"
        case .rejected(let path, let offset, let zxid, let why):
            return "\(path), byte \(offset): transaction 0x\(DataFileName.hexadecimal(zxid)) cannot be applied: \(why)"
        }
    }
}

/// Something worth one line in the server's log, though recovery went on.
public enum RecoveryNotice: Equatable, Sendable, CustomStringConvertible {
    case invalidSnapshot(SnapshotError)
    case loadedSnapshot(path: String, bytes: Int)
    /// The log's end was not written completely; nothing in it had been acknowledged.
    case cutTornTail(path: String, offset: Int, bytes: Int, what: String)
    /// A segment without transactions, left by a crash at its creation.
    case removedEmptyLog(path: String)
    case removedUnfinishedFile(path: String)
    /// A snapshot received from a leader had begun to replace everything when the server ended; now it has.
    case resumedReplacement(zxid: Int64)
    /// A damaged segment end that the next segment continues without a gap.
    case harmlessDamage(path: String, offset: Int, what: String)
    case trustedEmptySnapshot
    case replayed(transactions: Int, lastZxid: Int64)

    public var description: String {
        switch self {
        case .invalidSnapshot(let error):
            "Skipping an unusable snapshot: \(error)"
        case .loadedSnapshot(let path, let bytes):
            "Loaded snapshot \(path), \(bytes) bytes"
        case .cutTornTail(let path, let offset, let bytes, let what):
            "Cut the torn end of \(path) at byte \(offset), \(bytes) bytes: \(what); nothing there was acknowledged"
        case .removedEmptyLog(let path):
            "Removed \(path): a log without transactions, left by a crash"
        case .removedUnfinishedFile(let path):
            "Removed the unfinished file \(path)"
        case .resumedReplacement(let zxid):
            "Finished replacing everything with the snapshot received at zxid 0x\(DataFileName.hexadecimal(zxid))"
        case .harmlessDamage(let path, let offset, let what):
            "\(path) ends at byte \(offset) with an unfinished record (\(what)); the next log continues without a gap"
        case .trustedEmptySnapshot:
            "No snapshot found, but log entries: trusting them because snapshot.trust.empty is set"
        case .replayed(let transactions, let lastZxid):
            "Replayed \(transactions) transactions up to zxid 0x\(DataFileName.hexadecimal(lastZxid))"
        }
    }
}
