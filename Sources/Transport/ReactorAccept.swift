import CPlatform
import Glibc
import RequestQueue
import Synchronization

/// A bound socket. Level-triggered: what one turn does not accept, the next is told of again.
struct Listener {
    let descriptor: Int32
    let port: UInt16
    let key: UInt64
    let kind: ConnectionKind
    /// False while connections are refused.
    var isListening = true
}

/// A connected socket on its way from one reactor to another.
final class AdoptedSocket: Sendable {
    let descriptor: Int32
    let peer: PeerAddress
    let localPort: UInt16
    let kind: ConnectionKind

    init(descriptor: Int32, peer: PeerAddress, localPort: UInt16, kind: ConnectionKind = .client) {
        self.descriptor = descriptor
        self.peer = peer
        self.localPort = localPort
        self.kind = kind
    }
}

/// Listening, accepting, and handing over.
extension Reactor {
    /// Listens on an address. Before `run`, or on the owner's thread.
    ///
    /// - Parameters:
    ///   - address: a numeric address or a host name; nil listens on all addresses, IPv6 and IPv4.
    ///   - port: 0 lets the operating system choose.
    /// - Returns: the port.
    @discardableResult
    public func listen(address: String?, port: UInt16, backlog: Int32 = 1024) throws(TransportError) -> UInt16 {
        var bound = corral_bound()
        let keepAlive: Int32 = options.keepAlive ? 1 : 0
        let code =
            if let address {
                address.withCString { corral_listen($0, port, backlog, keepAlive, &bound) }
            } else {
                corral_listen(nil, port, backlog, keepAlive, &bound)
            }
        guard code >= 0 else {
            throw Self.listenError(errno: -code, bound: bound, address: address ?? "all addresses", port: port)
        }
        let listener = Listener(
            descriptor: bound.descriptor, port: bound.port, key: nextListenerKey(), kind: .client)
        let added = corral_epoll_add(epoll, listener.descriptor, EPOLLIN.rawValue, listener.key)
        guard added == 0 else {
            Glibc.close(listener.descriptor)
            throw .system(call: "epoll_ctl", errno: -added)
        }
        listeners.append(listener)
        return bound.port
    }

    /// Throws what `listen` would throw now, and listens no longer than it takes to find out.
    public static func requirePort(address: String?, port: UInt16) throws(TransportError) {
        var bound = corral_bound()
        let code =
            if let address {
                address.withCString { corral_listen($0, port, 1, 0, &bound) }
            } else {
                corral_listen(nil, port, 1, 0, &bound)
            }
        guard code >= 0 else {
            throw listenError(errno: -code, bound: bound, address: address ?? "all addresses", port: port)
        }
        Glibc.close(bound.descriptor)
    }

    static func listenError(
        errno code: Int32, bound: corral_bound, address: String, port: UInt16
    ) -> TransportError {
        let step = bound.failed_step.map { String(cString: $0) } ?? "listen"
        if step == "resolve" {
            return .unknownAddress(
                address: address, detail: String(cString: corral_resolve_message(bound.resolve_code)))
        }
        switch code {
        case EADDRINUSE: return .addressInUse(address: address, port: port)
        case EADDRNOTAVAIL: return .addressNotAvailable(address: address, port: port)
        case EACCES, EPERM: return .permissionDenied(address: address, port: port)
        case EMFILE, ENFILE: return .tooManyOpenFiles
        default: return .system(call: step, errno: code)
        }
    }

    /// Accepted sockets go to these reactors and to this one in turn. Before `run`.
    public func shareAccepted(among others: [Reactor]) {
        precondition(!others.contains { $0 === self }, "the reactor itself always takes its turn")
        acceptTargets = others
    }

