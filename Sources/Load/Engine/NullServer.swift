import CPlatform
import Jute
import Synchronization
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers ZooKeeper requests with canned replies: no lookup, no tree, no disk. It costs what sockets cost, which makes
/// it the ceiling of the load generator and the floor of every server. One thread runs it.
///
/// `@unchecked Sendable`: the thread in `run()` owns everything but `stopRequested`, which is atomic.
public final class NullServer: @unchecked Sendable {
    private let listener: Int32
    private let epoll: Int32
    private let valueBytes: Int
    private let stopRequested = Atomic<Bool>(false)
    private let wakeUp: Int32
    /// The port it listens on.
    public let port: UInt16

    private var connections: [Int32: UnsafeMutablePointer<NullConnection>] = [:]
    private let input: UnsafeMutableRawPointer
    private let output: UnsafeMutableRawPointer
    private let canned: CannedReplies
    private var nextSession: Int64 = 0x100_0000
    private var zxid: Int64 = 1
    private let hook: ReplyHook?

    private static let inputCapacity = 256 << 10
    private static let outputCapacity = 512 << 10
    private static let acceptTag = UInt64.max
    private static let wakeTag = UInt64.max - 1

    /// Changes a reply before it leaves; for tests that need a server that misbehaves. Gets the reply after its length
    /// prefix, the length, and how many replies went before; returns what to do with it.
    typealias ReplyHook = @Sendable (UnsafeMutableRawPointer, Int, Int) -> ReplyFate
    enum ReplyFate { case send, drop, disconnect }
    private var replies = 0

    /// - Parameters:
    ///   - port: 0 picks a free one.
    ///   - valueBytes: the length of the one value it knows; at least `ContentStamp.wireSize`.
    public convenience init(port: UInt16, valueBytes: Int) throws(LoadError) {
        try self.init(port: port, valueBytes: valueBytes, hook: nil)
    }

    init(port: UInt16, valueBytes: Int, hook: ReplyHook?) throws(LoadError) {
        guard (ContentStamp.wireSize...100_000).contains(valueBytes) else {
            throw .usage("--value-bytes lies between \(ContentStamp.wireSize) and 100000, not \(valueBytes)")
        }
        self.valueBytes = valueBytes
        self.hook = hook
        listener = try Self.listen(port: port)
        var bound = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        _ = withUnsafeMutablePointer(to: &bound) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        self.port = UInt16(bigEndian: bound.sin_port)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUp = corral_eventfd()
        input = .allocate(byteCount: Self.inputCapacity, alignment: 64)
        output = .allocate(byteCount: Self.outputCapacity, alignment: 64)
        canned = CannedReplies(valueBytes: valueBytes)
        add(listener, tag: Self.acceptTag)
        add(wakeUp, tag: Self.wakeTag)
    }

    deinit {
        for connection in connections.values { connection.pointee.release() }
        close(listener)
        close(epoll)
        close(wakeUp)
        input.deallocate()
        output.deallocate()
    }

