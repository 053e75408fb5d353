import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// Each kind of damage: what is cut, what is refused, and that the refusal names file and offset.
struct DamageTests {
    @Test func tornEndIsCutOnce() throws {
        let log = try DamagedLog([5])
        let end = log.offsets[5]!
        // The last frame loses its second half; the padding stays.
        log.edit(1) { bytes in for index in end + 100..<bytes.count { bytes[index] = 0 } }
        let size = log.disk.contents(of: log.path(1))!.count
        let recovered = try recover(log.disk)
        #expect(recovered.collector.zxids == [1, 2, 3, 4])
        let cut = RecoveryNotice.cutTornTail(
            path: "/data/log.1", offset: end, bytes: size - end, what: "the record's end mark is missing")
        #expect(recovered.notices.contains(cut))
        #expect(log.disk.contents(of: log.path(1))?.count == end)
        let second = try recover(log.disk).notices.contains { $0.isCut }
        #expect(!second)
    }

    /// Every length that the last segment's file may be cut to.
    @Test func everyFilePrefixLoads() throws {
        let original = try DamagedLog([3, 2], dataSize: 20)
        let bytes = original.disk.contents(of: original.path(4))!
        let frame = original.offsets[5]! - original.offsets[4]!
        for length in 0...original.ends[4]! + 20 {
            let log = try DamagedLog([3, 2], dataSize: 20)
            log.disk.setContents(Array(bytes[..<length]), of: log.path(4))
            let recovered = try recover(log.disk)
            let expected = 3 + (1...2).count { length >= 16 + $0 * frame }
            #expect(recovered.collector.zxids == (1...Int64(expected)).map { $0 }, "length \(length)")
            #expect(try recover(log.disk).collector.zxids.count == expected, "length \(length)")
        }
    }

    @Test func flippedBitInTheMiddleIsRefused() throws {
        let log = try DamagedLog([9])
        log.edit(1) { $0[log.offsets[5]! + 40] ^= 1 }
        guard case .corrupt(let path, let offset, let what, let next)? = log.recoveryError() else {
            Issue.record("not refused as corrupt")
            return
        }
        #expect(path == "/data/log.1" && offset == log.offsets[5]!)
        #expect(what == "the record's checksum is wrong")
        #expect(next == "a whole transaction follows at byte \(log.offsets[6]!)")
        #expect("\(log.recoveryError()!)".contains("truncate -s \(offset) /data/log.1"))
    }

    /// Every byte of a frame in the middle, changed.
    @Test func everyChangedByteIsRefused() throws {
        let original = try DamagedLog([4], dataSize: 30)
        let frame = original.offsets[2]!..<original.offsets[3]!
        for index in frame {
            let log = try DamagedLog([4], dataSize: 30)
            log.edit(1) { $0[index] ^= 0x55 }
            guard case .corrupt("/data/log.1", frame.lowerBound, _, _)? = log.recoveryError() else {
                Issue.record("byte \(index): \(log.recoveryError().map { "\($0)" } ?? "accepted")")
                return
            }
        }
    }

