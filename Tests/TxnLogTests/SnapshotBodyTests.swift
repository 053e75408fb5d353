import Jute
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// A snapshot's body on its way from one server to another: read from the file, taken apart as it arrives.
struct SnapshotBodyTests {
    static let signature: [UInt8] = [0, 0, 0, 10] + Array("BenWasHere".utf8)

    /// The body of a snapshot file, by its format: all between header and first seal.
    static func body(_ file: [UInt8], sections: Int = 33 + 21) -> [UInt8] {
        Array(file[FileHeader.size..<file.count - SnapshotFormat.sealSize - sections])
    }

    /// Sessions, ACLs with several entries, and nodes of all sizes.
    static func save(
        _ disk: any Disk, seed: UInt64, nodes: Int, zxid: Int64 = 5, trailer: SnapshotTrailer? = nil
    ) throws -> String {
        var die = SplitMix(seed: seed)
        let writer = try SnapshotWriter(disk: disk, directory: "/data", zxid: zxid)
        let sessions = Int.random(in: 0...30, using: &die)
        writer.beginSessions(count: sessions)
        for id in 0..<sessions { writer.session(id: Int64(id) << 40, timeoutMillis: Int32(id)) }
        let lists = Int.random(in: 0...20, using: &die)
        writer.buffer.append(int32: Int32(lists))
        for id in 0..<lists {
            writer.buffer.append(int64: Int64(id + 1))
            let count = Int32.random(in: -1...4, using: &die)
            writer.buffer.append(int32: count)
            for _ in 0..<max(0, count) {
                writer.buffer.append(int32: 31)
                writer.buffer.append(string: ["world", "digest", ""].randomElement(using: &die)!)
                writer.buffer.append(string: ["anyone", nil, ""].randomElement(using: &die)!)
            }
        }
        for node in 0..<nodes {
            writer.buffer.append(string: node == 0 ? "" : "/node-\(node)")
            let size = [-1, 0, 5, 400, 70_000].randomElement(using: &die)!
            // Data that looks like the end of a body.
            let data = [UInt8](repeating: 0, count: max(0, size - 5)) + [0, 0, 0, 1, 0x2f]
            size < 0
                ? writer.buffer.append(int32: -1)
                : data.prefix(size).withUnsafeBytes { writer.buffer.append(buffer: $0) }
            writer.buffer.append(int64: 1)
            var stat = StatPersisted()
            stat.czxid = Int64(node)
            stat.encode(to: &writer.buffer)
            try writer.flushIfFull()
        }
        try writer.finish(
            trailer ?? SnapshotTrailer(digest: SnapshotDigest(zxid: zxid, value: 3), lastProcessedZxid: zxid))
        return writer.path
    }

    static func open(_ disk: any Disk, excluding: Set<String> = []) throws -> SnapshotBody? {
        try SnapshotBody.openNewest(disk: disk, directory: "/data", excluding: excluding)
    }