    private static func listen(port: UInt16) throws(LoadError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0, Glibc.listen(descriptor, 1024) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw .environment("cannot listen on 127.0.0.1:\(port): \(reason)")
        }
        return descriptor
    }

    private func add(_ descriptor: Int32, tag: UInt64) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = tag
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }

    /// Makes `run()` return; callable from any thread.
    public func stop() {
        stopRequested.store(true, ordering: .sequentiallyConsistent)
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    /// Serves until `stop()`.
    public func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: 256)
        defer { events.deallocate() }
        while !stopRequested.load(ordering: .relaxed) {
            let count = epoll_wait(epoll, events, 256, -1)
            for position in 0..<max(0, Int(count)) {
                let event = events[position]
                switch event.data.u64 {
                case Self.acceptTag: acceptAll()
                case Self.wakeTag: break
                default:
                    let connection = UnsafeMutablePointer<NullConnection>(bitPattern: UInt(event.data.u64))!
                    serve(connection, events: event.events)
                }
            }
        }
    }

    private func acceptAll() {
        var address = sockaddr()
        var size = socklen_t(MemoryLayout<sockaddr>.size)
        // One at a time: the listener is blocking, and level-triggered epoll announces the next.
        let descriptor = corral_accept(listener, &address, &size)
        guard descriptor >= 0 else { return }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let connection = UnsafeMutablePointer<NullConnection>.allocate(capacity: 1)
        connection.initialize(to: NullConnection(descriptor: descriptor))
        connections[descriptor] = connection
        add(descriptor, tag: UInt64(UInt(bitPattern: connection)))
    }

    private func drop(_ connection: UnsafeMutablePointer<NullConnection>) {
        connections[connection.pointee.descriptor] = nil
        connection.pointee.release()
        connection.deinitialize(count: 1)
        connection.deallocate()
    }

    private func serve(_ connection: UnsafeMutablePointer<NullConnection>, events: UInt32) {
        if events & EPOLLOUT.rawValue != 0 {
            guard connection.pointee.sendPending() else { return drop(connection) }
            if connection.pointee.hasPending { return }
            watch(connection, events: EPOLLIN.rawValue)
        }
        if events & ~EPOLLOUT.rawValue == 0 { return }
        let carried = connection.pointee.takeCarry(into: input)
        let got = recv(
            connection.pointee.descriptor, input + carried, Self.inputCapacity - carried, Int32(MSG_DONTWAIT))
        if got <= 0 {
            if got < 0, errno == EAGAIN || errno == EINTR {
                connection.pointee.keepCarry(input, carried)
                return
            }
            return drop(connection)
        }
        var position = UnsafeRawPointer(input)
        let end = position + carried + got
        while true {
            var filled = 0
            guard answer(connection, &position, end, &filled) else { return drop(connection) }
            if filled > 0, !connection.pointee.send(output, filled) { return drop(connection) }
            if filled < Self.outputCapacity / 2 { break }
        }
        connection.pointee.keepCarry(position, end - position)
        // A client that does not read its replies is not read from either.
        if connection.pointee.hasPending { watch(connection, events: EPOLLOUT.rawValue) }
    }

    private func watch(_ connection: UnsafeMutablePointer<NullConnection>, events: UInt32) {
        var event = epoll_event()
        event.events = events
        event.data.u64 = UInt64(UInt(bitPattern: connection))
        epoll_ctl(epoll, EPOLL_CTL_MOD, connection.pointee.descriptor, &event)
    }

    /// Answers complete frames until the input ends or the output is half full. False ends the connection.
    private func answer(
        _ connection: UnsafeMutablePointer<NullConnection>, _ position: inout UnsafeRawPointer, _ end: UnsafeRawPointer,
        _ filled: inout Int
    ) -> Bool {
        while end - position >= 4, filled < Self.outputCapacity / 2 {
            let length = Int(Int32(bigEndian: position.loadUnaligned(as: Int32.self)))
            guard length >= 8, length <= Self.inputCapacity - 4 else { return false }
            if end - position - 4 < length { break }
            let frame = position + 4
            position = frame + length
            if !connection.pointee.hasSession {
                connection.pointee.hasSession = true
                filled += handshake(frame, length, to: output + filled)
                continue
            }
            let xid = frame.loadUnaligned(as: Int32.self)
            let code = Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int32.self))
            let target = output + filled
            let size = canned.write(code, frame, length, zxid: &zxid, to: target)
            guard size > 0 else { return false }
            target.storeBytes(of: Int32(truncatingIfNeeded: size - 4).bigEndian, as: Int32.self)
            target.storeBytes(of: xid, toByteOffset: 4, as: Int32.self)
            target.storeBytes(of: zxid.bigEndian, toByteOffset: 8, as: Int64.self)
            target.storeBytes(of: 0, toByteOffset: 16, as: Int32.self)
            if let hook {
                replies += 1
                switch hook(target + 4, size - 4, replies - 1) {
                case .send: break
                case .drop: continue
                case .disconnect: return false
                }
            }
            filled += size
        }
        return true
    }

    private func handshake(_ frame: UnsafeRawPointer, _ length: Int, to target: UnsafeMutableRawPointer) -> Int {
        let wanted = length >= 16 ? frame.loadUnaligned(fromByteOffset: 12, as: Int32.self) : Int32(30_000).bigEndian
        var reply = WireBuffer()
        reply.append(int32: 37)
        reply.append(int32: 0)
        reply.append(int32: Int32(bigEndian: wanted))
        // Whoever comes with a session keeps it.
        let session = length >= 24 ? Int64(bigEndian: frame.loadUnaligned(fromByteOffset: 16, as: Int64.self)) : 0
        reply.append(int64: session == 0 ? nextSession : session)
        if session == 0 { nextSession += 1 }
        reply.append(int32: 16)
        reply.append(int64: 0)
        reply.append(int64: 0)
        reply.append(bool: false)
        target.copyMemory(from: reply.bytes.baseAddress!, byteCount: reply.count)
        return reply.count
    }
}