    /// A lost sector far behind which whole transactions lie cannot be one torn write.
    @Test func lostSectorFarFromTheEndIsRefused() throws {
        let log = try DamagedLog([30], dataSize: 80_000)
        let near = log.offsets[25]! + 1024
        let far = log.offsets[3]! + 1024
        log.edit(1) { bytes in for index in near / 512 * 512..<near / 512 * 512 + 512 { bytes[index] = 0 } }
        let copy = CrashModel.copy(of: log.disk)
        #expect(try recover(log.disk).collector.zxids.count == 24)
        var bytes = copy.contents(of: log.path(1))!
        for index in far / 512 * 512..<far / 512 * 512 + 512 { bytes[index] = 0 }
        copy.setContents(bytes, of: log.path(1))
        #expect {
            _ = try recover(copy)
        } throws: { error in
            if case .corrupt(_, log.offsets[3]!, _, _)? = error as? RecoveryError { true } else { false }
        }
    }

    @Test func damageBeforeTheLastSegmentIsRefused() throws {
        let log = try DamagedLog([5, 5])
        log.edit(1) { $0.removeLast(400) }
        guard case .corrupt("/data/log.1", let offset, _, _)? = log.recoveryError() else {
            Issue.record("\(log.recoveryError().map { "\($0)" } ?? "accepted")")
            return
        }
        #expect(offset == log.offsets[4]!)
    }

    /// An Apache server leaves the torn end in place and goes on in a new file.
    @Test func tornEndThatTheNextSegmentContinuesIsHarmless() throws {
        let log = try DamagedLog([5, 5])
        log.edit(1) { $0 += [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 99, 5, 5, 5, 0, 0, 0] }
        let recovered = try recover(log.disk)
        #expect(recovered.collector.zxids == Array(1...10))
        let isNoticed = recovered.notices.contains {
            if case .harmlessDamage("/data/log.1", _, _) = $0 { true } else { false }
        }
        #expect(isNoticed)
    }

    @Test func missingSegmentIsRefused() throws {
        let log = try DamagedLog([3, 3, 3])
        try log.disk.unlink(log.path(4))
        let expected = RecoveryError.missingTransactions(path: "/data/log.7", offset: 16, after: 3, next: 7)
        #expect(log.recoveryError() == expected)
        try log.disk.unlink(log.path(1))
        #expect(log.recoveryError() == .missingTransactions(path: "/data/log.7", offset: 16, after: 0, next: 7))
    }

    @Test func repeatedAndFallingZxidsAreRefused() throws {
        for zxid in [Int64(1), 3, 4] {
            let log = try DamagedLog([4, 1])
            log.append(5, zxid: zxid)
            let offset = log.ends[5]!
            #expect(log.recoveryError() == .outOfOrder(path: "/data/log.5", offset: offset, zxid: zxid, previous: 5))
        }
    }

    /// Apache logs a request that it cannot parse as an error under the zxid of the one before.
    @Test func errorUnderTheSameZxidIsSkipped() throws {
        let log = try DamagedLog([4, 1])
        log.append(1, zxid: 4, type: OpCode.error.rawValue)
        #expect(try recover(log.disk).collector.zxids == [1, 2, 3, 4, 5])
    }

    @Test func newEpochMayStartAfterAnyTransaction() throws {
        let log = try DamagedLog([4])
        let second = try DamagedLog([3], from: 0x2_0000_0001)
        log.disk.setContents(second.disk.contents(of: second.path(0x2_0000_0001))!, of: log.path(0x2_0000_0001))
        #expect(try recover(log.disk).collector.zxids == [1, 2, 3, 4, 0x2_0000_0001, 0x2_0000_0002, 0x2_0000_0003])
    }

    /// Epochs begin with counter 1: less was cut off the new one's start.
    @Test func newEpochStartsWithOne() throws {
        let log = try DamagedLog([4])
        let second = try DamagedLog([3], from: 0x2_0000_0002)
        let path = log.path(0x2_0000_0002)
        log.disk.setContents(second.disk.contents(of: path)!, of: path)
        #expect(
            log.recoveryError() == .missingTransactions(path: path, offset: 16, after: 4, next: 0x2_0000_0002))
        // Unless a snapshot says that this is where the log starts.
        var state = ToyState()
        state.zxid = 0x2_0000_0001
        try state.save(log.disk, "/data")
        #expect(try recover(log.disk).collector.zxids == [0x2_0000_0002, 0x2_0000_0003, 0x2_0000_0004])
    }

    /// An Apache server that was killed in the middle of a record goes on in the next epoch.
    @Test func unfinishedRecordBeforeANewEpochIsHarmless() throws {
        for isFinished in [false, true] {
            let log = try DamagedLog([4])
            let second = try DamagedLog([3], from: 0x2_0000_0001)
            log.disk.setContents(second.disk.contents(of: log.path(0x2_0000_0001))!, of: log.path(0x2_0000_0001))
            log.append(1, zxid: 5)
            log.edit(1) { bytes in
                let frame = log.ends[1]!
                // Its last bytes were not written; or all were, and one changed since.
                if isFinished { bytes[frame + 30] ^= 1 } else { for byte in frame + 40..<frame + 80 { bytes[byte] = 0 } }
            }
            if isFinished {
                guard case .corrupt("/data/log.1", log.ends[1]!, _, _)? = log.recoveryError() else {
                    Issue.record("not refused")
                    continue
                }
            } else {
                let zxids = try recover(log.disk).collector.zxids
                #expect(zxids == [1, 2, 3, 4, 0x2_0000_0001, 0x2_0000_0002, 0x2_0000_0003])
            }
        }
    }

    /// A server that got a snapshot from its leader has no log of what lies before.
    @Test func damagedSnapshotThatAloneHeldTransactionsIsRefused() throws {
        let log = try DamagedLog([4])
        let second = try DamagedLog([3], from: 0x2_0000_0001)
        var state = ToyState()
        state.zxid = 7
        try state.save(log.disk, "/data")
        var bytes = log.disk.contents(of: "/data/snapshot.7")!
        bytes[50] ^= 1
        log.disk.setContents(bytes, of: "/data/snapshot.7")
        let expected = RecoveryError.lostSnapshot(path: "/data/snapshot.7", snapshotZxid: 7, lastZxid: 4)
        #expect(log.recoveryError() == expected)
        log.disk.setContents(second.disk.contents(of: log.path(0x2_0000_0001))!, of: log.path(0x2_0000_0001))
        #expect(log.recoveryError() == expected)
        // One that was never whole did not count: the server that was killed while it wrote it went on without.
        log.disk.setContents(Array(bytes.dropLast(7)), of: "/data/snapshot.7")
        #expect(try recover(log.disk).collector.zxids.count == 7)
    }

    @Test func historyBelowTheCommittedZxidIsRefused() throws {
        for (committed, isRefused) in [(Int64(0), false), (4, false), (5, true), (0x1_0000_0000, true)] {
            let log = try DamagedLog([4])
            func run() throws {
                _ = try Recovery(committedZxid: committed).run(
                    disk: log.disk, logDirectory: "/data", snapshotDirectory: "/data", visitor: Collector())
            }
            guard isRefused else {
                try run()
                continue
            }
            let error = RecoveryError.missingCommitted(directory: "/data", lastZxid: 4, committedZxid: committed)
            #expect(throws: error) { try run() }
            #expect("\(error)".contains("zxid 0x4,"))
            #expect("\(error)".contains("0x\(String(committed, radix: 16)) were acknowledged"))
        }
        let empty = MemoryDisk()
        try empty.createDirectory("/data")
        #expect(throws: RecoveryError.missingCommitted(directory: "/data", lastZxid: 0, committedZxid: 3)) {
            _ = try Recovery(committedZxid: 3).run(
                disk: empty, logDirectory: "/data", snapshotDirectory: "/data", visitor: Collector())
        }
    }

    @Test(arguments: [[], [0x5a], Array(Golden.log[..<15]), [UInt8](repeating: 0, count: 8192)])
    func fileWithoutHeaderIsRemoved(content: [UInt8]) throws {
        let log = try DamagedLog([3])
        log.disk.setContents(content, of: log.path(4))
        let recovered = try recover(log.disk)
        #expect(recovered.collector.zxids == [1, 2, 3])
        #expect(recovered.notices.contains(.removedEmptyLog(path: "/data/log.4")))
        #expect(log.disk.contents(of: log.path(4)) == nil)
    }

    @Test func headerOnlyLogIsRemovedFromTheEndOnly() throws {
        let log = try DamagedLog([3, 3])
        let header = Array(Golden.log[..<16])
        log.disk.setContents(header, of: log.path(2))
        log.disk.setContents(header + [UInt8](repeating: 0, count: 500), of: log.path(9))
        #expect(try recover(log.disk).collector.zxids == [1, 2, 3, 4, 5, 6])
        #expect(log.disk.contents(of: log.path(9)) == nil)
    }

    @Test func foreignFileNamedLikeALogIsRefused() throws {
        let log = try DamagedLog([3])
        log.disk.setContents(Array("not a log, but long enough".utf8), of: log.path(4))
        #expect(log.recoveryError() == .notALog(path: "/data/log.4"))
    }

    @Test func logWithoutSnapshotNeedsTrust() throws {
        let log = try DamagedLog([3])
        try log.disk.unlink("/data/snapshot.0")
        #expect(
            log.recoveryError() == .logWithoutSnapshot(logDirectory: "/data", snapshotDirectory: "/data"))
        #expect(try recover(log.disk, trustsEmpty: true).collector.zxids == [1, 2, 3])
    }

    @Test func refusedTransactionNamesItsPlace() throws {
        let log = try DamagedLog([3])
        let collector = Collector()
        collector.rejects = 2
        #expect {
            _ = try Recovery().run(
                disk: log.disk, logDirectory: "/data", snapshotDirectory: "/data", visitor: collector)
        } throws: { error in
            if case .rejected("/data/log.1", log.offsets[2]!, 2, _)? = error as? RecoveryError { true } else { false }
        }
    }

    @Test func emptyDirectoryIsANewDatabase() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let recovered = try recover(disk)
        #expect(recovered.result.isNewDatabase && recovered.result.lastZxid == 0)
        #expect(recovered.result.snapshotZxid == nil)
    }

    @Test func invalidSnapshotsAreSkippedForOlderOnes() throws {
        let log = try DamagedLog([5])
        var good = ToyState()
        good.zxid = 2
        try good.save(log.disk, "/data")
        var bytes = log.disk.contents(of: "/data/snapshot.2")!
        bytes[60] ^= 1
        log.disk.setContents(bytes, of: "/data/snapshot.4")
        log.disk.setContents([1, 2, 3], of: "/data/snapshot.5")
        log.disk.setContents([1, 2, 3], of: "/data/snapshot.6.gz")
        let recovered = try recover(log.disk)
        #expect(recovered.result.snapshotZxid == 2)
        #expect(recovered.collector.zxids == [3, 4, 5])
        #expect(
            recovered.notices.prefix(3) == [
                .invalidSnapshot(.compressed(path: "/data/snapshot.6.gz", method: "gz")),
                .invalidSnapshot(.tooShort(path: "/data/snapshot.5", size: 3)),
                .invalidSnapshot(.badChecksum(path: "/data/snapshot.4")),
            ])
        for name in ["snapshot.0", "snapshot.2"] { log.disk.setContents([], of: "/data/" + name) }
        guard case .noValidSnapshot("/data", let reasons)? = log.recoveryError() else {
            Issue.record("started without a snapshot")
            return
        }
        #expect(reasons.count == 5)
    }

    /// No shortened and no changed snapshot passes, and none crashes the reader.
    @Test func everyDamagedSnapshotIsNoticed() throws {
        for index in Golden.snapshot.indices {
            var flipped = Golden.snapshot
            flipped[index] ^= 0x10
            var contents = [flipped]
            // Cut after its first seal it is a whole snapshot of a server without digests.
            if index != Golden.snapshot.count - 33 { contents.append(Array(Golden.snapshot[..<index])) }
            for content in contents {
                let disk = MemoryDisk()
                disk.setContents(content, of: "/data/snapshot.0")
                let reader = try SnapshotReader(disk: disk, path: "/data/snapshot.0", zxid: 0)
                #expect(throws: SnapshotError.self, "byte \(index)") { try reader.validate() }
                // Nor may the parser trap on bytes whose checksum happens to be right.
                try? reader.read(Collector())
            }
        }
    }
}
