import ZooKeeperProtocol

/// Reads the log after a snapshot, checks that it is complete, and repairs its end.
///
/// **What may be cut.** Only the end of the log, and only if nothing acknowledged can be lost. A crash tears at most
/// the one write that was under way, which is at most `LogWriter.maximumWrite` long; of that write any sectors may be
/// missing, and a missing sector still holds what was there before, which is zeros. So damage with whole
/// transactions behind it is a torn write only if they all lie within that reach and a blank sector lies between;
/// anything else behind the damage is corruption of what was once acknowledged. Damage in a segment that is not the
/// last is accepted only if the next segment's first zxid follows the last whole one's directly, so that nothing is
/// missing: an Apache server leaves such ends after a crash.
struct LogReplay {
    let disk: any Disk
    let directory: String
    let index: LogIndex?
    let notify: (RecoveryNotice) -> Void

    /// Transactions up to here are in the snapshot.
    private let snapshotZxid: Int64
    private let hasSnapshot: Bool
    /// Snapshots newer than the one loaded that were whole once. A server that got its state from another has no log
    /// of what lies before such a snapshot.
    private let damagedSnapshots: [DataFile]
    /// The last transaction known: of the snapshot or the log.
    private(set) var lastZxid: Int64
    private(set) var transactionsReplayed = 0
    private(set) var bytesRead = 0
    /// The zxid of the last transaction read, nil before the first.
    private var lastRead: Int64?
    /// A segment that ends in damage, to be judged by what follows.
    private var damaged: (reader: LogSegmentReader, what: LogSegmentReader.Damage)?
    /// Segments read last that held no transactions.
    private var empty: [String] = []
    /// Files without even a header. Apache refuses them anywhere but at the end, so none may stay.
    private var blank: [String] = []

    init(
        disk: any Disk, directory: String, snapshotZxid: Int64?, damagedSnapshots: [DataFile] = [],
        index: LogIndex? = nil, notify: @escaping (RecoveryNotice) -> Void
    ) {
        self.disk = disk
        self.directory = directory
        self.index = index
        self.damagedSnapshots = damagedSnapshots.filter { ZxidOrder.isTransaction($0.zxid) }
        self.notify = notify
        self.snapshotZxid = snapshotZxid ?? 0
        hasSnapshot = snapshotZxid != nil
        lastZxid = self.snapshotZxid
    }

    /// - Parameter logs: all segments, oldest first.
    mutating func run(_ logs: [DataFile], _ visitor: any RecoveryVisitor) throws(RecoveryError) {
        // A segment's name is its first zxid: the newest one named at or below the first wanted zxid may hold it.
        let first = logs.lastIndex { $0.zxid <= snapshotZxid + 1 } ?? 0
        for log in logs[min(first, logs.count)...] { try read(log, visitor) }
        if let snapshot = damagedSnapshots.first, snapshot.zxid > lastZxid {
            throw .lostSnapshot(path: snapshot.path, snapshotZxid: snapshot.zxid, lastZxid: lastZxid)
        }
        if let damaged { try judgeEnd(damaged.reader, damaged.what) }
        do throws(DiskError) {
            if let damaged { try cut(damaged.reader, damaged.what) }
            try removeEmpty()
        } catch {
            throw .disk(error)
        }
    }

    private mutating func read(_ log: DataFile, _ visitor: any RecoveryVisitor) throws(RecoveryError) {
        let reader: LogSegmentReader
        do throws(DiskError) { reader = try LogSegmentReader(disk: disk, path: log.path) } catch { throw .disk(error) }
        bytesRead += reader.fileSize
        switch reader.start {
        case .foreign: throw .notALog(path: log.path)
        case .blank:
            blank.append(log.path)
            return
        case .header: break
        }
        var isEmpty = true
        while true {
            let offset = reader.offset
            let item: LogSegmentReader.Item
            do throws(DiskError) { item = try reader.next() } catch { throw .disk(error) }
            switch item {
            case .txn(let header, let txn):
                try check(header.zxid, header.type, log.path, offset)
                isEmpty = false
                empty = []
                index?.note(segment: log.zxid, zxid: header.zxid, offset: offset)
                try deliver(header, txn, log.path, offset, visitor)
            case .end:
                if isEmpty { empty.append(log.path) }
                return
            case .damage(let what):
                if let earlier = damaged { throw corrupt(earlier.reader, earlier.what, "\(log.path) is damaged too") }
                damaged = (reader, what)
                return
            }
        }
    }

