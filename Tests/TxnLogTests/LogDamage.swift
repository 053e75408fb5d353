import Jute

@testable import TxnLog

/// A data directory in memory whose logs tests damage.
struct DamagedLog {
    let disk = MemoryDisk()
    /// Where each transaction's frame starts in its segment, by zxid.
    private(set) var offsets: [Int64: Int] = [:]
    /// Where each segment's log ends, by its first zxid. The last one goes on with padding, as after a kill.
    private(set) var ends: [Int64: Int] = [:]

    /// Segments of `counts` transactions each, from zxid 1, with `dataSize` bytes of data.
    init(_ counts: [Int], dataSize: Int = 300, from first: Int64 = 1) throws {
        try ToyState().save(disk, "/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 8 << 10)
        var zxid = first - 1
        for (index, count) in counts.enumerated() {
            if index > 0 { writer.roll() }
            let segment = zxid + 1
            for _ in 0..<count {
                zxid += 1
                offsets[zxid] = max(FileHeader.size, writer.segmentBytes)
                let batch = TxnBatch()
                batch.appendSetData(zxid: zxid, data: (0..<dataSize).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) })
                try writer.append([batch])
            }
            ends[segment] = writer.segmentBytes
        }
        writer.close()
        edit(ends.keys.max()!) { $0 += [UInt8](repeating: 0, count: 8192) }
    }

    func path(_ zxid: Int64) -> String { "/data/" + DataFileName.log(zxid) }

    func edit(_ zxid: Int64, _ body: (inout [UInt8]) -> Void) {
        var bytes = disk.contents(of: path(zxid))!
        body(&bytes)
        disk.setContents(bytes, of: path(zxid))
    }

    /// Appends a transaction with its checksum to a segment.
    func append(_ segment: Int64, zxid: Int64, type: Int32 = 5) {
        let batch = TxnBatch()
        batch.appendSetData(zxid: zxid, data: [1])
        batch.bytes.patch(int32: type, at: 12 + 28)
        batch.seal()
        let frame = [UInt8](batch.bytes.bytes)
        edit(segment) { $0.overwrite(frame[...], at: ends[segment]!) }
    }

    func recoveryError() -> RecoveryError? {
        do { _ = try recover(disk) } catch { return error as? RecoveryError }
        return nil
    }
}
