import CPlatform
import ServerCore

/// Makes a server slower by a known amount, to test the tools that are to find it: busy time for each read and each
/// transaction, spent once a turn. Of reactor 0's thread. A server without the settings has none of these.
struct InjectedWork {
    private let readNanos: UInt64
    private let writeNanos: UInt64
    private var reads: UInt64
    private var lastZxid: Int64
    /// Nanoseconds owed. Below a turn's clock readings, waiting for more costs less than paying.
    private var debtNanos: UInt64 = 0
    private static let leastNanos: UInt64 = 1000

    /// - Returns: nil when nothing is to be injected.
    init?(_ configuration: ServerConfiguration, front: Front, core: Core) {
        guard configuration.testReadSpinNanos > 0 || configuration.testWriteSpinNanos > 0 else { return nil }
        readNanos = UInt64(configuration.testReadSpinNanos)
        writeNanos = UInt64(configuration.testWriteSpinNanos)
        reads = front.statistics.readLatency.count
        lastZxid = core.lastZxid
    }

    mutating func turnDidEnd(front: Front, core: Core) {
        let nowReads = front.statistics.readLatency.count
        let nowZxid = core.lastZxid
        // Statistics may have been reset, and a leader's epoch begins at a zxid far ahead: neither is work.
        if nowReads > reads { debtNanos += (nowReads - reads) * readNanos }
        if nowZxid > lastZxid, nowZxid >> 32 == lastZxid >> 32 {
            debtNanos += UInt64(nowZxid - lastZxid) * writeNanos
        }
        reads = nowReads
        lastZxid = nowZxid
        guard debtNanos >= Self.leastNanos else { return }
        let end = corral_monotonic_nanos() + debtNanos
        debtNanos = 0
        while corral_monotonic_nanos() < end {}
    }
}
