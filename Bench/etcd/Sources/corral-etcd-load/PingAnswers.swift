import NIOCore

/// Answers the server's HTTP/2 pings, and keeps them from the handlers behind.
///
/// A Go server pings whenever data arrives and no ping is out, to learn how much the connection carries; under load
/// that is a ping for each round trip. SwiftNIO's HTTP/2 takes more than some hundred of them within 30 seconds for an
/// attack and closes the connection (`ExcessiveControlFrames`), and gRPC gives no way to set that limit.
final class PingAnswers: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headerSize = 9
    private static let pingSize = 17
    private static let pingType: UInt8 = 6
    private static let acknowledged: UInt8 = 1

    /// Bytes not passed on yet: the beginning of a frame, at most.
    private var waiting: ByteBuffer?
    /// Bytes of the current frame still to come, which are passed on.
    private var frameRest = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var waiting {
            waiting.writeBuffer(&bytes)
            bytes = waiting
            self.waiting = nil
        }
        /// The first byte of what is passed on in one piece.
        var begin = bytes.readerIndex
        var position = begin
        while position < bytes.writerIndex {
            let left = bytes.writerIndex - position
            if frameRest > 0 {
                let count = min(frameRest, left)
                frameRest -= count
                position += count
                continue
            }
            guard left >= Self.headerSize, let type: UInt8 = bytes.getInteger(at: position + 3),
                let flags: UInt8 = bytes.getInteger(at: position + 4),
                let high: UInt8 = bytes.getInteger(at: position), let low: UInt16 = bytes.getInteger(at: position + 1)
            else { break }
            guard type == Self.pingType, flags & Self.acknowledged == 0 else {
                frameRest = Self.headerSize + (Int(high) << 16 | Int(low))
                continue
            }
            guard left >= Self.pingSize else { break }
            pass(bytes, from: begin, to: position, context)
            if var answer = bytes.getSlice(at: position, length: Self.pingSize) {
                answer.setInteger(flags | Self.acknowledged, at: answer.readerIndex + 4)
                context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
            }
            position += Self.pingSize
            begin = position
        }
        pass(bytes, from: begin, to: position, context)
        if position < bytes.writerIndex { waiting = bytes.getSlice(at: position, length: bytes.writerIndex - position) }
    }

    private func pass(_ bytes: ByteBuffer, from begin: Int, to end: Int, _ context: ChannelHandlerContext) {
        guard end > begin, let slice = bytes.getSlice(at: begin, length: end - begin) else { return }
        context.fireChannelRead(wrapInboundOut(slice))
    }
}
