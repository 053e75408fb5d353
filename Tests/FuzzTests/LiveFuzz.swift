import Foundation
import TestSupport
import Testing

/// Damaged frames over sockets: clients that count the replies to theirs, and clients that do not care, whose frames
/// lie about their lengths and whose replies stay unread. One thread.
struct LiveFuzz {
    private struct Attacker {
        let client: ProtocolClient
        let countsReplies: Bool
    }

    private let port: Int
    private var mutator: Mutator
    private let handshakeSeeds: [Corpus.Seed]
    private var attackers: [Attacker] = []
    private(set) var sent = 0
    private(set) var replies = 0
    private(set) var closes = 0
    private(set) var problems: [String] = []

    init(port: Int, seed: UInt64) throws {
        self.port = port
        let corpus = try Corpus.load()
        mutator = Mutator(seed: seed, seeds: corpus.requests)
        handshakeSeeds = corpus.handshakes
        let client = try ProtocolClient(port: port)
        for path in Corpus.znodes { try client.create(path) }
        try client.close()
    }

    /// Ten frames or so on one of the connections.
    mutating func burst() throws {
        while attackers.count < 6 {
            if mutator.random.chance(20) { try damagedHandshake() }
            attackers.append(
                Attacker(
                    client: try ProtocolClient(port: port, timeoutMillis: 4000),
                    countsReplies: attackers.filter(\.countsReplies).count < 3))
        }
        let index = Int.random(in: 0..<attackers.count, using: &mutator.random)
        let attacker = attackers[index]
        let stays = try attacker.countsReplies ? countedBurst(attacker.client) : carelessBurst(attacker.client)
        if !stays { closes += 1 }
        if !stays || mutator.random.chance(5) {
            if mutator.random.chance(50) { attacker.client.drop() } else { attacker.client.socket.disconnect() }
            attackers.remove(at: index)
        }
    }

    mutating func end() {
        for attacker in attackers { attacker.client.drop() }
        attackers = []
    }

    /// Whole frames, then all replies to them; false when the server hung up instead.
    private mutating func countedBurst(_ client: ProtocolClient) throws -> Bool {
        let requests = (0..<Int.random(in: 1...20, using: &mutator.random)).map { _ in mutator.request() }
        let expected = ExpectedReplies(to: requests)
        sent += requests.count
        do { try client.socket.send(requests.flatMap(ProtocolClient.framed)) } catch { return false }
        var frames: [[UInt8]] = []
        var answered = 0
        var hasEnded = false
        do {
            while answered < expected.count {
                guard let frame = try client.readFrame(within: 15) else {
                    hasEnded = true
                    break
                }
                frames.append(frame)
                if !ExpectedReplies.isNotification(frame) { answered += 1 }
            }
        } catch SocketError.timedOut {
            // The problem found below.
        } catch {
            // Hung up with input unread.
            hasEnded = true
        }
        replies += answered
        if let problem = expected.problem(with: frames, hasEnded: hasEnded) {
            problems.append(problem)
            let text = requests.map { $0.map { String($0, radix: 16) }.joined(separator: " ") }
            Issue.record("\(problem); requests \(text)")
        }
        return !hasEnded
    }

    /// Frames whose replies may stay unread, so that the server meets a full socket as well.
    private mutating func carelessBurst(_ client: ProtocolClient) throws -> Bool {
        // Short: what follows a frame that ends the connection is never looked at.
        let bytes = (0..<10).flatMap { _ in mutator.frame() }
        sent += 10
        try? client.socket.send(bytes, within: 0.2)
        if mutator.random.chance(70) { client.socket.discardInput() }
        return !client.socket.isAtEnd
    }

    private mutating func damagedHandshake() throws {
        let socket = try Socket(port: port)
        var bytes = ProtocolClient.framed(mutator.mutated(mutator.random.pick(handshakeSeeds).payload))
        if mutator.random.chance(30) { bytes = mutator.mutated(bytes) }
        try socket.send(bytes)
        if mutator.random.chance(50) { _ = socket.waitForInput(seconds: 0.05) }
        socket.disconnect()
    }
}
