import CPlatform
import Foundation
import Glibc
import Logging
import RequestQueue
import ServerCore
import TestSupport
import Testing
import Transport
import Zab

@testable import Server

/// What one server's network has told, readable by the test's thread.
struct Told {
    var messages: [(from: ServerID, bytes: [UInt8])] = []
    var linksUp: [ServerID] = []
    var linksDown: [ServerID] = []
    var learners = 0
    var leaders: [ServerID] = []
    var failures: [(server: ServerID, reason: String)] = []
    var received: [UInt8] = []
    var receivedCount = 0
    var closed: [String] = []
    var problems: [(server: ServerID, problem: ReplicationProblem)] = []
    var inOrder: [ServerID] = []
    var turnedAway = 0
    var drained = 0
    /// When things happened, CLOCK_MONOTONIC.
    var closedNanos: [UInt64] = []
}

/// Log lines, kept.
struct KeptLog: LogHandler {
    let lines: LockedValue<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

/// Clients do not exist here; jobs from the test's thread do.
final class Jobs: ReactorHandler, @unchecked Sendable {
    final class Job: @unchecked Sendable {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    private(set) var inbox: BatchQueue<Job>!
    let turns = LockedValue(0)

    func attach(_ reactor: Reactor) { inbox = BatchQueue(capacity: 1024, wakeUp: reactor.wakeUp) }
    func turnWillBegin() { turns.withLock { $0 += 1 } }
    func drainInbox() { _ = inbox.popAll { $0.body() } }
    var inboxIsEmpty: Bool { inbox.isEmpty }
    func accepted(_ connection: Connection) -> Bool { false }
    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int { bytes.count }
    func closed(_ connection: Connection, reason: CloseReason) {}
    func turnDidEnd() {}
    func tick(nowNanos: UInt64) {}
}

/// The network side of one server, on a thread of its own, under a replica that only remembers.
///
/// Everything not behind a lock belongs to the reactor's thread once it runs.
final class NetworkUnderTest: PeerEvents, @unchecked Sendable {
    let id: ServerID
    let reactor: Reactor
    private(set) var bridge: PeerBridge!
    let told = LockedValue(Told())
    let logLines = LockedValue<[String]>([])
    private let jobs = Jobs()
    private var thread: Thread?
    private let ended = DispatchSemaphore(value: 0)
    /// How a link's bytes are consumed.
    var consume: (UnsafeRawBufferPointer, any PeerLink) -> Int = { bytes, _ in bytes.count }
    var keepsReceived = true
    var onLinkUp: (ServerID) -> Void = { _ in }
    var onLearner: (any PeerLink) -> Void = { _ in }
    var links: [any PeerLink] = []

    init(_ settings: PeerSettings, options: ReactorOptions = ReactorOptions()) throws {
        id = settings.ownID
        reactor = try Reactor(handler: jobs, options: options)
        jobs.attach(reactor)
        let lines = logLines
        let logger = Logger(label: "test") { _ in KeptLog(lines: lines) }
        bridge = try PeerBridge.attach(to: reactor, settings: settings, logger: logger)
        bridge.events = self
    }

    /// An ensemble on the loopback whose ports the operating system chose.
    static func ensemble(
        _ ids: [ServerID], options: ReactorOptions = ReactorOptions(),
        adjust: (inout PeerSettings) -> Void = { _ in }
    ) throws -> [NetworkUnderTest] {
        let blank = ids.map { server($0, quorumPort: 0, electionPort: 0) }
        let networks = try ids.map { id in
            var settings = PeerSettings(ownID: id, servers: blank)
            adjust(&settings)
            return try NetworkUnderTest(settings, options: options)
        }
        let lines = networks.map(\.line)
        for network in networks {
            network.bridge.setServers(lines)
            network.start()
        }
        return networks
    }

    var electionPort: UInt16 { bridge.election.boundPorts[0] }
    var quorumPort: UInt16 { bridge.quorum.boundPorts[0] }
    var line: Server.EnsembleConfiguration.Member {
        server(id, quorumPort: Int(quorumPort), electionPort: Int(electionPort))
    }

    func start() {
        let thread = Thread { [self] in
            reactor.run()
            ended.signal()
        }
        self.thread = thread
        thread.start()
    }

    func stop() {
        guard thread != nil else { return }
        thread = nil
        reactor.stop()
        ended.wait()
        bridge.events = nil
        reactor.peerHandler = nil
    }

    /// Runs something on the reactor's thread, and waits for it.
    func perform<Result>(_ body: @escaping (NetworkUnderTest) -> Result) -> Result {
        nonisolated(unsafe) var result: Result?
        let done = DispatchSemaphore(value: 0)
        let job = Jobs.Job {
            result = body(self)
            done.signal()
        }
        while !jobs.inbox.tryPush(job) { sched_yield() }
        done.wait()
        return result!
    }

