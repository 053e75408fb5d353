import Jute
import ZooKeeperProtocol

/// One operation to count.
struct Benchmark {
    var name: String
    /// How many make a count that is worth taking, in a run of some tenths of a second under valgrind.
    var operations: Int
    /// Operations until all buffers have their size.
    var warmup: Int
    /// Sets everything up; what it returns does so many operations.
    var prepare: () -> (Int) -> Void
}

enum Benchmarks {
    static let valueBytes = 1024

    static var all: [Benchmark] {
        [
            Benchmark(name: "codec.parse", operations: 20_000, warmup: 100, prepare: parse),
            Benchmark(name: "codec.reply", operations: 20_000, warmup: 100, prepare: reply),
            Benchmark(name: "tree.find", operations: 40_000, warmup: 1000, prepare: TreeBenchmarks.find),
            Benchmark(name: "tree.set", operations: 20_000, warmup: 4000, prepare: TreeBenchmarks.set),
            Benchmark(name: "tree.create-delete", operations: 8000, warmup: 4000, prepare: TreeBenchmarks.createDelete),
            Benchmark(name: "queue.push-pop", operations: 40_000, warmup: 1000, prepare: queue),
            Benchmark(name: "log.append", operations: 8000, warmup: 2000, prepare: LogBenchmarks.append),
            Benchmark(name: "core.read", operations: 16_000, warmup: 2000, prepare: CoreBenchmarks.read),
            Benchmark(name: "core.write", operations: 4000, warmup: 6000, prepare: CoreBenchmarks.write),
            Benchmark(name: "core.create-delete", operations: 2000, warmup: 4000, prepare: CoreBenchmarks.createDelete),
        ]
    }

    /// A frame of each of the two hot requests, field by field.
    private static func parse() -> (Int) -> Void {
        var frames = WireBuffer()
        Requests.getData(xid: 1, path: "/corral-load/c000001", to: &frames)
        let border = frames.count
        let value = [UInt8](repeating: 7, count: valueBytes)
        Requests.setData(xid: 2, path: "/corral-load/c000001", value: value, to: &frames)
        let bytes = Kept(frames)
        return { count in
            var sum: UInt64 = 0
            do throws(JuteError) {
                for _ in 0..<count / 2 {
                    var read = JuteReader(UnsafeRawBufferPointer(rebasing: bytes.bytes[4..<border]))
                    sum &+= UInt64(truncatingIfNeeded: try read.readInt32() &+ (try read.readInt32()))
                    sum &+= UInt64(try read.readBuffer()?.count ?? 0) &+ (try read.readBool() ? 1 : 0)
                    var write = JuteReader(UnsafeRawBufferPointer(rebasing: bytes.bytes[(border + 4)...]))
                    sum &+= UInt64(truncatingIfNeeded: try write.readInt32() &+ (try write.readInt32()))
                    sum &+= UInt64(try write.readBuffer()?.count ?? 0) &+ UInt64(try write.readBuffer()?.count ?? 0)
                    sum &+= UInt64(truncatingIfNeeded: try write.readInt32())
                }
            } catch {
                fail("a frame of our own cannot be read: \(error)")
            }
            blackHole(sum)
        }
    }

    /// A getData reply's header, value and Stat.
    private static func reply() -> (Int) -> Void {
        let value = Kept([UInt8](repeating: 7, count: valueBytes))
        return { count in
            var out = WireBuffer(capacity: 64 << 10)
            let stat = Stat()
            for index in 0..<count {
                if out.count > 60 << 10 { out.removeAll() }
                let start = out.count
                out.append(int32: 0)
                out.append(int32: Int32(truncatingIfNeeded: index))
                out.append(int64: Int64(index))
                out.append(int32: 0)
                out.append(buffer: value.bytes)
                stat.encode(to: &out)
                out.patch(int32: Int32(out.count - start - 4), at: start)
            }
            blackHole(UInt64(out.count))
        }
    }

    /// Eight batches pushed by the producer, taken at once by the consumer.
    private static func queue() -> (Int) -> Void { QueueBenchmark().run }
}

/// Bytes that stay where they are.
final class Kept {
    private let storage: UnsafeMutableRawBufferPointer
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(storage) }

    init(_ source: some Collection<UInt8>) {
        storage = .allocate(byteCount: source.count, alignment: 16)
        storage.copyBytes(from: source)
    }

    convenience init(_ buffer: borrowing WireBuffer) { self.init(Array(buffer.bytes)) }

    deinit { storage.deallocate() }
}

/// Request frames as a client sends them.
enum Requests {
    private static func frame(
        _ xid: Int32, _ opcode: OpCode, to buffer: inout WireBuffer, _ body: (inout WireBuffer) -> Void
    ) {
        let start = buffer.count
        buffer.append(int32: 0)
        buffer.append(int32: xid)
        buffer.append(int32: opcode.rawValue)
        body(&buffer)
        buffer.patch(int32: Int32(buffer.count - start - 4), at: start)
    }

    static func getData(xid: Int32, path: String, to buffer: inout WireBuffer) {
        frame(xid, .getData, to: &buffer) { buffer in
            buffer.append(string: path)
            buffer.append(bool: false)
        }
    }

    static func setData(xid: Int32, path: String, value: [UInt8], to buffer: inout WireBuffer) {
        frame(xid, .setData, to: &buffer) { buffer in
            buffer.append(string: path)
            value.withUnsafeBytes { buffer.append(buffer: $0) }
            buffer.append(int32: -1)
        }
    }

    static func create(xid: Int32, path: String, value: [UInt8], to buffer: inout WireBuffer) {
        frame(xid, .create, to: &buffer) { buffer in
            buffer.append(string: path)
            value.withUnsafeBytes { buffer.append(buffer: $0) }
            ACL.encode(ACL.open, to: &buffer)
            buffer.append(int32: 0)
        }
    }

    static func delete(xid: Int32, path: String, to buffer: inout WireBuffer) {
        frame(xid, .delete, to: &buffer) { buffer in
            buffer.append(string: path)
            buffer.append(int32: -1)
        }
    }

    /// A connect request for a new session.
    static func handshake(to buffer: inout WireBuffer) {
        let start = buffer.count
        buffer.append(int32: 0)
        buffer.append(int32: 0)
        buffer.append(int64: 0)
        buffer.append(int32: 30_000)
        buffer.append(int64: 0)
        [UInt8](repeating: 0, count: 16).withUnsafeBytes { buffer.append(buffer: $0) }
        buffer.append(bool: false)
        buffer.patch(int32: Int32(buffer.count - start - 4), at: start)
    }
}
