import ServerCore
import TxnLog
import Zab

/// What a packet says of its sender's disk.
struct Promise: Equatable {
    var acceptedEpoch: Int64 = 0
    var currentEpoch: Int64 = 0
    var zxid: Int64 = 0

    init() {}

    /// - Parameters:
    ///   - epochNamed: the epoch that the leader has named on this connection.
    ///   - mark: the last transaction that the leader sent before NEWLEADER.
    init(_ said: Said, epochNamed: Int64, mark: Int64) {
        switch said.type {
        case .leaderInfo: acceptedEpoch = Zxid.epoch(of: said.zxid)
        case .newLeader: currentEpoch = Zxid.epoch(of: said.zxid)
        case .ackEpoch: acceptedEpoch = epochNamed
        case .ack where said.isEpochStart:
            currentEpoch = Zxid.epoch(of: said.zxid)
            zxid = mark
        case .ack: zxid = said.zxid
        default: break
        }
    }

    /// How a disk, after a power failure, does not keep it; nil when it does.
    func broken(by disk: MemoryDisk) -> String? {
        guard let found = try? RecoveredState.load(disk) else { return "its disk could not be read" }
        if found.epochs.accepted < acceptedEpoch {
            return "its disk has accepted epoch \(found.epochs.accepted) only"
        }
        if found.epochs.current < currentEpoch { return "its disk has current epoch \(found.epochs.current) only" }
        if found.zxid < zxid { return "its disk ends at 0x\(String(found.zxid, radix: 16))" }
        return nil
    }
}