    /// Reads a body to its end.
    static func readAll(_ body: SnapshotBody, pieces: () -> Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let size = pieces()
            var piece = [UInt8](repeating: 0xee, count: size)
            let count = try piece.withUnsafeMutableBytes { try body.read(into: $0) }
            bytes += piece[..<count]
            if count < size { break }
        }
        #expect(body.bytesRead == bytes.count)
        return bytes
    }

    /// Feeds a stream in pieces; what belonged to the body.
    static func parse(
        _ stream: [UInt8], _ visitor: (any SnapshotVisitor)?, limit: Int = 1 << 20, pieces: () -> Int
    ) throws -> (parser: SnapshotBodyParser, used: Int) {
        let parser = SnapshotBodyParser(zxid: 5, visitor: visitor, maximumRecordBytes: limit)
        var position = 0
        while !parser.isFinished && position < stream.count {
            let end = min(stream.count, position + pieces())
            let used = try stream[position..<end].withUnsafeBytes { try parser.feed($0) }
            #expect(used == end - position || parser.isFinished)
            position += used
        }
        #expect(parser.bytesRead == position || !parser.isFinished)
        return (parser, position)
    }

    /// What Apache's server wrote between the header and the seal is what its leader sends.
    @Test func bodyOfApachesSnapshot() throws {
        let disk = MemoryDisk()
        disk.setContents(Golden.snapshot, of: "/data/snapshot.0")
        let body = try #require(try Self.open(disk))
        let bytes = try Self.readAll(body) { 64 }
        #expect(bytes == Self.body(Golden.snapshot, sections: 33))
        #expect(bytes.suffix(5) == [0, 0, 0, 1, 0x2f] && body.zxid == 0)
        let collector = Collector()
        let (parser, used) = try Self.parse(bytes + Self.signature, collector) { 7 }
        #expect(parser.isFinished && used == bytes.count && parser.nodesRead == 4)
        #expect(collector.nodes.map(\.path) == ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"])
    }

    /// Whatever the pieces, what arrives is what a recovery would read from the file.
    @Test func piecesOfAnySize() throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        print("seed \(seed)")
        var die = SplitMix(seed: seed)
        for round in 0..<12 {
            let trailers = [
                nil, SnapshotTrailer(), SnapshotTrailer(digest: SnapshotDigest(zxid: 1, value: 1)),
                SnapshotTrailer(lastProcessedZxid: 4),
            ]
            let sizes = [33 + 21, 0, 33, 21]
            let disk = MemoryDisk()
            let path = try Self.save(
                disk, seed: seed &+ UInt64(round), nodes: round * 5, trailer: trailers[round % 4])
            let file = disk.contents(of: path)!
            let bytes = try Self.readAll(try #require(try Self.open(disk))) {
                .random(in: 1...(round < 3 ? 100 : 200_000), using: &die)
            }
            #expect(bytes == Self.body(file, sections: sizes[round % 4]), "seed \(seed), round \(round)")
            let expected = Collector()
            try SnapshotReader(disk: disk, path: path, zxid: 5).read(expected)
            for largest in [1, 30, 3000, 200_000, .max / 2] where largest > 1 || bytes.count < 100_000 {
                let collector = Collector()
                let (parser, used) = try Self.parse(bytes + Self.signature, collector) {
                    .random(in: 1...largest, using: &die)
                }
                #expect(parser.isFinished && used == bytes.count)
                #expect(collector.nodes == expected.nodes && collector.sessions == expected.sessions)
                #expect(collector.aclMapSize == expected.aclMapSize && collector.trailer == SnapshotTrailer())
            }
        }
    }

    @Test func purgedWhileOpen() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let path = try Self.save(disk, seed: 1, nodes: 50)
        let file = disk.contents(of: path)!
        let body = try #require(try Self.open(disk))
        try disk.unlink(path)
        #expect(try Self.readAll(body) { 1000 } == Self.body(file))
        #expect(try Self.open(disk) == nil)
    }

    /// A changed or missing byte is noticed before the last bytes leave, and the next older snapshot is at hand.
    @Test func damageEndsTheTransfer() throws {
        let disk = MemoryDisk()
        var state = ToyState()
        try state.save(disk, "/data")
        state.zxid = 9
        try state.save(disk, "/data")
        let whole = disk.contents(of: "/data/snapshot.9")!
        let body = Self.body(whole)
        for index in 0..<FileHeader.size + body.count + 8 {
            var bytes = whole
            bytes[index] ^= 0x40
            disk.setContents(bytes, of: "/data/snapshot.9")
            let damaged = try #require(try Self.open(disk))
            // A wrong magic is noticed at once.
            guard index >= 4 else {
                #expect(damaged.zxid == 0)
                continue
            }
            #expect(damaged.zxid == 9)
            var received: [UInt8] = []
            var failure: DiskError?
            do throws(DiskError) {
                while true {
                    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 50, alignment: 1)
                    defer { piece.deallocate() }
                    let count = try damaged.read(into: piece)
                    received += piece[..<count]
                    if count < 50 { break }
                }
            } catch {
                failure = error
            }
            #expect(failure?.path == "/data/snapshot.9" && damaged.damage != nil, "byte \(index)")
            // What left is no body: whoever takes it apart never comes to an end.
            let isWhole = (try? Self.parse(received, nil) { 64 })?.parser.isFinished ?? false
            #expect(!isWhole, "byte \(index)")
            #expect(try Self.open(disk, excluding: [damaged.path])?.zxid == 0)
        }
        for length in [0, 16, 40, whole.count - 1] {
            disk.setContents(Array(whole[..<length]), of: "/data/snapshot.9")
            #expect(try Self.open(disk)?.zxid == 0, "not whole, so not opened")
        }
    }

    @Test func hostileLengthsAreRefused() throws {
        // No session, no ACL, a root without data.
        var body: [UInt8] = [UInt8](repeating: 0, count: 4 + 4 + 4 + 4 + 68)
        body += [0, 0, 0, 1, 0x2f]
        #expect(try Self.parse(body, Collector()) { 3 }.parser.isFinished)
        for (offset, value, isTooLarge) in [
            (0, Int32(-1), false), (0, .min, false), (8, -1, false), (8, .min, false), (12, -2, false),
            (8, 1 << 20, true), (8, .max, true), (12, 1 << 20, true), (12, .max, true),
        ] {
            var hostile = body + [UInt8](repeating: 0, count: 1000)
            for byte in 0..<4 { hostile[offset + byte] = UInt8(truncatingIfNeeded: value >> (24 - 8 * byte)) }
            #expect {
                _ = try Self.parse(hostile, Collector()) { 100 }
            } throws: { error in
                switch error as? SnapshotBodyError {
                case .malformed: !isTooLarge
                case .tooLarge(_, let bytes, let limit): isTooLarge && bytes > limit && limit == 1 << 20
                default: false
                }
            }
        }
        // An ACL table that claims much, entry after entry, is refused once it is larger than the limit.
        var table: [UInt8] = [0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]
        let entry: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
        for _ in 0..<1000 { table += entry }
        #expect(throws: SnapshotBodyError.self) { try Self.parse(table, nil, limit: 8000) { 50 } }
        #expect(try Self.parse(table, nil, limit: 50_000) { 50 }.parser.isFinished == false)
        for (field, value) in [(16, Int32(-2)), (24, -2), (28, -2)] {
            var bad: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 31]
            bad += [0, 0, 0, 0, 0, 0, 0, 0]
            for byte in 0..<4 { bad[field + byte] = UInt8(truncatingIfNeeded: value >> (24 - 8 * byte)) }
            #expect(throws: SnapshotBodyError.self, "field \(field)") { try Self.parse(bad, nil) { 5 } }
        }
    }

    /// Any change of any byte gives an error, another content, or an end that has not come: never a trap.
    @Test func everyChangedByteIsSurvived() throws {
        let disk = MemoryDisk()
        let body = Self.body(disk.contents(of: try Self.save(disk, seed: 3, nodes: 3))!)
        let count = min(body.count, 3000)
        var refused = 0
        for index in 0..<count {
            for change in [UInt8(1), 0x80, 0xff] {
                var bytes = body
                bytes[index] ^= change
                do { _ = try Self.parse(bytes, Collector(), limit: 100_000) { 4000 } } catch {
                    #expect(error is SnapshotBodyError)
                    refused += 1
                }
            }
        }
        #expect(refused > 20)
    }

    @Test func refusalOfTheVisitorNamesThePlace() throws {
        final class Refusing: SnapshotVisitor {
            struct No: Error {}
            func beginSnapshot(zxid: Int64) {}
            func session(id: Int64, timeoutMillis: Int32) {}
            func aclMap(_ reader: inout JuteReader) throws { try reader.skip(reader.remaining) }
            func node(_ reader: inout JuteReader) throws { throw No() }
            func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) {}
        }
        let body = Self.body(Golden.snapshot, sections: 33)
        #expect {
            _ = try Self.parse(body, Refusing()) { 1000 }
        } throws: { error in
            if case .rejected(let offset, _)? = error as? SnapshotBodyError {
                offset == 4 + 4 + 8 + 4 + 4 + 9 + 10
            } else {
                false
            }
        }
    }
}
