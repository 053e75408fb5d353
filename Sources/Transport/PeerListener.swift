import CPlatform
import Glibc

/// A listening socket for other servers, which can be switched. Its reactor's owner's.
public final class PeerListener {
    public let address: PeerAddress
    /// The bound port; what the operating system chose if the address asked for 0.
    public let port: UInt16
    fileprivate let key: UInt64
    fileprivate unowned let reactor: Reactor

    fileprivate init(address: PeerAddress, port: UInt16, key: UInt64, reactor: Reactor) {
        self.address = address
        self.port = port
        self.key = key
        self.reactor = reactor
    }

    public var isListening: Bool { reactor.listeners.contains { $0.key == key && $0.isListening } }

    /// Whether connections are taken. While they are not, the port stays bound and whoever connects is refused.
    ///
    /// - Throws: `addressInUse` when another process has begun to listen there meanwhile.
    public func setListening(_ listens: Bool) throws(TransportError) {
        guard let index = reactor.listeners.firstIndex(where: { $0.key == key }) else { return }
        guard reactor.listeners[index].isListening != listens else { return }
        let descriptor = reactor.listeners[index].descriptor
        if listens {
            var code = corral_listen_bound(descriptor, Self.backlog)
            if code == 0 { code = corral_epoll_add(reactor.epoll, descriptor, EPOLLIN.rawValue, key) }
            guard code == 0 else {
                throw Reactor.listenError(errno: -code, bound: corral_bound(), address: address.ip, port: port)
            }
        } else {
            _ = corral_epoll_remove(reactor.epoll, descriptor)
            _ = corral_refuse(descriptor)
        }
        reactor.listeners[index].isListening = listens
    }

    fileprivate static let backlog: Int32 = 128
}

extension Reactor {
    /// Listens for other servers; their connections stay with this reactor and go to its peer handler. Before `run`,
    /// or on the owner's thread.
    ///
    /// - Parameters:
    ///   - address: with port 0, or a wildcard, as one likes.
    ///   - listens: false only makes sure that the port is free; `PeerListener.setListening` begins later.
    public func listen(
        for kind: ConnectionKind, at address: PeerAddress, keepAlive: Bool, listens: Bool = true
    ) throws(TransportError) -> PeerListener {
        precondition(kind != .client, "clients are listened for elsewhere")
        var bound = corral_bound()
        var raw = address.raw
        var code = corral_bind(&raw, keepAlive ? 1 : 0, &bound)
        if code >= 0 {
            // Only listening tells whether somebody else does.
            code = corral_listen_bound(bound.descriptor, PeerListener.backlog)
            if code == 0 {
                code = listens ? 0 : corral_refuse(bound.descriptor)
            }
            if code != 0 { Glibc.close(bound.descriptor) }
        }
        guard code >= 0 else {
            throw Self.listenError(errno: -code, bound: bound, address: address.ip, port: address.port)
        }
        let listener = Listener(
            descriptor: bound.descriptor, port: bound.port, key: nextListenerKey(), kind: kind, isListening: listens)
        if listens {
            let added = corral_epoll_add(epoll, listener.descriptor, EPOLLIN.rawValue, listener.key)
            guard added == 0 else {
                Glibc.close(listener.descriptor)
                throw .system(call: "epoll_ctl", errno: -added)
            }
        }
        listeners.append(listener)
        return PeerListener(address: address, port: bound.port, key: listener.key, reactor: self)
    }
}
