import CPlatform
import Jute
import Synchronization
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs one `Generator` on a thread of its own: opens its sessions, waits for the start, works, keeps the report.
///
/// Shared by the thread and the coordinator. The thread writes `outcome` before it raises `signals.ended`; the
/// coordinator reads it only after `join`.
final class GeneratorThread: @unchecked Sendable {
    private let configuration: RunConfiguration
    private let index: Int
    private let repeatIndex: Int
    private let zipf: AliasTable?
    private let signals: RunSignals
    private var handle = pthread_t()
    private var outcome: Result<GeneratorReport, LoadError> = .failure(.environment("the generator never ran"))

    init(configuration: RunConfiguration, index: Int, repeatIndex: Int, zipf: AliasTable?, signals: RunSignals) {
        self.configuration = configuration
        self.index = index
        self.repeatIndex = repeatIndex
        self.zipf = zipf
        self.signals = signals
    }

    func start() throws(LoadError) {
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<GeneratorThread>.fromOpaque(argument!).takeRetainedValue().main()
                return nil
            }, context)
        guard status == 0 else {
            Unmanaged<GeneratorThread>.fromOpaque(context).release()
            throw .environment("cannot start a generator thread: \(String(cString: strerror(status)))")
        }
    }

    /// Waits for the thread's end and takes what it found.
    func join() -> Result<GeneratorReport, LoadError> {
        pthread_join(handle, nil)
        return outcome
    }

    private func main() {
        do {
            outcome = .success(try work())
        } catch {
            outcome = .failure(error)
            signals.failed.store(true, ordering: .relaxed)
        }
        signals.ended.add(1, ordering: .sequentiallyConsistent)
    }

    /// Connections of this thread: an even share, the first threads one more.
    private var share: Range<Int> {
        let base = configuration.connections / configuration.threads
        let extra = configuration.connections % configuration.threads
        let start = index * base + min(index, extra)
        return start..<start + base + (index < extra ? 1 : 0)
    }

    private func work() throws(LoadError) -> GeneratorReport {
        if index < configuration.pinnedCpus.count {
            let status = corral_pin_thread(Int32(configuration.pinnedCpus[index]))
            guard status == 0 else {
                throw .environment(
                    "cannot pin to CPU \(configuration.pinnedCpus[index]): \(String(cString: strerror(status)))")
            }
        }
        let range = share
        var servers: [ResolvedServer] = []
        if configuration.following != nil {
            for server in configuration.servers { servers.append(try ResolvedServer(server)) }
        }
        var sessions: [OpenedSession] = []
        var lastZxid: [Int64] = []
        do {
            for id in range {
                let server = configuration.servers[id % configuration.servers.count]
                let session = try Handshake.open(server, sessionTimeoutMillis: configuration.sessionTimeoutMillis)
                sessions.append(session)
                lastZxid.append(try Self.synchronize(session, server: server, root: configuration.root))
                Handshake.makeNonBlocking(session.descriptor)
            }
        } catch {
            for session in sessions { close(session.descriptor) }
            throw error
        }
        signals.ready.add(1, ordering: .sequentiallyConsistent)
        while signals.phase == .connecting, !signals.failed.load(ordering: .relaxed) { usleep(1000) }
        var generator = Generator(
            configuration: configuration, thread: index, repeatIndex: repeatIndex, sessions: sessions,
            firstId: range.lowerBound, lastZxid: lastZxid, servers: servers, zipf: zipf, signals: signals)
        if signals.phase != .connecting { generator.run() }
        return generator.makeReport()
    }

    /// `sync` on the workload's root, so that a follower shows what the set-up wrote. Returns the reply's zxid.
    private static func synchronize(
        _ session: OpenedSession, server: ServerAddress, root: String
    ) throws(LoadError) -> Int64 {
        let pathBytes = root.utf8.count
        var request = WireBuffer()
        request.append(int32: Int32(12 + pathBytes))
        request.append(int32: 0)
        request.append(int32: OpCode.sync.rawValue)
        request.append(string: root)
        try Handshake.writeAll(session.descriptor, request.bytes, server: server)
        var reply = [UInt8](repeating: 0, count: 20 + 4 + pathBytes)
        let got = reply.withUnsafeMutableBytes { Handshake.readAll(session.descriptor, $0) }
        func integer(_ offset: Int, _ count: Int) -> Int64 {
            reply[offset..<offset + count].reduce(0) { $0 << 8 | Int64($1) }
        }
        guard got == reply.count, integer(0, 4) == reply.count - 4, integer(4, 4) == 0, integer(16, 4) == 0 else {
            throw .connection("\(server) did not answer 'sync \(root)' as a ZooKeeper server does")
        }
        return integer(8, 8)
    }
}
