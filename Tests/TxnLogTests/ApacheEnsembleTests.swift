import Foundation
import Jute
import TestSupport
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// Apache's servers as an ensemble on directories that we wrote: they take our epochs and we theirs, and what their
/// leader sends a learner is what we take for a snapshot.
@Suite(.enabled(if: Apache.isInstalled, "Apache ZooKeeper for Java is not installed"), .serialized)
struct ApacheEnsembleTests {
    @Test func epochsAndSnapshotOfAnApacheEnsemble() throws {
        let directory = try TemporaryDirectory()
        let disk = FileDisk()
        let directories = (1...2).map { directory.path + "/\($0)" }
        for path in directories {
            try ApacheTests.write(path, epoch: 7).close()
            let store = try EpochStore(disk: disk, directory: path + "/version-2")
            #expect(try store.reconcile(lastZxid: 0x7_0000_0028) == EpochRecord(accepted: 7, current: 7))
            try store.store(EpochRecord(accepted: 9, current: 7, committedZxid: 0x7_0000_0028))
        }
        let ensemble = try ApacheEnsemble(directories)
        defer { ensemble.kill() }
        let learner = try ensemble.connectToLeader()

        learner.send(type: 11, zxid: 0) { data in
            data.append(int64: 3)
            data.append(int32: 0x10000)
            data.append(int64: 0)
        }
        let leaderInfo = try learner.receive()
        // One more than what our record says was accepted.
        #expect(leaderInfo.type == 17 && leaderInfo.zxid == 0xa_0000_0000)
        learner.send(type: 18, zxid: 0) { $0.append(int32: 0) }
        let snap = try learner.receive()
        #expect(snap.type == 15 && [0x7_0000_0028, 0xa_0000_0000].contains(snap.zxid))

        let collector = Collector()
        let parser = SnapshotBodyParser(zxid: snap.zxid, visitor: collector)
        let received = MemoryDisk()
        try received.createDirectory("/data")
        let sink = try SnapshotReceiver(
            disk: received, logDirectory: "/data", snapshotDirectory: "/data", zxid: snap.zxid)
        while !parser.isFinished {
            let piece = try learner.readSome()
            let used = try piece.withUnsafeBytes { try parser.feed($0) }
            try piece.withUnsafeBytes { try sink.write(UnsafeRawBufferPointer(rebasing: $0[..<used])) }
            learner.putBack(Array(piece[used...]))
        }
        #expect(collector.nodes.filter { $0.path.hasPrefix("/made-here-") }.count == 20)
        #expect(try learner.read(14) == SnapshotBodyTests.signature)
        let newLeader = try learner.receive()
        #expect(newLeader.type == 10 && newLeader.zxid == 0xa_0000_0000)
        let deadline = Date().addingTimeInterval(30)
        for path in directories {
            let current = URL(fileURLWithPath: path + "/version-2/currentEpoch")
            while try Data(contentsOf: current) != Data("10".utf8), Date() < deadline { usleep(20_000) }
        }
        learner.close()
        ensemble.kill()

        // What was received is a snapshot, also to Apache's tool.
        try sink.finish(digest: nil)
        let again = try recover(received)
        #expect(again.collector.nodes == collector.nodes && again.result.lastZxid == snap.zxid)
        let name = directory.path + "/" + DataFileName.snapshot(snap.zxid)
        try Data(received.contents(of: "/data/" + DataFileName.snapshot(snap.zxid))!).write(
            to: URL(fileURLWithPath: name))
        let printed = try Apache.run("org.apache.zookeeper.server.SnapshotFormatter", name)
        // It counts the root under two names.
        #expect(printed.hasPrefix("ZNode Details (count=\(collector.nodes.count + 1))"), "\(printed.prefix(200))")

        for path in directories {
            let version = path + "/version-2"
            let store = try EpochStore(disk: disk, directory: version)
            #expect(store.record == EpochRecord(accepted: 10, current: 10, committedZxid: 0x7_0000_0028))
            let collector = Collector()
            let result = try Recovery(committedZxid: store.record.committedZxid).run(
                disk: disk, logDirectory: version, snapshotDirectory: version, visitor: collector)
            let isReady = result.lastZxid >= 0x7_0000_0028
            #expect(isReady)
            #expect(try store.reconcile(lastZxid: result.lastZxid).current == 10)
        }
    }
}