    func send(_ text: String, to server: ServerID) {
        perform { $0.bridge.sendElectionMessage(Array(text.utf8), to: server) }
    }

    var seen: Told { told.withLock { $0 } }
    var turns: Int { jobs.turns.withLock { $0 } }

    /// Whether a message has come, within a time.
    func hears(_ text: String, from server: ServerID, within seconds: Double = 20) -> Bool {
        eventually(within: seconds) {
            told.withLock { $0.messages.contains { $0.from == server && $0.bytes == Array(text.utf8) } }
        }
    }

    /// The first problem of a server that it tells of, within a time.
    func problem(of server: ServerID, within seconds: Double = 20) -> ReplicationProblem? {
        _ = eventually(within: seconds) { seen.problems.contains { $0.server == server } }
        return seen.problems.first { $0.server == server }?.problem
    }

    func logs(_ part: String, within seconds: Double = 20) -> Bool {
        eventually(within: seconds) { logLines.withLock { $0.contains { $0.contains(part) } } }
    }

    // MARK: PeerEvents

    func electionMessage(_ bytes: UnsafeRawBufferPointer, from server: ServerID) {
        let copy = Array(bytes)
        told.withLock { $0.messages.append((server, copy)) }
    }

    func electionLinkDown(_ server: ServerID) { told.withLock { $0.linksDown.append(server) } }

    func electionLinkUp(_ server: ServerID) {
        told.withLock { $0.linksUp.append(server) }
        onLinkUp(server)
    }

    func peerProblem(_ problem: ReplicationProblem, of server: ServerID) {
        told.withLock { $0.problems.append((server, problem)) }
    }

    func peerInOrder(_ server: ServerID) { told.withLock { $0.inOrder.append(server) } }

    func learnerConnected(_ link: any PeerLink) {
        links.append(link)
        told.withLock { $0.learners += 1 }
        onLearner(link)
    }

    func linkReceived(_ bytes: UnsafeRawBufferPointer, from link: any PeerLink) -> Int {
        let count = consume(bytes, link)
        let copy = keepsReceived ? Array(bytes.prefix(count)) : []
        told.withLock {
            $0.received += copy
            $0.receivedCount += count
        }
        return count
    }

    func linkClosed(_ link: any PeerLink, reason: String) {
        links.removeAll { $0 === link }
        told.withLock {
            $0.closed.append(reason)
            $0.closedNanos.append(corral_monotonic_nanos())
        }
    }

    func linkDrained(_ link: any PeerLink) { told.withLock { $0.drained += 1 } }

    func leaderConnected(_ link: any PeerLink, to server: ServerID) {
        links.append(link)
        told.withLock { $0.leaders.append(server) }
    }

    func leaderTurnedAway(_ link: any PeerLink) {
        linkClosed(link, reason: "turned away")
        told.withLock { $0.turnedAway += 1 }
    }

    func leaderConnectFailed(_ server: ServerID, reason: String) {
        told.withLock { $0.failures.append((server, reason)) }
    }
}

/// A line of the member list.
func server(
    _ id: ServerID, host: String = "127.0.0.1", quorumPort: Int, electionPort: Int
) -> Server.EnsembleConfiguration.Member {
    Server.EnsembleConfiguration.Member(
        id: id,
        addresses: [ServerSpecification.Address(host: host, quorumPort: quorumPort, electionPort: electionPort)],
        role: .participant)
}

/// The first bytes on an election connection, written out by hand.
func openingBytes(version: Int64 = -65536, id: Int64, addresses: String) -> [UInt8] {
    bigEndian(version) + bigEndian(id) + bigEndian(Int32(addresses.utf8.count)) + Array(addresses.utf8)
}

/// An election message as it travels.
func framed(_ text: String) -> [UInt8] { bigEndian(Int32(text.utf8.count)) + Array(text.utf8) }

func bigEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// A listening socket that does nothing by itself.
final class Listening {
    let descriptor: Int32
    let port: Int

    init(port: Int = 0) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, raw, &size) == 0
            }
        }
        try #require(code, "cannot listen: \(errno)")
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { Glibc.close(descriptor) }

    /// The next connection, with a limit on every read; nil when none comes in time.
    func accept(within seconds: Double = 20) -> Accepted? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(seconds * 1000)) > 0 else { return nil }
        let accepted = Glibc.accept(descriptor, nil, nil)
        return accepted >= 0 ? Accepted(descriptor: accepted) : nil
    }
}

/// What a `Listening` has accepted.
final class Accepted {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    private var isClosed = false

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    /// Exactly so many bytes, or fewer when the stream ends.
    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let received = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress! + filled, count - filled, 0)
            }
            if received <= 0 { break }
            filled += received
        }
        return Array(bytes[..<filled])
    }

    func send(_ bytes: [UInt8]) {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
        #expect(count == bytes.count)
    }

    var seesEnd: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) <= 0
    }
}
