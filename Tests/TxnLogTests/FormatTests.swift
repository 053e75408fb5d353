import Jute
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// The bytes of logs and snapshots against files that an Apache server wrote.
struct FormatTests {
    @Test func readsApachesLog() throws {
        let disk = MemoryDisk()
        disk.setContents(Golden.snapshot, of: "/data/snapshot.0")
        disk.setContents(Golden.log + [UInt8](repeating: 0, count: 100_000), of: "/data/log.1")
        let recovered = try recover(disk)
        #expect(recovered.collector.zxids == [1, 2, 3, 4, 5, 6, 7])
        #expect(recovered.collector.types == [-10, 1, 5, 1, 2, -1, -11])
        #expect(recovered.result.lastZxid == 7)
        #expect(recovered.result.snapshotZxid == 0)
        let hasCut = recovered.notices.contains(where: \.isCut)
        #expect(!hasCut)
        #expect(disk.contents(of: "/data/log.1")?.count == Golden.log.count + 100_000)
    }

    @Test func writesTheSameLog() throws {
        let source = MemoryDisk()
        source.setContents(Golden.log, of: "/data/log.1")
        let reader = try LogSegmentReader(disk: source, path: "/data/log.1")
        let batch = TxnBatch()
        while case .txn(let header, let txn) = try reader.next() {
            batch.beginTxn()
            batch.bytes.append(raw: txn)
            batch.endTxn(zxid: header.zxid)
        }
        #expect(batch.count == 7)
        let disk = MemoryDisk()
        let writer = LogWriter(disk: disk, directory: "/data")
        try writer.append([batch])
        writer.close()
        #expect(disk.contents(of: "/data/log.1") == Golden.log)
        #expect(try disk.list("/data") == ["log.1"])
    }

    @Test func writesTheSameSnapshot() throws {
        let disk = MemoryDisk()
        disk.setContents(Golden.snapshot, of: "/apache/snapshot.0")
        let reader = try SnapshotReader(disk: disk, path: "/apache/snapshot.0", zxid: 0)
        try reader.validate()
        let collector = Collector()
        try reader.read(collector)
        #expect(collector.nodes.map(\.path) == ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"])
        #expect(collector.trailer == SnapshotTrailer(digest: SnapshotDigest(zxid: 0, version: 2, value: 0)))

        let writer = try SnapshotWriter(disk: disk, directory: "/data", zxid: 0)
        writer.beginSessions(count: 0)
        let tree = Golden.snapshot[20..<Golden.snapshot.count - 5 - 13 - 33]
        try Array(tree).withUnsafeBytes { try writer.append($0) }
        let size = try writer.finish(collector.trailer!)
        #expect(size == Golden.snapshot.count)
        #expect(disk.contents(of: "/data/snapshot.0") == Golden.snapshot)
    }

    @Test(arguments: [
        SnapshotTrailer(),
        SnapshotTrailer(digest: SnapshotDigest(zxid: 9, value: -5)),
        SnapshotTrailer(lastProcessedZxid: 0x1_0000_0009),
        SnapshotTrailer(digest: SnapshotDigest(zxid: 9, value: .max), lastProcessedZxid: 10),
    ])
    func snapshotRoundTrip(trailer: SnapshotTrailer) throws {
        let disk = MemoryDisk()
        let nodes: [(path: String, data: [UInt8])] = [("", []), ("/a", [1, 2, 3])]
            + (0..<3000).map { ("/a/\($0)", [UInt8](repeating: UInt8($0 & 0xff), count: $0 % 900)) }
            + [("/huge", [UInt8](repeating: 7, count: 3 << 20)), ("/last", [])]
        let writer = try SnapshotWriter(disk: disk, directory: "/data", zxid: 0xabc)
        writer.beginSessions(count: 2)
        writer.session(id: .max, timeoutMillis: 1)
        writer.session(id: -3, timeoutMillis: .max)
        try writer.appendTree(nodes)
        #expect(try disk.list("/data") == ["corral.snapshot.tmp"])
        try writer.finish(trailer)
        #expect(try disk.list("/data") == ["snapshot.abc"])

        let recovered = try recover(disk)
        #expect(recovered.result.lastZxid == 0xabc)
        #expect(recovered.collector.sessions == [.max: 1, -3: .max])
        #expect(recovered.collector.trailer == trailer)
        #expect(recovered.collector.nodes.map(\.path) == nodes.map(\.path))
        #expect(recovered.collector.nodes.map(\.data) == nodes.map(\.data))
    }

    /// Servers before 3.7 wrote the digest as a string.
    @Test func readsOldDigests() throws {
        let disk = MemoryDisk()
        let writer = try SnapshotWriter(disk: disk, directory: "/data", zxid: 1)
        writer.beginSessions(count: 0)
        try writer.appendTree([("", [])])
        writer.buffer.append(string: "/")
        try writer.flush()
        var file = disk.contents(of: "/data/corral.snapshot.tmp")!
        func seal() {
            var tail = WireBuffer()
            tail.append(int64: Int64(file.withUnsafeBytes { TxnFrame.checksum($0.baseAddress!, $0.count) }))
            tail.append(string: "/")
            file += [UInt8](tail.bytes)
        }
        seal()
        var section = WireBuffer()
        section.append(int64: 1)
        section.append(int32: 1)
        section.append(string: "ff00")
        file += [UInt8](section.bytes)
        seal()
        disk.setContents(file, of: "/data/snapshot.1")
        let trailer = try recover(disk).collector.trailer
        #expect(trailer == SnapshotTrailer(digest: SnapshotDigest(zxid: 1, version: 1, value: 0xff00)))
    }

    @Test func namesAreApaches() {
        #expect(DataFileName.log(0x1_0000_00ff) == "log.1000000ff")
        #expect(DataFileName("log.1000000ff") == .log(zxid: 0x1_0000_00ff))
        #expect(DataFileName("snapshot.0") == .snapshot(zxid: 0, compression: .none))
        #expect(DataFileName("snapshot.a.gz") == .snapshot(zxid: 10, compression: .gzip))
        #expect(DataFileName("snapshot.a.snappy") == .snapshot(zxid: 10, compression: .snappy))
        #expect(DataFileName("snapshot.a.tmp") == .unfinished)
        #expect(DataFileName("log.xyz") == .foreign)
        #expect(DataFileName("log.") == .foreign)
        #expect(DataFileName("log.1.bak") == .foreign)
        #expect(DataFileName("notes.txt") == .foreign)
        #expect(DataFileName("currentEpoch") == .epoch)
        #expect(DataFileName("corral.lock") == .own)
    }

    @Test func batchFramesAndRecycles() {
        let batch = TxnBatch(capacity: 0)
        for round in 1...2 {
            for zxid in 1...3 { batch.appendSetData(zxid: Int64(zxid * round), data: [UInt8(zxid)]) }
            batch.beginTxn()
            batch.bytes.append(int64: 1)
            batch.cancelTxn()
            #expect(batch.count == 3)
            #expect(batch.firstZxid == Int64(round) && batch.lastZxid == Int64(3 * round))
            #expect(batch.offsets == [0, 63, 126])
            #expect(batch.txn(at: 2).count == 50)
            #expect(batch.bytes.bytes.last == 0x42)
            batch.removeAll()
            #expect(batch.isEmpty && batch.bytes.isEmpty && batch.bytes.capacity > 0)
        }
    }
}
