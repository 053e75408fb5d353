import Foundation
import Jute
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// What a recovery delivered.
final class Collector: RecoveryVisitor {
    struct Node: Equatable {
        var path: String
        var data: [UInt8]
        var acl: Int64
        var stat: StatPersisted
    }

    var snapshotZxid: Int64?
    var sessions: [Int64: Int32] = [:]
    var aclMapSize = 0
    var nodes: [Node] = []
    var trailer: SnapshotTrailer?
    var zxids: [Int64] = []
    /// The payload of every transaction replayed.
    var bodies: [[UInt8]] = []
    var types: [Int32] = []
    /// Fails at this transaction.
    var rejects: Int64?

    struct Rejection: Error {}

    func beginSnapshot(zxid: Int64) {
        snapshotZxid = zxid
        sessions = [:]
        nodes = []
        trailer = nil
    }

    func session(id: Int64, timeoutMillis: Int32) { sessions[id] = timeoutMillis }

    func aclMap(_ reader: inout JuteReader) throws {
        aclMapSize = reader.remaining
        try reader.skip(reader.remaining)
    }

    func node(_ reader: inout JuteReader) throws {
        let path = String(decoding: try reader.readStringBytes(), as: UTF8.self)
        let data = [UInt8](try reader.readStringBytes())
        let acl = try reader.readInt64()
        nodes.append(Node(path: path, data: data, acl: acl, stat: try StatPersisted(from: &reader)))
    }

    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) { self.trailer = trailer }

    func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws {
        if header.zxid == rejects { throw Rejection() }
        zxids.append(header.zxid)
        bodies.append([UInt8](body))
        types.append(header.type)
    }
}

extension TxnBatch {
    /// Appends a setData transaction, as the server would write it.
    func appendSetData(zxid: Int64, path: String = "/node", data: [UInt8], time: Int64 = 1_700_000_000_000) {
        beginTxn()
        TxnHeader(clientId: 0x1234, cxid: Int32(truncatingIfNeeded: zxid), zxid: zxid, time: time, type: 5)
            .encode(to: &bytes)
        bytes.append(string: path)
        data.withUnsafeBytes { bytes.append(buffer: $0) }
        bytes.append(int32: 1)
        endTxn(zxid: zxid)
    }
}

/// The state machine that stands in for the tree: all it knows is the last transaction and a sum over their bytes.
struct ToyState: Equatable {
    var zxid: Int64 = 0
    var sum: UInt64 = 0

    mutating func apply(zxid: Int64, body: [UInt8]) {
        self.zxid = zxid
        sum = sum &* 31 &+ body.reduce(UInt64(zxid)) { $0 &* 131 &+ UInt64($1) }
    }

    func save(_ disk: any Disk, _ directory: String) throws {
        let writer = try SnapshotWriter(disk: disk, directory: directory, zxid: zxid)
        writer.beginSessions(count: 1)
        writer.session(id: 7, timeoutMillis: 30_000)
        try writer.appendTree([("", withUnsafeBytes(of: sum) { [UInt8]($0) })])
        try writer.finish(SnapshotTrailer(digest: SnapshotDigest(zxid: zxid, value: 1), lastProcessedZxid: zxid))
    }

    init() {}

    /// The state that a recovery gives.
    init(_ collector: Collector) {
        if let zxid = collector.snapshotZxid {
            self.zxid = zxid
            sum = collector.nodes[0].data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        }
        for (zxid, body) in zip(collector.zxids, collector.bodies) { apply(zxid: zxid, body: body) }
    }
}

extension SnapshotWriter {
    /// Appends an ACL table with the open list as number 1, and nodes that use it.
    func appendTree(_ nodes: [(path: String, data: [UInt8])]) throws {
        buffer.append(int32: 1)
        buffer.append(int64: 1)
        buffer.append(int32: 1)
        buffer.append(int32: 31)
        buffer.append(string: "world")
        buffer.append(string: "anyone")
        for node in nodes {
            buffer.append(string: node.path)
            node.data.withUnsafeBytes { buffer.append(buffer: $0) }
            buffer.append(int64: 1)
            StatPersisted().encode(to: &buffer)
            try flushIfFull()
        }
    }
}

/// Runs a recovery over one directory and returns everything it said.
func recover(
    _ disk: any Disk, _ directory: String = "/data", trustsEmpty: Bool = false
) throws -> (result: RecoveryResult, collector: Collector, notices: [RecoveryNotice]) {
    let collector = Collector()
    var notices: [RecoveryNotice] = []
    let recovery = Recovery(trustsEmptySnapshot: trustsEmpty) { notices.append($0) }
    let result = try recovery.run(
        disk: disk, logDirectory: directory, snapshotDirectory: directory, visitor: collector)
    return (result, collector, notices)
}

/// A directory on the real disk, removed at the end.
final class TemporaryDirectory {
    let path: String

    init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
        path = parent + "/corral-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
