import Jute

/// Why a message from the election port was dropped. The connection may live on.
public enum ElectionNotificationError: Error, Equatable, Sendable, CustomStringConvertible {
    case tooShort(Int)
    case unknownState(Int32)
    /// The member list's length does not fit the message.
    case badConfigurationLength(Int32)

    public var description: String {
        switch self {
        case .tooShort(let count): "an election message of \(count) bytes is no message"
        case .unknownState(let state): "an election message names the state \(state), which does not exist"
        case .badConfigurationLength(let length): "an election message claims a member list of \(length) bytes"
        }
    }
}

/// One server's opinion in leader election, as it travels on the election port.
public struct ElectionNotification: Equatable, Sendable {
    public var state: PeerState
    /// The server it votes for or follows.
    public var leader: ServerID
    /// The last zxid of that server's history, as far as the sender knows.
    public var zxid: Int64
    /// The round of election, counted by every server and carried on by the highest (Apache's logical clock).
    public var electionEpoch: Int64
    /// The current epoch of the server voted for; of an established leader, the epoch it leads.
    public var peerEpoch: Int64
    /// The form it was received in: 0 without version (28 or 40 bytes), 1 without member list, 2 as Apache 3.5 and
    /// later send it. Corral always sends 2.
    public var version: Int32

    public init(
        state: PeerState, leader: ServerID, zxid: Int64, electionEpoch: Int64, peerEpoch: Int64,
        version: Int32 = currentVersion
    ) {
        self.state = state
        self.leader = leader
        self.zxid = zxid
        self.electionEpoch = electionEpoch
        self.peerEpoch = peerEpoch
        self.version = version
    }

    public static let currentVersion: Int32 = 2
    /// Apache reads no longer message from the election port.
    public static let maximumLength = 512 << 10

    /// Reads a message without its length prefix. The sender's member list, if any, is handed out as a view.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ElectionNotificationError) -> (notification: Self, configuration: UnsafeRawBufferPointer?) {
        guard bytes.count >= 28 else { throw .tooShort(bytes.count) }
        let rawState = Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))
        guard let state = PeerState(rawValue: rawState) else { throw .unknownState(rawState) }
        func int64(_ offset: Int) -> Int64 {
            Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        }
        func int32(_ offset: Int) -> Int32 {
            Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        }
        var notification = Self(
            state: state, leader: int64(4), zxid: int64(12), electionEpoch: int64(20), peerEpoch: 0, version: 0)
        if bytes.count == 28 {
            notification.peerEpoch = Zxid.epoch(of: notification.zxid)
            return (notification, nil)
        }
        guard bytes.count >= 36 else { throw .tooShort(bytes.count) }
        notification.peerEpoch = int64(28)
        if bytes.count == 40 { return (notification, nil) }
        guard bytes.count >= 40 else { throw .tooShort(bytes.count) }
        notification.version = int32(36)
        guard notification.version > 1 else { return (notification, nil) }
        guard bytes.count >= 44 else { throw .tooShort(bytes.count) }
        let length = int32(40)
        guard length >= 0, Int(length) <= bytes.count - 44 else { throw .badConfigurationLength(length) }
        return (notification, UnsafeRawBufferPointer(rebasing: bytes[44..<44 + Int(length)]))
    }

    /// The message in its newest form, without a length prefix.
    ///
    /// - Parameter configuration: `EnsembleConfiguration.text`. It must not be empty: a receiver set up to refuse an
    ///   ensemble without members loses the thread that reads votes.
    public func encoded(configuration: [UInt8]) -> [UInt8] {
        precondition(!configuration.isEmpty)
        var buffer = WireBuffer(capacity: 44 + configuration.count)
        buffer.append(int32: state.rawValue)
        buffer.append(int64: leader)
        buffer.append(int64: zxid)
        buffer.append(int64: electionEpoch)
        buffer.append(int64: peerEpoch)
        buffer.append(int32: Self.currentVersion)
        configuration.withUnsafeBytes { buffer.append(buffer: $0) }
        return [UInt8](buffer.bytes)
    }
}
