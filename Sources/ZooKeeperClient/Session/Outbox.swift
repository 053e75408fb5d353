import Jute
import NIOConcurrencyHelpers
import ZooKeeperProtocol

/// Requests that were submitted and not sent yet, already in wire form: filled by any thread, emptied by the event loop
/// in batches. All state is under the lock, which is held for the encoding of one request at most.
///
/// While there is no connection, requests wait here.
final class Outbox: @unchecked Sendable {
    enum Submission {
        /// - wakes: nobody has been sent to empty the outbox yet; the caller does it.
        case queued(wakes: Bool)
        case refused(ZooKeeperError.Reason)
        /// A watch on the path is under way.
        case unwanted
    }

    private let lock = NIOLock()
    private var buffer = WireBuffer()
    private var requests: [OutstandingRequest] = []
    private var lastXid: Int32 = 0
    /// Whether somebody is on the way to empty the outbox.
    private var isWoken = false
    private var sealed: ZooKeeperError.Reason?
    /// Requests that set watches and are not settled, by server's path.
    private var watchesUnderWay: [PathKey: Int] = [:]

    private let maximumRequestBytes: Int
    private let maximumUnsentBytes: Int

    init(maximumRequestBytes: Int, maximumUnsentBytes: Int) {
        self.maximumRequestBytes = maximumRequestBytes
        self.maximumUnsentBytes = maximumUnsentBytes
    }

    /// Gives a request its xid and its place in the order.
    ///
    /// - Parameters:
    ///   - isLast: nothing is accepted behind it.
    ///   - path: a server's path; the request is not wanted while another is under way that sets a watch there.
    ///   - fill: writes what follows the header.
    func submit(
        _ request: OutstandingRequest, isLast: Bool = false, unlessExpecting path: String? = nil,
        _ fill: (inout WireBuffer) -> Void
    ) -> Submission {
        lock.withLock {
            if let sealed { return .refused(sealed) }
            if let path, watchesUnderWay[PathKey(path)] != nil { return .unwanted }
            let start = buffer.count
            guard start < maximumUnsentBytes else { return .refused(.overloaded) }
            let xid = request.credential == nil ? nextXid() : ReservedXid.auth
            buffer.append(int32: 0)
            buffer.append(xid: xid, request.operation)
            fill(&buffer)
            let frameBytes = buffer.count - start
            guard frameBytes - 4 <= maximumRequestBytes else {
                buffer.truncate(to: start)
                return .refused(.requestTooLarge(bytes: frameBytes - 4, limitBytes: maximumRequestBytes))
            }
            buffer.patch(int32: Int32(frameBytes - 4), at: start)
            request.xid = xid
            request.frameBytes = frameBytes
            requests.append(request)
            if isLast { sealed = .closed }
            defer { isWoken = true }
            return .queued(wakes: !isWoken)
        }
    }

    /// Positive numbers, over and over.
    private func nextXid() -> Int32 {
        lastXid = lastXid == Int32.max ? 1 : lastXid + 1
        return lastXid
    }

    // MARK: In the event loop

    /// Swaps what waits with two empty ones of the caller's.
    func take(_ bytes: inout WireBuffer, _ taken: inout [OutstandingRequest]) {
        precondition(bytes.isEmpty && taken.isEmpty)
        lock.withLock {
            isWoken = false
            swap(&buffer, &bytes)
            swap(&requests, &taken)
        }
    }

    /// Nothing can be sent now; the time at which the oldest request has waited long enough, if any waits.
    func leave() -> Int64? {
        lock.withLock {
            isWoken = false
            return requests.first?.deadlineNanos
        }
    }

    /// Takes back requests whose time is over. They are the first ones, because all have the same time.
    func expired(now: Int64) -> [OutstandingRequest] {
        lock.withLock {
            let count = requests.prefix { $0.deadlineNanos <= now }.count
            guard count > 0 else { return [] }
            let expired = Array(requests[..<count])
            requests.removeFirst(count)
            buffer.removeFirst(expired.reduce(0) { $0 + $1.frameBytes })
            return expired
        }
    }

    /// Takes back everything; with a reason, for ever.
    func clear(sealing reason: ZooKeeperError.Reason? = nil) -> [OutstandingRequest] {
        lock.withLock {
            if let reason { sealed = reason }
            defer { requests.removeAll() }
            buffer.removeAll()
            return requests
        }
    }

    // MARK: Watches under way

    /// A request that sets a watch is about to be submitted.
    func expect(_ path: String) {
        lock.withLock { watchesUnderWay[PathKey(path), default: 0] += 1 }
    }

    /// It has succeeded or failed.
    func settled(_ path: String) {
        lock.withLock {
            let left = (watchesUnderWay[PathKey(path)] ?? 1) - 1
            watchesUnderWay[PathKey(path)] = left > 0 ? left : nil
        }
    }
}
