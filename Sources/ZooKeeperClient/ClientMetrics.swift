import CoreMetrics

/// What a client counts, under `zookeeper_client_…` with the client's label, by way of swift-metrics.
final class ClientMetrics: Sendable {
    let requests: Counter
    let replies: Counter
    let refusals: Counter
    let timeouts: Counter
    let connections: Counter
    let connectionLosses: Counter
    let expirations: Counter
    let watchEvents: Counter
    let receivedBytes: Counter
    let sentBytes: Counter
    /// From submission to reply.
    let latency: CoreMetrics.Timer

    /// Shared by all clients without a label; made when the first of them is.
    static let unlabelled = ClientMetrics(label: nil)

    /// - Parameter label: the dimension `client`; nil for none.
    init(label: String?) {
        let dimensions = label.map { [("client", $0)] } ?? []
        func counter(_ name: String) -> Counter {
            Counter(label: "zookeeper_client_\(name)", dimensions: dimensions)
        }
        requests = counter("requests_total")
        replies = counter("replies_total")
        refusals = counter("refusals_total")
        timeouts = counter("timeouts_total")
        connections = counter("connections_total")
        connectionLosses = counter("connection_losses_total")
        expirations = counter("expirations_total")
        watchEvents = counter("watch_events_total")
        receivedBytes = counter("received_bytes_total")
        sentBytes = counter("sent_bytes_total")
        latency = CoreMetrics.Timer(label: "zookeeper_client_latency", dimensions: dimensions)
    }

    func replied(error: Int32, nanos: Int64) {
        replies.increment()
        if error != 0 { refusals.increment() }
        latency.recordNanoseconds(nanos)
    }
}