/// Two of three Apache servers; the third is the test.
private final class ApacheEnsemble {
    private var servers: [Process] = []
    private let quorumPorts: [Int]

    init(_ directories: [String]) throws {
        quorumPorts = (0..<3).map { _ in freePort() }
        let electionPorts = (0..<3).map { _ in freePort() }
        for (index, directory) in directories.enumerated() {
            try "\(index + 1)".write(toFile: directory + "/myid", atomically: true, encoding: .utf8)
            var text = "tickTime=500\ninitLimit=20\nsyncLimit=20\ndataDir=\(directory)\n"
            text += "clientPort=\(freePort())\nclientPortAddress=127.0.0.1\n"
            for server in 0..<3 {
                text += "server.\(server + 1)=127.0.0.1:\(quorumPorts[server]):\(electionPorts[server])\n"
            }
            try text.write(toFile: directory + "/zoo.cfg", atomically: true, encoding: .utf8)
            let process = Apache.process([
                "-Dzookeeper.forceSnapshotSync=true", "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                directory + "/zoo.cfg",
            ])
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            servers.append(process)
        }
    }

    deinit { kill() }

    /// Only the leader listens on its quorum port.
    func connectToLeader() throws -> LearnerLink {
        let deadline = Date().addingTimeInterval(40)
        while Date() < deadline && servers.allSatisfy(\.isRunning) {
            for port in quorumPorts {
                if let descriptor = Apache.connect(port) { return LearnerLink(descriptor) }
            }
            usleep(20_000)
        }
        throw Apache.Failure(description: "two Apache servers elect no leader on our directories")
    }

    func kill() {
        for server in servers where server.isRunning {
            Foundation.kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
    }
}

/// A learner's end of the connection to its leader: packets without frames.
private final class LearnerLink {
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var isClosed = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func close() {
        if !isClosed { Foundation.close(descriptor) }
        isClosed = true
    }

    func send(type: Int32, zxid: Int64, _ data: (inout WireBuffer) -> Void) {
        var content = WireBuffer()
        data(&content)
        var packet = WireBuffer()
        packet.append(int32: type)
        packet.append(int64: zxid)
        packet.append(buffer: content.bytes)
        packet.append(int32: -1)
        #expect(write(descriptor, packet.bytes.baseAddress!, packet.count) == packet.count)
    }

    func receive() throws -> (type: Int32, zxid: Int64, data: [UInt8]) {
        func integer(_ bytes: [UInt8]) -> Int64 { bytes.reduce(0) { $0 << 8 | Int64($1) } }
        let type = Int32(truncatingIfNeeded: integer(try read(4)))
        let zxid = integer(try read(8))
        let length = Int32(truncatingIfNeeded: integer(try read(4)))
        let data = try read(max(0, Int(length)))
        #expect(try read(4) == [0xff, 0xff, 0xff, 0xff], "no authentication")
        return (type, zxid, data)
    }

    func read(_ count: Int) throws -> [UInt8] {
        while pending.count < count { pending += try receiveMore() }
        defer { pending.removeFirst(count) }
        return Array(pending[..<count])
    }

    func readSome() throws -> [UInt8] {
        if pending.isEmpty { return try receiveMore() }
        defer { pending = [] }
        return pending
    }

    func putBack(_ bytes: [UInt8]) { pending = bytes + pending }

    private func receiveMore() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1000)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { throw Apache.Failure(description: "the leader sends no more") }
        return Array(bytes[..<count])
    }
}
