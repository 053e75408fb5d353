import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Stands between the servers of an ensemble: each reaches each other's quorum and election port through a port of its
/// own here, so that any link can be cut, either way, and healed, without rights the system gives only to root.
///
/// Shared between its thread and whoever cuts: the thread owns listeners and connections; `wanted` and `inForce` are
/// how the other talks to it. A cut is in force when `cut` returns.
public final class PeerProxy: @unchecked Sendable {
    public struct Server: Sendable {
        public var id: Int
        public var quorumPort: UInt16
        public var electionPort: UInt16

        public init(id: Int, quorumPort: UInt16, electionPort: UInt16) {
            self.id = id
            self.quorumPort = quorumPort
            self.electionPort = electionPort
        }
    }

    struct Listener {
        let from: Int
        let to: Int
        let targetPort: UInt16
        let isElection: Bool
        let descriptor: Int32
        let port: UInt16
    }

    private struct Wanted {
        var cuts: LinkCuts
        var generation = 0
        var ends = false
    }

    let servers: [Server]
    let listeners: [Listener]
    private let wanted: Mutex<Wanted>
    private let inForce = Atomic<Int>(0)
    private let hasEnded = Atomic<Bool>(false)
    private let wakeUp: Int32
    private var handle = pthread_t()
    private let forwardedBytes = Atomic<UInt64>(0)
    // Owned by the thread.
    let epoll: Int32
    var cuts: LinkCuts
    var connections: [Int32: ProxyConnection] = [:]

    /// Opens a listener for every ordered pair and starts the thread.
    init(_ servers: [Server], ports: inout PortPicker) throws(LoadError) {
        self.servers = servers
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUp = corral_eventfd()
        cuts = LinkCuts(servers: servers.count)
        wanted = Mutex(Wanted(cuts: cuts))
        var listeners: [Listener] = []
        for from in servers {
            for to in servers where to.id != from.id {
                for isElection in [false, true] {
                    let port = try ports.next()
                    var bound = corral_bound()
                    guard corral_listen("127.0.0.1", port, 128, 0, &bound) >= 0 else {
                        for listener in listeners { close(listener.descriptor) }
                        close(epoll)
                        close(wakeUp)
                        throw .environment("the proxy cannot listen on port \(port)")
                    }
                    listeners.append(
                        Listener(
                            from: from.id, to: to.id, targetPort: isElection ? to.electionPort : to.quorumPort,
                            isElection: isElection, descriptor: bound.descriptor, port: port))
                }
            }
        }
        self.listeners = listeners
        for (index, listener) in listeners.enumerated() {
            _ = corral_epoll_add(epoll, listener.descriptor, EPOLLIN.rawValue, Key.listener(index))
        }
        _ = corral_epoll_add(epoll, wakeUp, EPOLLIN.rawValue, Key.wakeUp)
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<PeerProxy>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, context)
        guard status == 0 else {
            Unmanaged<PeerProxy>.fromOpaque(context).release()
            throw .environment("cannot start the proxy's thread: \(String(cString: strerror(status)))")
        }
    }

    /// The port on which `from` reaches `to`.
    func port(from: Int, to: Int, election: Bool) -> UInt16 {
        listeners.first { $0.from == from && $0.to == to && $0.isElection == election }!.port
    }

    /// Bytes carried so far.
    public var carriedBytes: UInt64 { forwardedBytes.load(ordering: .relaxed) }

    /// Puts cuts in force in place of the present ones; returns when they are.
    public func cut(_ cuts: LinkCuts) {
        precondition(cuts.servers == servers.count)
        let generation = wanted.withLock { wanted in
            wanted.cuts = cuts
            wanted.generation += 1
            return wanted.generation
        }
        signalThread()
        while inForce.load(ordering: .acquiring) < generation, !hasEnded.load(ordering: .acquiring) { usleep(200) }
    }

    public func heal() { cut(LinkCuts(servers: servers.count)) }

    /// Closes everything and ends the thread. Call once.
    func stop() {
        wanted.withLock { $0.ends = true }
        signalThread()
        pthread_join(handle, nil)
        close(epoll)
        close(wakeUp)
    }

    private func signalThread() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    // MARK: The thread

    /// What an event belongs to: the high half says of what kind.
    enum Key {
        static let wakeUp: UInt64 = 0
        static func listener(_ index: Int) -> UInt64 { 1 << 32 | UInt64(index) }
        static func descriptor(_ descriptor: Int32) -> UInt64 { 2 << 32 | UInt64(UInt32(descriptor)) }
    }

    private func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: 256)
        defer { events.deallocate() }
        while true {
            let count = epoll_wait(epoll, events, 256, -1)
            for index in 0..<max(0, Int(count)) {
                let event = events[index]
                let place = Int(event.data.u64 & 0xffff_ffff)
                switch event.data.u64 >> 32 {
                case 0:
                    var value: UInt64 = 0
                    _ = read(wakeUp, &value, 8)
                    if obey() { return }
                case 1: accept(listeners[place])
                default:
                    // Gone when an earlier event of this batch closed it.
                    if let connection = connections[Int32(place)] {
                        serve(connection, Int32(place), event.events)
                    }
                }
            }
        }
    }

    /// Takes new orders; true when they are to end.
    private func obey() -> Bool {
        let orders = wanted.withLock { $0 }
        if orders.ends {
            for connection in Set(connections.values.map(ObjectIdentifier.init)).compactMap({ id in
                connections.values.first { ObjectIdentifier($0) == id }
            }) { reset(connection) }
            for listener in listeners { close(listener.descriptor) }
            hasEnded.store(true, ordering: .releasing)
            return true
        }
        cuts = orders.cuts
        var seen: Set<ObjectIdentifier> = []
        for connection in connections.values where seen.insert(ObjectIdentifier(connection)).inserted {
            review(connection)
        }
        inForce.store(orders.generation, ordering: .releasing)
        return false
    }

    func addCarried(_ count: Int) { forwardedBytes.add(UInt64(count), ordering: .relaxed) }
}
