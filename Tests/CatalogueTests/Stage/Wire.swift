import Jute
import Zab

@testable import ServerCore

/// A packet of the quorum port, as it was said.
struct Said: CustomStringConvertible {
    var from: ServerID
    var to: ServerID
    var type: PacketType
    var zxid: Int64
    var data: [UInt8]

    var isEpochStart: Bool { Zxid.counter(of: zxid) == 0 }

    var description: String { "\(from) to \(to): \(type) 0x\(String(zxid, radix: 16))" }
}

/// One end of a connection between a leader and a learner: what its owner has said and the other has not heard.
final class WireEnd: PeerLink {
    enum Piece {
        case packet(Said, [UInt8])
        /// Part of a snapshot.
        case raw([UInt8])
    }

    let owner: Member
    private let life: Int
    private(set) weak var other: WireEnd?
    /// Under which the leader knows a learner; nil at the learner's end.
    var name: LinkID?
    private(set) var pieces: [Piece] = []
    private var unparsed: [UInt8] = []
    private var isInSnapshot = false
    /// Delivered here and not used yet.
    var inbox: [UInt8] = []
    private(set) var isClosed = false
    private(set) var isPaused = false
    private(set) var wantsRoom = false

    // What has been said on the connection, for the monitors; kept at the leader's end.
    /// The epoch that LEADERINFO named.
    var namedEpoch: Int64 = 0
    /// The last transaction before NEWLEADER, and before what was said last.
    var markZxid: Int64 = 0
    var lastSaidZxid: Int64 = 0

    private init(_ owner: Member) {
        self.owner = owner
        life = owner.life
    }

    static func pair(_ learner: Member, _ leader: Member) -> (learner: WireEnd, leader: WireEnd) {
        let ends = (WireEnd(learner), WireEnd(leader))
        ends.0.other = ends.1
        ends.1.other = ends.0
        return ends
    }

    var isOwnerThere: Bool { owner.isRunning && owner.life == life }

    // MARK: the owner's side

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOwnerThere else { return }
        guard !isClosed else { return owner.stage.complain("server \(owner.id) speaks on a closed connection") }
        unparsed += bytes
        parse()
    }

    private func parse() {
        let signature = [0, 0, 0, UInt8(snapshotSignature.utf8.count)] + Array(snapshotSignature.utf8)
        while !unparsed.isEmpty {
            if isInSnapshot {
                guard let end = unparsed.firstRange(of: signature)?.upperBound else {
                    let count = max(0, unparsed.count - signature.count)
                    if count > 0 { pieces.append(.raw(Array(unparsed[..<count]))) }
                    unparsed.removeFirst(count)
                    return
                }
                pieces.append(.raw(Array(unparsed[..<end])))
                unparsed.removeFirst(end)
                isInSnapshot = false
                continue
            }
            let said: Said? = unparsed.withUnsafeBytes { bytes in
                guard case .packet(let packet)? = try? QuorumPacket.parse(bytes) else { return nil }
                length = packet.length
                return Said(
                    from: owner.id, to: other?.owner.id ?? 0, type: packet.type, zxid: packet.zxid,
                    data: packet.data.map { Array($0) } ?? [])
            }
            guard let said else { return }
            pieces.append(.packet(said, Array(unparsed[..<length])))
            unparsed.removeFirst(length)
            isInSnapshot = said.type == .snap
            owner.stage.heard(said, from: self)
        }
    }

    private var length = 0

    var unsentBytes: Int {
        let bytes = pieces.reduce(0) { sum, piece in
            switch piece {
            case .packet(_, let bytes), .raw(let bytes): sum + bytes.count
            }
        }
        return max(0, bytes - owner.stage.windowBytes)
    }

    func notifyWhenDrained() { wantsRoom = true }

    /// Whether the owner is to be told that there is room.
    func takeWantsRoom() -> Bool {
        guard wantsRoom, unsentBytes == 0 else { return false }
        wantsRoom = false
        return true
    }

    func pauseReading() { isPaused = true }
    func resumeReading() { isPaused = false }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        owner.stage.closed(self)
    }

    var peerDescription: String { "server \(other?.owner.id ?? 0)" }

    // MARK: the other's side

    /// What is next for the other end; nil when the test holds it.
    func next(_ verdict: (Said) -> Verdict) -> [UInt8]? {
        while let piece = pieces.first {
            guard case .packet(let said, let bytes) = piece else {
                guard case .raw(let bytes) = piece, !owner.stage.holdsSnapshotBytes else { return nil }
                pieces.removeFirst()
                return bytes
            }
            switch verdict(said) {
            case .hold: return nil
            case .drop: pieces.removeFirst()
            case .garble:
                pieces.removeFirst()
                var packet = WireBuffer()
                said.data.prefix(20).withUnsafeBufferPointer {
                    packet.appendPacket(said.type, zxid: said.zxid, data: UnsafeRawBufferPointer($0))
                }
                return Array(packet.bytes)
            case .pass:
                pieces.removeFirst()
                return bytes
            }
        }
        return nil
    }

    /// The connection is broken: nothing more is heard.
    func cut() {
        isClosed = true
        pieces.removeAll()
    }
}

/// What becomes of a packet.
enum Verdict {
    case pass
    /// It waits, and what is behind it.
    case hold
    /// Its data is cut short.
    case garble
    /// It is lost.
    case drop
}
