import ZooKeeperProtocol

/// How long a server's process is busy with its work, by role and operation. It does nothing else meanwhile: what
/// arrives waits in the order of its arrival.
public struct ServiceCosts: Equatable, Sendable {
    /// Of each transaction, on the leader: taking, making, proposing, logging, applying and answering it.
    public var leaderWriteNanos: Double
    /// Of each transaction, on each follower.
    public var followerWriteNanos: Double
    /// Of each read, on the server that is asked.
    public var readNanos: Double

    public init(leaderWriteNanos: Double, followerWriteNanos: Double, readNanos: Double) {
        self.leaderWriteNanos = leaderWriteNanos
        self.followerWriteNanos = followerWriteNanos
        self.readNanos = readNanos
    }

    /// Charged as a whole when a transaction goes to the log, which it does once on every server.
    func ofWrites(_ count: Int, isLeader: Bool) -> UInt64 {
        UInt64(Double(count) * (isLeader ? leaderWriteNanos : followerWriteNanos))
    }

    /// Charged when requests are taken.
    ///
    /// - Parameter frames: whole requests, as a front takes them.
    func ofReads(in frames: UnsafeRawBufferPointer) -> UInt64 {
        var reads = 0
        var offset = 0
        while offset + 12 <= frames.count {
            let length = Int(Int32(bigEndian: frames.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
            guard length >= 0 else { break }
            let opcode = Int32(bigEndian: frames.loadUnaligned(fromByteOffset: offset + 8, as: Int32.self))
            if opcode == OpCode.getData.rawValue { reads += 1 }
            offset += 4 + length
        }
        return UInt64(Double(reads) * readNanos)
    }
}
