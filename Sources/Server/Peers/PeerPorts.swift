import Glibc
import Logging
import Transport

/// The listening sockets of one of a server's two ports for its peers.
struct PeerPorts {
    private(set) var listeners: [PeerListener] = []
    /// The port bound for each address of the own server line.
    private(set) var ports: [UInt16] = []

    /// Binds where the own server line says. Looks host names up, which may block.
    ///
    /// - Parameter listens: false binds only, and refuses connections until `setListening`.
    init(
        _ kind: ConnectionKind, settings: PeerSettings, reactor: Reactor, listens: Bool, logger: Logger
    ) throws(ServerStartError) {
        guard let own = settings.ownServer else {
            throw .cannotStart("myid is \(settings.ownID), but the configuration has no server.\(settings.ownID)")
        }
        let name = kind == .election ? "election" : "quorum"
        var attempts = 1
        for address in own.addresses {
            let wanted = UInt16(clamping: kind == .election ? address.electionPort : address.quorumPort)
            while true {
                do throws(TransportError) {
                    let bound = try Self.bind(
                        kind, host: settings.listensOnAllAddresses ? nil : address.host, port: wanted,
                        taken: listeners, reactor: reactor, keepAlive: settings.keepAlive, listens: listens)
                    listeners += bound.new
                    ports.append(bound.port)
                    break
                } catch {
                    let text = "the \(name) port of server.\(settings.ownID): \(Self.advice(error, settings))"
                    guard case .addressInUse = error else { throw .cannotStart(text) }
                    guard settings.bindAttempts == 0 || attempts < settings.bindAttempts else {
                        throw .portTaken(text)
                    }
                    attempts += 1
                    logger.warning("trying again to listen in a second", metadata: ["reason": "\(text)"])
                    usleep(1_000_000)
                }
            }
        }
    }

    private static func advice(_ error: TransportError, _ settings: PeerSettings) -> String {
        guard case .addressNotAvailable(let address, let port) = error else { return "\(error)" }
        return "cannot listen on \(address) port \(port): this machine has no such address. Is myid "
            + "(\(settings.ownID)) right? If it is, and the address is translated, set quorumListenOnAllIPs=true"
    }

    /// One address of the server line; a host name may stand for several.
    private static func bind(
        _ kind: ConnectionKind, host: String?, port: UInt16, taken: [PeerListener], reactor: Reactor,
        keepAlive: Bool, listens: Bool
    ) throws(TransportError) -> (new: [PeerListener], port: UInt16) {
        let addresses =
            if let host { try PeerAddress.resolve(host: host, port: port) } else { Self.wildcards(port) }
        var new: [PeerListener] = []
        var failure: TransportError?
        for address in addresses {
            let port = new.first?.port ?? port
            if port != 0, let same = taken.first(where: { $0.address.ip == address.ip && $0.port == port }) {
                return (new, same.port)
            }
            do throws(TransportError) {
                new.append(
                    try reactor.listen(
                        for: kind, at: address.with(port: port), keepAlive: keepAlive, listens: listens))
                // The IPv6 wildcard takes IPv4 too.
                if host == nil { break }
            } catch {
                switch error {
                case .addressNotAvailable, .system: failure = failure ?? error
                default: throw error
                }
            }
        }
        guard let first = new.first else { throw failure! }
        return (new, first.port)
    }

    private static func wildcards(_ port: UInt16) -> [PeerAddress] {
        [PeerAddress(numeric: "::", port: port)!, PeerAddress(numeric: "0.0.0.0", port: port)!]
    }

    /// - Throws: the first failure; the other sockets are switched all the same.
    func setListening(_ listens: Bool) throws(TransportError) {
        var failure: TransportError?
        for listener in listeners {
            do throws(TransportError) { try listener.setListening(listens) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}
