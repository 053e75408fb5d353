import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A proxy on loopback between a client and a server, which can cut, hold up or refuse connections.
///
/// With TLS, it is the encrypted end of a server that knows no TLS.
final class TestProxy: @unchecked Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let lock = NIOLock()
    private var clients: [ObjectIdentifier: any Channel] = [:]
    private var accepted = 0
    private var refuses = false
    private var holds = false
    private let target: Int
    private var listener: (any Channel)?

    var port: Int { listener!.localAddress!.port! }
    var acceptedCount: Int { lock.withLock { accepted } }
    var openCount: Int { lock.withLock { clients.count } }

    init(to target: Int, tls: NIOSSLContext? = nil) throws {
        self.target = target
        listener = try ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    self.accept(channel)
                }
            }
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).wait()
    }

    deinit {
        cut()
        try? listener?.close().wait()
        group.shutdownGracefully { _ in }
    }

    private func accept(_ client: any Channel) {
        let isRefused = lock.withLock { () -> Bool in
            accepted += 1
            if !refuses { clients[ObjectIdentifier(client)] = client }
            return refuses
        }
        if isRefused { return client.close(promise: nil) }
        client.closeFuture.whenComplete { _ in
            self.lock.withLock { _ = self.clients.removeValue(forKey: ObjectIdentifier(client)) }
        }
        ClientBootstrap(group: client.eventLoop)
            .channelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(GlueHandler(client, of: self))
                }
            }
            .connect(host: "127.0.0.1", port: target)
            .whenComplete { result in
                guard case .success(let server) = result else { return client.close(promise: nil) }
                do {
                    try client.pipeline.syncOperations.addHandler(GlueHandler(server, of: self))
                } catch {
                    client.close(promise: nil)
                }
                client.setOption(.autoRead, value: true).whenComplete { _ in client.read() }
            }
    }

    fileprivate var isHolding: Bool { lock.withLock { holds } }

    /// Breaks all connections.
    func cut() {
        for channel in lock.withLock({ Array(clients.values) }) { channel.close(promise: nil) }
    }

    /// From now on, connections are closed as soon as they are opened.
    func refuse(_ refuses: Bool) { lock.withLock { self.refuses = refuses } }

    /// From now on, bytes disappear in both directions; the connections that were held never work again.
    func hold(_ holds: Bool) { lock.withLock { self.holds = holds } }

    private final class GlueHandler: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let proxy: TestProxy

        init(_ other: any Channel, of proxy: TestProxy) {
            self.other = other
            self.proxy = proxy
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !proxy.isHolding else { return }
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            other.close(promise: nil)
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
