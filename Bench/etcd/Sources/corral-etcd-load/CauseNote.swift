import NIOCore
import NIOHTTP2

/// Hears, behind HTTP/2's handler, why a connection is closed: gRPC's own error for its calls does not tell.
final class CauseNote: ChannelInboundHandler, Sendable {
    typealias InboundIn = Any

    private let tell: @Sendable (String) -> Void

    init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // An error of one stream is that stream's.
        if !(error is NIOHTTP2Errors.StreamError) { tell("\(error)") }
        context.fireErrorCaught(error)
    }

    /// Puts one into a connection's pipeline, and what answers pings before all others.
    static func install(_ channel: any Channel, _ tell: @escaping @Sendable (String) -> Void) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(PingAnswers(), position: .first)
            try pipeline.addHandler(CauseNote(tell), position: .after(pipeline.handler(type: NIOHTTP2Handler.self)))
        }
    }
}
