import CPlatform
import Foundation
import Jute
import TestSupport
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// Apache ZooKeeper's own tools and server on our files, and ours on its. Where its Debian packages
/// (`libzookeeper-java`, a Java runtime) are missing these tests are skipped.
@Suite(.enabled(if: Apache.isInstalled, "Apache ZooKeeper for Java is not installed"), .serialized)
struct ApacheTests {
    /// A data directory with the tree of a new server and a log with two groups: creates, then sets.
    static func write(_ directory: String, epoch: Int64 = 0) throws -> LogWriter {
        let disk = FileDisk()
        let data = try DataDirectory(disk: disk, dataDir: directory)
        defer { data.release() }
        let snapshot = try SnapshotWriter(disk: disk, directory: data.snapshotDirectory, zxid: 0)
        snapshot.beginSessions(count: 0)
        let tree = Array(Golden.snapshot[20..<Golden.snapshot.count - 5 - 13 - 33])
        try tree.withUnsafeBytes { try snapshot.append($0) }
        try snapshot.finish(SnapshotTrailer(digest: SnapshotDigest(zxid: 0, value: 0), lastProcessedZxid: 0))

        let writer = LogWriter(disk: disk, directory: data.logDirectory, preallocationBytes: 1 << 20)
        let creates = TxnBatch()
        for zxid in 1...20 {
            creates.beginTxn()
            TxnHeader(clientId: 5, cxid: Int32(zxid), zxid: epoch << 32 | Int64(zxid), time: 1_700_000_000_000, type: 1)
                .encode(to: &creates.bytes)
            creates.bytes.append(string: "/made-here-\(zxid)")
            Array("first".utf8).withUnsafeBytes { creates.bytes.append(buffer: $0) }
            creates.bytes.append(int32: 1)
            creates.bytes.append(int32: 31)
            creates.bytes.append(string: "world")
            creates.bytes.append(string: "anyone")
            creates.bytes.append(bool: false)
            creates.bytes.append(int32: Int32(zxid))
            creates.endTxn(zxid: epoch << 32 | Int64(zxid))
        }
        try writer.append([creates])
        let sets = TxnBatch()
        for zxid in 21...40 {
            sets.appendSetData(
                zxid: epoch << 32 | Int64(zxid), path: "/made-here-\(zxid - 20)", data: Array("second-\(zxid)".utf8))
        }
        try writer.append([sets])
        return writer
    }

    @Test func toolsReadOurFiles() throws {
        let directory = try TemporaryDirectory()
        let writer = try Self.write(directory.path)
        // Still open: zeros follow the last transaction.
        let log = directory.path + "/version-2/log.1"
        let padded = try Apache.run("org.apache.zookeeper.server.persistence.TxnLogToolkit", log)
        #expect(padded.contains("EOF reached after 40 txns."), "\(padded)")
        #expect(padded.contains("zxid 0x28 setData /made-here-20,second-40,1"), "\(padded)")
        writer.close()
        let cut = try Apache.run("org.apache.zookeeper.server.persistence.TxnLogToolkit", log)
        #expect(cut == padded)
        let snapshot = try Apache.run(
            "org.apache.zookeeper.server.SnapshotFormatter", directory.path + "/version-2/snapshot.0")
        #expect(snapshot.contains("ZNode Details (count=5)"), "\(snapshot)")
        #expect(snapshot.contains("Last zxid: 0x0"), "\(snapshot)")
    }

    @Test func serverGoesOnWhereWeStoppedAndBack() throws {
        let directory = try TemporaryDirectory()
        // As after kill -9: never closed, zeros behind the log's end.
        let writer = try Self.write(directory.path)
        defer { withExtendedLifetime(writer) {} }
        let server = try Apache.Server(dataDir: directory.path)
        let read = try server.command("get", "/made-here-20")
        #expect(read.contains("second-40"), "\(read)")
        for number in 1...3 {
            _ = try server.command("create", "/theirs-\(number)", "x")
        }
        server.kill()

        let version = directory.path + "/version-2"
        let recovered = try recover(FileDisk(), version)
        // It writes a snapshot at its start, then at least a transaction to open each session, and the creates.
        #expect(recovered.result.snapshotZxid == 40)
        #expect(recovered.result.lastZxid >= 40 + 4 + 3)
        let nodes = recovered.collector.nodes.filter { $0.path.hasPrefix("/made-here-") }
        #expect(nodes.count == 20 && nodes.allSatisfy { $0.data.starts(with: Array("second-".utf8)) })
        #expect(recovered.collector.types.filter { $0 == OpCode.create.rawValue }.count == 3)
        #expect(!recovered.notices.contains { $0.isCut }, "\(recovered.notices)")

        // And on: our next segment follows, and Apache serves it once more.
        let ours = LogWriter(disk: FileDisk(), directory: version, lastZxid: recovered.result.lastZxid)
        let batch = TxnBatch()
        batch.appendSetData(zxid: recovered.result.lastZxid + 1, path: "/theirs-1", data: Array("ours-again".utf8))
        try ours.append([batch])
        ours.close()
        let again = try Apache.Server(dataDir: directory.path)
        defer { again.kill() }
        let last = try again.command("get", "/theirs-1")
        #expect(last.contains("ours-again"), "\(last)")
    }
}

/// Apache ZooKeeper as Debian installs it.
enum Apache {
    static let java = "/usr/bin/java"
    static let jars = ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-nop.jar"]

    static var isInstalled: Bool { ([java] + jars).allSatisfy { FileManager.default.fileExists(atPath: $0) } }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: java)
        process.arguments = ["-cp", jars.joined(separator: ":"), "-Dzookeeper.admin.enableServer=false"] + arguments
        return process
    }

    /// Runs a main class to its end; what it printed.
    static func run(_ arguments: String...) throws -> String { try run(arguments) }

    static func run(_ arguments: [String]) throws -> String {
        let process = process(arguments)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// A server of its own on a free loopback port.
    final class Server {
        let address: String
        private let process: Process

        init(dataDir: String) throws {
            for _ in 0..<5 {
                let port = freePort()
                let configuration = dataDir + "/test.cfg"
                try "tickTime=2000\ndataDir=\(dataDir)\nclientPort=\(port)\nclientPortAddress=127.0.0.1\n"
                    .write(toFile: configuration, atomically: true, encoding: .utf8)
                let process = Apache.process(["org.apache.zookeeper.server.ZooKeeperServerMain", configuration])
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                let deadline = Date().addingTimeInterval(20)
                while process.isRunning && Date() < deadline {
                    if Self.accepts(port) {
                        self.process = process
                        address = "127.0.0.1:\(port)"
                        return
                    }
                    usleep(20_000)
                }
                process.terminate()
            }
            throw Failure(description: "Apache ZooKeeper does not start on \(dataDir)")
        }

        deinit { kill() }

        /// Runs one command of the command-line client.
        func command(_ words: String...) throws -> String {
            let client = ["org.apache.zookeeper.ZooKeeperMain", "-waitforconnection", "-server", address]
            return try Apache.run(client + words)
        }

        func kill() {
            guard process.isRunning else { return }
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        private static func accepts(_ port: Int) -> Bool {
            guard let descriptor = Apache.connect(port) else { return false }
            close(descriptor)
            return true
        }
    }

    /// A connected socket, nil when nobody listens on the loopback port.
    static func connect(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isConnected, corral_connected(descriptor) == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}
