import Jute

/// The version of Zab that LEADERINFO and LearnerInfo name.
public let zabProtocolVersion: Int32 = 0x10000

/// What a learner says of itself in FOLLOWERINFO and OBSERVERINFO.
public struct LearnerInfo: Equatable, Sendable {
    public var serverID: ServerID
    public var protocolVersion: Int32
    /// The version of the learner's member list. Without reconfiguration it is 0; a leader refuses one above its own.
    public var configurationVersion: Int64

    public init(
        serverID: ServerID, protocolVersion: Int32 = zabProtocolVersion, configurationVersion: Int64 = 0
    ) {
        self.serverID = serverID
        self.protocolVersion = protocolVersion
        self.configurationVersion = configurationVersion
    }

    /// Reads a learner's first packet. Shorter forms of older servers (8 bytes, 12 bytes) are read too; one without
    /// a server id is refused.
    public init(from packet: QuorumPacket) throws(QuorumPacketError) {
        guard packet.type == .followerInfo || packet.type == .observerInfo, let data = packet.data, data.count >= 8
        else { throw .badPayload(packet.type) }
        serverID = Int64(bigEndian: data.loadUnaligned(as: Int64.self))
        protocolVersion = data.count >= 12 ? Int32(bigEndian: data.loadUnaligned(fromByteOffset: 8, as: Int32.self)) : 1
        configurationVersion =
            data.count >= 20 ? Int64(bigEndian: data.loadUnaligned(fromByteOffset: 12, as: Int64.self)) : 0
    }
}

extension QuorumPacket {
    /// The protocol version in LEADERINFO.
    public func leaderProtocolVersion() throws(QuorumPacketError) -> Int32 {
        guard type == .leaderInfo, let data, data.count >= 4 else { throw .badPayload(type) }
        return Int32(bigEndian: data.loadUnaligned(as: Int32.self))
    }

    /// The epoch in ACKEPOCH: the learner's current epoch, or nil when it only tells its zxid because it accepted this
    /// very epoch before (-1 on the wire), and so must not be counted.
    public func acknowledgedEpoch() throws(QuorumPacketError) -> Int64? {
        guard type == .ackEpoch, let data, data.count >= 4 else { throw .badPayload(type) }
        let epoch = Int32(bigEndian: data.loadUnaligned(as: Int32.self))
        return epoch == -1 ? nil : Int64(UInt32(bitPattern: epoch))
    }
}

extension WireBuffer {
    /// FOLLOWERINFO or OBSERVERINFO.
    public mutating func appendLearnerInfo(_ info: LearnerInfo, type: PacketType, acceptedEpoch: Int64) {
        precondition(type == .followerInfo || type == .observerInfo)
        let mark = openPacket(type, zxid: Zxid.make(epoch: acceptedEpoch, counter: 0))
        append(int64: info.serverID)
        append(int32: info.protocolVersion)
        append(int64: info.configurationVersion)
        closePacket(mark)
    }

    public mutating func appendLeaderInfo(newEpoch: Int64) {
        let mark = openPacket(.leaderInfo, zxid: Zxid.make(epoch: newEpoch, counter: 0))
        append(int32: zabProtocolVersion)
        closePacket(mark)
    }

    /// - Parameter currentEpoch: nil when the new epoch was accepted before, so that this must not count.
    public mutating func appendAckEpoch(lastZxid: Int64, currentEpoch: Int64?) {
        let mark = openPacket(.ackEpoch, zxid: lastZxid)
        append(int32: currentEpoch.map { Int32(truncatingIfNeeded: $0) } ?? -1)
        closePacket(mark)
    }

    /// - Parameter configuration: `EnsembleConfiguration.text`.
    public mutating func appendNewLeader(epoch: Int64, configuration: UnsafeRawBufferPointer) {
        appendPacket(.newLeader, zxid: Zxid.make(epoch: epoch, counter: 0), data: configuration)
    }

    /// UPTODATE; its zxid is -1 by custom.
    public mutating func appendUpToDate() { appendPacket(.upToDate, zxid: -1) }

    /// SYNC: the answer to the oldest forwarded `sync` of this learner.
    public mutating func appendSync() { appendPacket(.sync, zxid: 0) }

    /// What follows the body of a snapshot: a jute string that proves the sender meant to stop there.
    public mutating func appendSnapshotSignature() { append(string: snapshotSignature) }
}

/// The jute string behind a snapshot sent to a learner, as Apache's servers write and demand it.
public let snapshotSignature = "BenWasHere"
