import Logging

/// Log lines about other servers' faults, each once and then no more often than once a minute, because a misconfigured
/// server tries again for ever. The owner's thread only.
final class Complaints {
    private let logger: Logger
    private var lastNanos: [String: UInt64] = [:]
    private static let pauseNanos: UInt64 = 60_000_000_000
    private static let maximumKept = 256

    init(logger: Logger) { self.logger = logger }

    /// - Parameters:
    ///   - text: what is wrong and what to do, without what differs each time.
    ///   - peer: where it comes from, without a port that differs each time.
    func warn(_ text: String, peer: String, nowNanos: UInt64) {
        let key = "\(peer) \(text)"
        if let last = lastNanos[key], nowNanos < last + Self.pauseNanos { return }
        if lastNanos.count >= Self.maximumKept {
            lastNanos = lastNanos.filter { nowNanos < $0.value + Self.pauseNanos }
            // So many different complaints within a minute are somebody's attempt to fill the log.
            if lastNanos.count >= Self.maximumKept { return }
        }
        lastNanos[key] = nowNanos
        logger.warning("\(text)", metadata: ["peer": "\(peer)"])
    }

    func note(_ text: String, metadata: Logger.Metadata) { logger.info("\(text)", metadata: metadata) }
}
