import CPlatform
import Foundation
import RequestQueue
import Transport

/// Host names of other servers as addresses, looked up on threads of their own so that no turn waits for a resolver.
///
/// The owner's thread only; `Lookup` alone crosses threads, and carries its result to the owner through a queue.
final class ResolvedHosts {
    /// One question, and its answer once it is in the queue. Not touched by the asking thread in between.
    private final class Lookup: @unchecked Sendable {
        let host: String
        var addresses: [PeerAddress] = []
        var failure = ""
        init(_ host: String) { self.host = host }
    }

    /// What is known of a host. Addresses have port 0.
    enum State {
        case unknown
        case known([PeerAddress])
        case failed(String)
    }

    private let answers: BatchQueue<Lookup>
    private var states: [String: State] = [:]
    private var pending: Set<String> = []
    /// Hosts whose addresses did not lead anywhere, to be looked up again when next asked for.
    private var stale: Set<String> = []
    /// When each answer came, CLOCK_MONOTONIC.
    private var answeredNanos: [String: UInt64] = [:]
    private static let distrustedAfterNanos: UInt64 = 1_000_000_000

    init(wakeUp: WakeUp, hosts: Int) {
        // One question per host is under way at most.
        answers = BatchQueue(capacity: max(64, hosts * 2), wakeUp: wakeUp)
    }

    var inboxIsEmpty: Bool { answers.isEmpty }

    /// What is known now. Begins a look-up if nothing is, or if what is has been reported stale; an old answer serves
    /// meanwhile.
    func state(of host: String) -> State {
        if let numeric = PeerAddress(numeric: host, port: 0) { return .known([numeric]) }
        let state = states[host] ?? .unknown
        if stale.remove(host) != nil || state.isUnknown { lookUp(host) }
        return state
    }

    /// The addresses of a host, or its name, led nowhere. An answer of the last second is trusted all the same.
    func distrust(_ host: String) {
        guard let answered = answeredNanos[host] else { return }
        if corral_monotonic_nanos() >= answered + Self.distrustedAfterNanos { stale.insert(host) }
    }

    /// Takes the answers in; their hosts.
    func takeAnswers() -> [String] {
        var hosts: [String] = []
        _ = answers.popAll { lookup in
            pending.remove(lookup.host)
            hosts.append(lookup.host)
            answeredNanos[lookup.host] = corral_monotonic_nanos()
            if !lookup.addresses.isEmpty {
                states[lookup.host] = .known(lookup.addresses)
            } else if case .known = states[lookup.host] {
                // The resolver is away; the addresses it gave last may still be right.
            } else {
                states[lookup.host] = .failed(lookup.failure)
            }
        }
        return hosts
    }

    private func lookUp(_ host: String) {
        guard pending.insert(host).inserted else { return }
        let lookup = Lookup(host)
        let answers = answers
        NamedThread.start("corral-resolver") {
            do throws(TransportError) {
                lookup.addresses = try PeerAddress.resolve(host: host, port: 0)
            } catch {
                lookup.failure = "\(error)"
            }
            _ = answers.tryPush(lookup)
        }
    }
}

extension ResolvedHosts.State {
    var isUnknown: Bool {
        if case .unknown = self { true } else { false }
    }
}