    /// Takes over a connected socket from elsewhere. From any thread.
    ///
    /// - Returns: false when too many wait already; the socket stays the caller's.
    public func adopt(descriptor: Int32) throws(TransportError) -> Bool {
        let code = corral_prepare_socket(descriptor)
        guard code == 0 else { throw .system(call: "fcntl", errno: -code) }
        var peer = corral_address()
        var local = corral_address()
        corral_peer_address(descriptor, &peer)
        corral_local_address(descriptor, &local)
        return adopted.tryPush(
            AdoptedSocket(descriptor: descriptor, peer: PeerAddress(peer), localPort: local.port))
    }

    func acceptAll() {
        for listener in listeners where listener.isListening {
            for _ in 0..<options.acceptsPerTurn {
                guard acceptAgainNanos == nil, acceptOne(from: listener) else { break }
            }
        }
    }

    /// - Returns: whether there may be more.
    private func acceptOne(from listener: Listener) -> Bool {
        var peer = corral_address()
        let descriptor = corral_accept_peer(listener.descriptor, &peer)
        guard descriptor >= 0 else {
            switch -descriptor {
            case EAGAIN:
                return false
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                pauseAccepting(errno: -descriptor)
                return false
            default:
                // The connection failed before it was accepted; others may wait behind it.
                return true
            }
        }
        let socket = AdoptedSocket(
            descriptor: descriptor, peer: PeerAddress(peer), localPort: listener.port, kind: listener.kind)
        guard listener.kind == .client else {
            // Peers stay with the core's thread.
            admit(socket)
            return true
        }
        let target = nextAcceptTarget
        nextAcceptTarget = target >= acceptTargets.count ? 0 : target + 1
        if target >= acceptTargets.count || !acceptTargets[target].adopted.tryPush(socket) { admit(socket) }
        return true
    }

    /// Makes a connection of a socket.
    func admit(_ socket: AdoptedSocket) {
        let (id, generation) = connections.reserve()
        let connection = Connection(
            id: id, generation: generation, descriptor: socket.descriptor, peer: socket.peer,
            localPort: socket.localPort, reactor: self, kind: socket.kind)
        connections.insert(connection)
        let isClient = socket.kind == .client
        guard corral_epoll_add(epoll, socket.descriptor, Self.everyEvent, connection.key) == 0,
            (isClient ? handler.accepted(connection) : peerHandler!.accepted(connection)) || connection.state != .open
        else {
            connection.releaseBuffers()
            connection.state = .closed
            Glibc.close(socket.descriptor)
            connections.remove(connection)
            return
        }
        if isClient { openCount.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Without a free descriptor the listening sockets would stay readable and the loop would spin.
    private func pauseAccepting(errno code: Int32) {
        for listener in listeners where listener.isListening {
            _ = corral_epoll_modify(epoll, listener.descriptor, 0, listener.key)
        }
        acceptAgainNanos = nowNanos + UInt64(options.acceptRetryMillis) * 1_000_000
        let error: TransportError =
            code == EMFILE || code == ENFILE ? .tooManyOpenFiles : .system(call: "accept", errno: code)
        handler.acceptingPaused(error)
    }

    func resumeAcceptingIfDue() {
        guard let due = acceptAgainNanos, nowNanos >= due else { return }
        acceptAgainNanos = nil
        for listener in listeners where listener.isListening {
            _ = corral_epoll_modify(epoll, listener.descriptor, EPOLLIN.rawValue, listener.key)
        }
    }

    var listensForClients: Bool { listeners.contains { $0.kind == .client } }

    func closeListeners(ofClients: Bool) {
        listeners.removeAll { listener in
            guard (listener.kind == .client) == ofClients else { return false }
            Glibc.close(listener.descriptor)
            return true
        }
        if listeners.isEmpty { acceptAgainNanos = nil }
    }

    func nextListenerKey() -> UInt64 {
        let key = (listeners.map(\.key).max() ?? Self.firstListenerKey - 1) + 1
        precondition(key < Self.wakeUpKey, "too many listening sockets")
        return key
    }
}
