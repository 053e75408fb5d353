import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Carrying bytes. Runs on the proxy's thread only.
extension PeerProxy {
    func accept(_ listener: Listener) {
        while true {
            var peer = corral_address()
            let descriptor = corral_accept_peer(listener.descriptor, &peer)
            guard descriptor >= 0 else { return }
            _ = corral_prepare_socket(descriptor)
            if cuts.resets(listener.from, listener.to) {
                Self.closeWithReset(descriptor)
                continue
            }
            var rewrite: (own: UInt16, proxied: UInt16)?
            if listener.isElection, let opener = servers.first(where: { $0.id == listener.from }) {
                rewrite = (opener.electionPort, port(from: listener.to, to: listener.from, election: true))
            }
            let connection = ProxyConnection(
                from: listener.from, to: listener.to, targetPort: listener.targetPort, rewrite: rewrite,
                descriptor: descriptor)
            connections[descriptor] = connection
            connectTarget(connection)
            update(connection)
        }
    }

    /// Connects to the server meant, unless the link is cut: then the opener hears nothing until it is healed.
    private func connectTarget(_ connection: ProxyConnection) {
        guard connection.targetSide < 0, !cuts.isSilent(from: connection.from, to: connection.to),
            !cuts.isSilent(from: connection.to, to: connection.from)
        else { return }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else {
            reset(connection)
            return
        }
        _ = corral_prepare_socket(descriptor)
        var address = LoopbackAddress.make(connection.targetPort)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        connection.targetSide = descriptor
        connections[descriptor] = connection
        guard status == 0 || errno == EINPROGRESS else {
            reset(connection)
            return
        }
        connection.isConnecting = true
    }

    /// After a change of cuts.
    func review(_ connection: ProxyConnection) {
        let (from, to) = (connection.from, connection.to)
        if cuts.resets(from, to) {
            reset(connection)
            return
        }
        // A side that broke unnoticed is noticed once its news can travel.
        if (connection.isOpenerDead && !cuts.isSilent(from: from, to: to))
            || (connection.isTargetDead && !cuts.isSilent(from: to, to: from))
        {
            reset(connection)
            return
        }
        connectTarget(connection)
        update(connection)
    }

    func serve(_ connection: ProxyConnection, _ descriptor: Int32, _ events: UInt32) {
        let isOpener = descriptor == connection.openerSide
        if !isOpener, connection.isConnecting {
            guard events & (EPOLLOUT.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 else { return }
            guard corral_connected(descriptor) == 0 else {
                sideBroke(connection, isOpener: false)
                return
            }
            connection.isConnecting = false
        }
        let forwards = !cuts.isSilent(from: connection.from, to: connection.to)
        let backwards = !cuts.isSilent(from: connection.to, to: connection.from)
        if events & EPOLLERR.rawValue != 0 {
            sideBroke(connection, isOpener: isOpener)
            return
        }
        var broken: Bool?
        if forwards, !pump(connection.forward, connection, fromOpener: true, &broken) {
            sideBroke(connection, isOpener: broken!)
            return
        }
        if backwards, !pump(connection.backward, connection, fromOpener: false, &broken) {
            sideBroke(connection, isOpener: broken!)
            return
        }
        if connection.forward.hasShutDown, connection.backward.hasShutDown {
            forget(connection)
        } else {
            update(connection)
        }
    }

    /// Reads, and writes what was read. False when a side broke, which `broken` then names (true: the opener's).
    private func pump(
        _ flow: ProxyFlow, _ connection: ProxyConnection, fromOpener: Bool, _ broken: inout Bool?
    ) -> Bool {
        let source = fromOpener ? connection.openerSide : connection.targetSide
        let sink = fromOpener ? connection.targetSide : connection.openerSide
        let sourceIsDead = fromOpener ? connection.isOpenerDead : connection.isTargetDead
        if source >= 0, !sourceIsDead, !flow.hasEnded, !(connection.isConnecting && !fromOpener) {
            switch flow.fill(from: source) {
            case .some, .none: break
            case .end: flow.hasEnded = true
            case .failed:
                broken = fromOpener
                return false
            }
        }
        guard sink >= 0, !connection.isConnecting else { return true }
        if fromOpener, !connection.passFirstMessage(), !flow.hasEnded { return true }
        let before = flow.bytes.count
        if case .failed = flow.drain(to: sink) {
            broken = !fromOpener
            return false
        }
        addCarried(before - flow.bytes.count)
        if flow.hasEnded, flow.isEmpty, !flow.hasShutDown {
            shutdown(sink, Int32(SHUT_WR))
            flow.hasShutDown = true
        }
        return true
    }

    /// One side is gone. The other learns of it, unless its news cannot travel.
    private func sideBroke(_ connection: ProxyConnection, isOpener: Bool) {
        let isHidden =
            isOpener
            ? cuts.isSilent(from: connection.from, to: connection.to)
            : cuts.isSilent(from: connection.to, to: connection.from)
        guard isHidden else {
            reset(connection)
            return
        }
        if isOpener { connection.isOpenerDead = true } else { connection.isTargetDead = true }
        if connection.isOpenerDead, connection.isTargetDead {
            reset(connection)
        } else {
            update(connection)
        }
    }

    /// Tells epoll what each side waits for; a side that waits for nothing is taken out, or its errors would spin.
    private func update(_ connection: ProxyConnection) {
        guard connections[connection.openerSide] === connection else { return }
        let forwards = !cuts.isSilent(from: connection.from, to: connection.to)
        let backwards = !cuts.isSilent(from: connection.to, to: connection.from)
        var opener: UInt32 = 0
        var target: UInt32 = 0
        if forwards {
            if connection.forward.hasRoom || connection.forward.isEmpty, !connection.forward.hasEnded {
                opener |= EPOLLIN.rawValue
            }
            if !connection.forward.isEmpty, connection.hasRewritten { target |= EPOLLOUT.rawValue }
        }
        if backwards, connection.targetSide >= 0 {
            if connection.backward.hasRoom || connection.backward.isEmpty, !connection.backward.hasEnded {
                target |= EPOLLIN.rawValue
            }
            if !connection.backward.isEmpty { opener |= EPOLLOUT.rawValue }
        }
        if connection.isConnecting { target = EPOLLOUT.rawValue }
        if connection.isOpenerDead { opener = 0 }
        if connection.isTargetDead { target = 0 }
        apply(opener, connection.openerSide, &connection.openerInterest)
        if connection.targetSide >= 0 { apply(target, connection.targetSide, &connection.targetInterest) }
    }

    private func apply(_ interest: UInt32, _ descriptor: Int32, _ last: inout UInt32?) {
        let wanted = interest == 0 ? nil : interest
        guard wanted != last else { return }
        if let wanted {
            let key = Key.descriptor(descriptor)
            _ = last == nil
                ? corral_epoll_add(epoll, descriptor, wanted, key)
                : corral_epoll_modify(epoll, descriptor, wanted, key)
        } else {
            epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
        }
        last = wanted
    }

    private func forget(_ connection: ProxyConnection) {
        for descriptor in [connection.openerSide, connection.targetSide] where descriptor >= 0 {
            connections[descriptor] = nil
            close(descriptor)
        }
    }

    /// Both sides see the connection break at once.
    func reset(_ connection: ProxyConnection) {
        for descriptor in [connection.openerSide, connection.targetSide] where descriptor >= 0 {
            connections[descriptor] = nil
            Self.closeWithReset(descriptor)
        }
    }

    static func closeWithReset(_ descriptor: Int32) {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close(descriptor)
    }
}
