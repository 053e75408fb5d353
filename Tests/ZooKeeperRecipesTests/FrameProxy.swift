import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ZooKeeperClient

/// A proxy on loopback between clients and one server that knows the protocol's frames: it counts requests and
/// notifications, and can lose one request, or the answer to one, together with its connection.
///
/// All state is under the lock.
final class FrameProxy: @unchecked Sendable {
    struct Counts {
        var requests: [Int32: Int] = [:]
        var notifications = 0

        subscript(_ operations: OpCode...) -> Int { operations.reduce(0) { $0 + (requests[$1.rawValue] ?? 0) } }

        var writes: Int { self[.create, .create2, .createContainer, .createTTL, .delete, .setData, .multi, .setACL] }
        var reads: Int { self[.exists, .getData, .getChildren, .getChildren2] }
    }

    enum Loss {
        /// The server never sees it.
        case request(OpCode)
        /// The server has done it, the client does not know.
        case reply(OpCode)
    }

    private struct PlannedLoss {
        var loss: Loss
        /// So many requests of the kind pass before.
        var remaining: Int
        var isLast: Bool

        var operation: Int32 {
            switch loss {
            case .request(let code), .reply(let code): code.rawValue
            }
        }
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let lock = NIOLock()
    private let target: Int
    private var listener: (any Channel)?
    private var clients: [ObjectIdentifier: any Channel] = [:]
    private var state = Counts()
    private var losses: [PlannedLoss] = []
    private var lost = 0
    private var refuses = false
    private var holds = false

    var port: Int { listener!.localAddress!.port! }
    var counts: Counts { lock.withLock { state } }
    /// How many of the wanted losses have happened.
    var lostCount: Int { lock.withLock { lost } }

    init(to target: Int) throws {
        self.target = target
        listener = try ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { self.accept(channel) }
            }
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).wait()
    }

    deinit {
        cut()
        listener?.close(promise: nil)
        group.shutdownGracefully { _ in }
    }

    func reset() { lock.withLock { state = Counts() } }

    /// - Parameters:
    ///   - passing: so many requests of the kind pass before.
    ///   - isLast: no connection is accepted afterwards.
    func lose(_ loss: Loss, passing: Int = 0, isLast: Bool = false) {
        lock.withLock { losses.append(PlannedLoss(loss: loss, remaining: passing, isLast: isLast)) }
    }

    /// Breaks all connections.
    func cut() { for channel in lock.withLock({ Array(clients.values) }) { channel.close(promise: nil) } }

    /// From now on, connections are closed as soon as they are opened.
    func refuse(_ refuses: Bool) { lock.withLock { self.refuses = refuses } }

    /// While it holds, bytes disappear in both directions; the connections of that time never work again.
    func hold(_ holds: Bool) { lock.withLock { self.holds = holds } }

    private func accept(_ client: any Channel) {
        let isRefused = lock.withLock { () -> Bool in
            if !refuses { clients[ObjectIdentifier(client)] = client }
            return refuses
        }
        if isRefused { return client.close(promise: nil) }
        client.closeFuture.whenComplete { _ in
            self.lock.withLock { _ = self.clients.removeValue(forKey: ObjectIdentifier(client)) }
        }
        let conversation = Conversation()
        ClientBootstrap(group: client.eventLoop)
            .channelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(
                        FrameHandler(to: client, of: self, conversation, isFromClient: false))
                }
            }
            .connect(host: "127.0.0.1", port: target)
            .whenComplete { result in
                guard case .success(let server) = result else { return client.close(promise: nil) }
                do {
                    try client.pipeline.syncOperations.addHandler(
                        FrameHandler(to: server, of: self, conversation, isFromClient: true))
                } catch {
                    return client.close(promise: nil)
                }
                client.setOption(.autoRead, value: true).whenComplete { _ in client.read() }
            }
    }

    /// What both directions of a connection know. In the proxy's one event loop.
    fileprivate final class Conversation: @unchecked Sendable {
        /// The answer to this request is to be lost.
        var lostXid: Int32?
    }

    fileprivate enum Verdict {
        case pass
        case swallow
        case cut
    }

    fileprivate func judge(request xid: Int32, _ operation: Int32, _ conversation: Conversation) -> Verdict {
        lock.withLock {
            if holds { return .swallow }
            state.requests[operation, default: 0] += 1
            guard let index = losses.firstIndex(where: { $0.operation == operation }) else { return .pass }
            losses[index].remaining -= 1
            guard losses[index].remaining < 0, conversation.lostXid == nil else { return .pass }
            let planned = losses.remove(at: index)
            if planned.isLast { refuses = true }
            if case .request = planned.loss {
                lost += 1
                return .cut
            }
            conversation.lostXid = xid
            return .pass
        }
    }

    fileprivate func judge(reply xid: Int32, _ conversation: Conversation) -> Verdict {
        lock.withLock {
            if holds { return .swallow }
            if xid == -1 { state.notifications += 1 }
            guard xid == conversation.lostXid else { return .pass }
            lost += 1
            return .cut
        }
    }

    private final class FrameHandler: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let proxy: FrameProxy
        private let conversation: Conversation
        private let isFromClient: Bool
        private var buffer = ByteBuffer()
        private var isFirst = true

        init(to other: any Channel, of proxy: FrameProxy, _ conversation: Conversation, isFromClient: Bool) {
            self.other = other
            self.proxy = proxy
            self.conversation = conversation
            self.isFromClient = isFromClient
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var incoming = unwrapInboundIn(data)
            buffer.writeBuffer(&incoming)
            while let length = buffer.getInteger(at: buffer.readerIndex, as: Int32.self),
                let frame = buffer.readSlice(length: Int(length) + 4)
            {
                switch verdict(frame) {
                case .pass: other.write(frame, promise: nil)
                case .swallow: break
                case .cut:
                    other.close(promise: nil)
                    return context.close(promise: nil)
                }
            }
            buffer.discardReadBytes()
            other.flush()
        }

        private func verdict(_ frame: ByteBuffer) -> Verdict {
            defer { isFirst = false }
            // The handshake's frames have a form of their own.
            if isFirst { return proxy.lock.withLock { proxy.holds } ? .swallow : .pass }
            guard let xid = frame.getInteger(at: frame.readerIndex + 4, as: Int32.self) else { return .pass }
            guard isFromClient else { return proxy.judge(reply: xid, conversation) }
            let operation = frame.getInteger(at: frame.readerIndex + 8, as: Int32.self) ?? 0
            return proxy.judge(request: xid, operation, conversation)
        }

        func channelInactive(context: ChannelHandlerContext) {
            other.close(promise: nil)
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
