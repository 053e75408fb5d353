import Jute
import NIOCore
import NIOSSL

/// One connection's end of the pipeline: cuts the stream into frames for the session. Belongs to the event loop.
final class SessionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let number: Int
    private let session: Session
    private var frames: FrameReader
    private var context: ChannelHandlerContext?
    private var failure: (any Error)?

    init(_ number: Int, of session: Session, maximumFrameBytes: Int) {
        self.number = number
        self.session = session
        frames = FrameReader(maximumFrameBytes: maximumFrameBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        session.opened(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        session.closed(number, why: failure.map { "\($0)" } ?? "closed by the server")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = error
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        do {
            try buffer.withUnsafeReadableBytes { bytes throws(FrameReader.Failure) in
                try frames.read(bytes) { session.received($0, number) }
            }
            session.finishRead(number, bytes: buffer.readableBytes)
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { session.becameWritable() }
        context.fireChannelWritabilityChanged()
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func close() {
        context?.close(promise: nil)
    }
}

/// Asks a server whether it has a quorum (the four-letter word `isro`).
final class ProbeHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let found: @Sendable () -> Void
    private var answer = ""

    init(_ found: @escaping @Sendable () -> Void) {
        self.found = found
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "isro")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        answer += String(buffer: unwrapInboundIn(data))
        guard answer.utf8.count >= 2 else { return }
        if answer.hasPrefix("rw") { found() }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
