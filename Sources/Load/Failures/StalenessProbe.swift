import CPlatform
import Jute
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One read of the probe.
struct StalenessSample: Equatable, Sendable {
    /// Of the server that was read, from 1.
    var server: Int
    /// When it was sent, on the monotonic clock.
    var sentNanos: UInt64
    /// How long before that the first write was acknowledged that it does not show; 0 when it shows all.
    var behindNanos: UInt64
    /// How far the server's last transaction was behind the newest one acknowledged before the read was sent; nil when
    /// a leader had changed between them.
    var behindZxids: Int64?
}

/// How far reads were behind acknowledged writes, in one stretch of a run.
///
/// A read is behind when a write that had been acknowledged before the read was sent does not show in it. It is at
/// least as old as that write's acknowledgement; the probe's writes are some tens of milliseconds apart, so that much
/// may be missing.
public struct StalenessFigure: Codable, Equatable, Sendable {
    public var reads: Int
    public var readsBehind: Int
    /// Over all reads.
    public var p99Millis: Double
    public var longestMillis: Double
    /// The largest distance to the newest acknowledged transaction, within one leader's time.
    public var mostZxids: Int64
    /// The longest time by server, in the order of ids; nil for a server that was not read.
    public var longestMillisByServer: [Double?]

    init?(_ samples: [StalenessSample], servers: Int) {
        guard !samples.isEmpty else { return nil }
        let millis = samples.map { Double($0.behindNanos) / 1e6 }.sorted()
        reads = samples.count
        readsBehind = samples.count { $0.behindNanos > 0 }
        p99Millis = millis[min(millis.count - 1, Int(0.99 * Double(millis.count)))]
        longestMillis = millis.last!
        mostZxids = samples.compactMap(\.behindZxids).max() ?? 0
        longestMillisByServer = (1...servers).map { server in
            samples.filter { $0.server == server }.map { Double($0.behindNanos) / 1e6 }.max()
        }
    }
}

/// The probe's acknowledged writes.
struct AcknowledgedWrites: Sendable {
    struct Write: Equatable, Sendable {
        var sequence: UInt64
        var acknowledgedNanos: UInt64
        var zxid: Int64
    }

    private(set) var writes: [Write] = []

    mutating func add(_ write: Write) { writes.append(write) }
    var newest: Write? { writes.last }

    /// The first one behind a sequence number.
    func first(after sequence: UInt64) -> Write? {
        var (low, high) = (0, writes.count)
        while low < high {
            let middle = (low + high) / 2
            if writes[middle].sequence > sequence { high = middle } else { low = middle + 1 }
        }
        return low < writes.count ? writes[low] : nil
    }

    /// - Parameters:
    ///   - newest: what was acknowledged last when the read was sent.
    ///   - shown: the sequence number that was read.
    ///   - zxid: of the read's reply: the last transaction that the server had applied.
    func sample(server: Int, sentNanos: UInt64, newest: Write, shown: UInt64, zxid: Int64) -> StalenessSample {
        let missing = first(after: shown)
        // Both: a write whose connection broke may show after a later one, which then is there all the same.
        let isBehind = shown < newest.sequence && zxid < newest.zxid && missing != nil
        let sameEpoch = newest.zxid >> 32 == zxid >> 32
        return StalenessSample(
            server: server, sentNanos: sentNanos,
            behindNanos: isBehind ? max(1, sentNanos - min(sentNanos, missing!.acknowledgedNanos)) : 0,
            behindZxids: sameEpoch ? max(0, newest.zxid - zxid) : (isBehind ? nil : 0))
    }
}

/// One session writes, one on each server reads: how far servers are behind what was acknowledged.
///
/// Shared by its threads; what they share lies under `shared`. Threads end within some seconds of `stop`, which must be
/// called once.
final class StalenessProbe: @unchecked Sendable {
    private struct Shared {
        var writes = AcknowledgedWrites()
        var samples: [StalenessSample] = []
    }

    static let path = "/corral-staleness"
    /// Between a session's requests.
    private static let pauseMicros: UInt32 = 20_000

    private let servers: [ServerAddress]
    private let shared = Mutex(Shared())
    private let isStopping = Atomic<Bool>(false)
    private let running = Atomic<Int>(0)

    /// Makes the znode and starts the threads.
    init(_ servers: [ServerAddress]) throws(LoadError) {
        self.servers = servers
        let client = try ControlClient.first(of: servers)
        try client.create(1) { _ in (Self.path, Self.bytes(0)) }
        for index in 0...servers.count { try spawn(index) }
    }

    /// Ends the threads, as far as they can be waited for, and takes what they found.
    func stop() -> [StalenessSample] {
        isStopping.store(true, ordering: .relaxed)
        let deadline = Clock.seconds + Handshake.deadlineSeconds + 2
        while running.load(ordering: .acquiring) > 0, Clock.seconds < deadline { usleep(5000) }
        return shared.withLock { $0.samples }.sorted { $0.sentNanos < $1.sentNanos }
    }

    private static func bytes(_ sequence: UInt64) -> [UInt8] {
        withUnsafeBytes(of: sequence.bigEndian) { [UInt8]($0) }
    }

    private func spawn(_ index: Int) throws(LoadError) {
        running.add(1, ordering: .relaxed)
        do {
            try PlainThread.start {
                if index == 0 { self.write() } else { self.read(index) }
                self.running.subtract(1, ordering: .releasing)
            }
        } catch {
            running.subtract(1, ordering: .relaxed)
            isStopping.store(true, ordering: .relaxed)
            throw error
        }
    }

    private var goesOn: Bool { !isStopping.load(ordering: .relaxed) }

    /// Writes numbers that grow, through any server.
    private func write() {
        var client: ControlClient?
        var place = 0
        var sequence: UInt64 = 1
        while goesOn {
            do throws(LoadError) {
                if client == nil { client = try ControlClient(servers[place]) }
                let session = client!
                session.queueSet(Self.path, value: Self.bytes(sequence))
                // An unknown outcome leaves a number out, so that no number means two writes.
                let number = sequence
                sequence += 1
                try session.flush { (_, reply) throws(LoadError) in
                    guard reply.code == 0 else { throw .connection("the probe's write failed") }
                    self.shared.withLock {
                        $0.writes.add(
                            .init(
                                sequence: number, acknowledgedNanos: corral_monotonic_nanos(), zxid: reply.zxid))
                    }
                }
            } catch {
                client = nil
                place = (place + 1) % servers.count
            }
            usleep(Self.pauseMicros)
        }
    }

    private func read(_ server: Int) {
        var client: ControlClient?
        while goesOn {
            do throws(LoadError) {
                if client == nil { client = try ControlClient(servers[server - 1]) }
                let session = client!
                session.queueData(Self.path)
                let newest = shared.withLock { $0.writes.newest }
                let sent = corral_monotonic_nanos()
                try session.flush { (_, reply) throws(LoadError) in
                    guard reply.code == 0, reply.body.count >= 12 else {
                        throw .connection("the probe's read failed")
                    }
                    let shown = reply.body[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    guard let newest else { return }
                    self.shared.withLock {
                        $0.samples.append(
                            $0.writes.sample(
                                server: server, sentNanos: sent, newest: newest, shown: shown, zxid: reply.zxid))
                    }
                }
            } catch {
                client = nil
            }
            usleep(Self.pauseMicros)
        }
    }
}