    /// Whether a transaction may follow what was read so far.
    private mutating func check(
        _ zxid: Int64, _ type: Int32, _ path: String, _ offset: Int
    ) throws(RecoveryError) {
        if let previous = lastRead ?? (hasSnapshot ? nil : 0), zxid <= previous {
            // Apache logs a request that it could not parse as an error under the zxid before it.
            guard zxid == previous, type == OpCode.error.rawValue else {
                throw .outOfOrder(path: path, offset: offset, zxid: zxid, previous: previous)
            }
        }
        let known = max(lastRead ?? 0, snapshotZxid)
        // Without a snapshot the log's start is taken on trust.
        let isFirstOfTrusted = !hasSnapshot && lastRead == nil
        if zxid > known && !ZxidOrder.follows(known, zxid) && !isFirstOfTrusted {
            if let damaged {
                throw corrupt(damaged.reader, damaged.what, "\(path) goes on with \(hex(zxid)) after \(hex(known))")
            }
            throw .missingTransactions(path: path, offset: offset, after: known, next: zxid)
        }
        let lost = damagedSnapshots.first { $0.zxid > known && $0.zxid < zxid }
        if let lost { throw .lostSnapshot(path: lost.path, snapshotZxid: lost.zxid, lastZxid: known) }
        if let damaged {
            var goesOn = zxid == known + 1 || zxid <= snapshotZxid
            if !goesOn { goesOn = try isUnfinished(damaged.reader, damaged.what) }
            guard goesOn else {
                throw corrupt(damaged.reader, damaged.what, "\(path) goes on with \(hex(zxid)) after \(hex(known))")
            }
            notify(
                .harmlessDamage(path: damaged.reader.path, offset: damaged.reader.offset, what: damaged.what.rawValue))
            self.damaged = nil
        }
        lastRead = zxid
    }

    /// Whether a damaged end looks like a record that a killed server did not finish. A new epoch after one is no gap:
    /// the server that wrote it had read up to here.
    private func isUnfinished(
        _ reader: LogSegmentReader, _ what: LogSegmentReader.Damage
    ) throws(RecoveryError) -> Bool {
        guard what != .badChecksum else { return false }
        do throws(DiskError) { return try reader.survivors(above: 0) == nil } catch { throw .disk(error) }
    }

    private mutating func deliver(
        _ header: TxnHeader, _ txn: UnsafeRawBufferPointer, _ path: String, _ offset: Int,
        _ visitor: any RecoveryVisitor
    ) throws(RecoveryError) {
        guard header.zxid > lastZxid else { return }
        do {
            try visitor.transaction(header, UnsafeRawBufferPointer(rebasing: txn[TxnHeader.wireSize...]))
        } catch {
            throw .rejected(path: path, offset: offset, zxid: header.zxid, why: "\(error)")
        }
        lastZxid = header.zxid
        transactionsReplayed += 1
    }

    /// Refuses damage at the log's end that is no torn write.
    private func judgeEnd(_ reader: LogSegmentReader, _ what: LogSegmentReader.Damage) throws(RecoveryError) {
        let survivors: (first: LogSegmentReader.Survivor, last: LogSegmentReader.Survivor)?
        let isTorn: Bool
        do throws(DiskError) {
            survivors = try reader.survivors(above: lastRead ?? 0)
            isTorn = if let survivors {
                survivors.last.end <= DiskBlock.roundDown(reader.offset) + LogWriter.maximumWrite
                    ? try reader.hasBlankSector(from: reader.offset, to: survivors.first.offset) : false
            } else {
                true
            }
        } catch {
            throw .disk(error)
        }
        guard isTorn else {
            throw corrupt(reader, what, "a whole transaction follows at byte \(survivors!.first.offset)")
        }
    }

    /// Cuts the damaged end of the log durably, before anything is appended after it.
    private mutating func cut(_ reader: LogSegmentReader, _ what: LogSegmentReader.Damage) throws(DiskError) {
        let removed = reader.fileSize - reader.offset
        let file = try disk.open(reader.path, .update)
        defer { file.close() }
        try file.truncate(to: reader.offset)
        try file.sync()
        notify(.cutTornTail(path: reader.path, offset: reader.offset, bytes: removed, what: what.rawValue))
        if reader.offset == FileHeader.size { empty.insert(reader.path, at: 0) }
    }

    /// Removes files without a header, and the segments at the end that hold no transactions. Left in place, an empty
    /// one could get a name above transactions written later, and a reader that starts at the newest name would miss
    /// those.
    private func removeEmpty() throws(DiskError) {
        guard !empty.isEmpty || !blank.isEmpty else { return }
        for path in empty + blank {
            try disk.unlink(path)
            notify(.removedEmptyLog(path: path))
        }
        try disk.syncDirectory(directory)
    }

    private func corrupt(
        _ reader: LogSegmentReader, _ what: LogSegmentReader.Damage, _ next: String
    ) -> RecoveryError {
        .corrupt(path: reader.path, offset: reader.offset, what: what.rawValue, next: next)
    }

    private func hex(_ zxid: Int64) -> String { "0x" + DataFileName.hexadecimal(zxid) }
}
