import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// One data directory, two servers in turn: each shows the tree that the other left, to the last field of Stat, and
/// goes on with its sessions. Skipped where Debian's `zookeeper` (its jars and a Java runtime) is missing.
@Suite(
    .enabled(if: ApacheTools.areInstalled, "Apache ZooKeeper for Java is not installed"), .serialized,
    .timeLimit(.minutes(5)))
struct FormatTests {
    static let settings = ["snapCount": "100", "preAllocSize": "1024"]

    @Test(arguments: [Vendor.corral, .apache], [false, true])
    func theOtherShowsTheSameTree(first: Vendor, orderly: Bool) throws {
        let origin = try ServerUnderTest(first, settings: Self.settings)
        let other = try ServerUnderTest(
            first == .corral ? .apache : .corral, settings: Self.settings, dataDirectory: origin.dataDirectory,
            start: false)
        let sessions = try SampleTree.write(port: origin.port, requests: 700, seed: 11)
        let before = try TreeDump.lines(port: origin.port)
        #expect(before.count > 150)
        try end(origin, orderly)

        try other.start()
        let across = try TreeDump.lines(port: other.port)
        #expect(TreeDump.difference(before, across) == [])
        // The sessions are there too, under the same passwords, and go on.
        let back = try ProtocolClient(port: other.port, resuming: sessions[0])
        #expect(back.session == sessions[0])
        #expect(try back.call(.exists("/sample/mine-0")).error == 0)
        try back.close()
        let ended = try other.client()
        #expect(try ended.call(.exists("/sample/mine-0")).error == ErrorCode.noNode.rawValue)
        #expect(try ended.call(.exists("/sample/mine-1")).error == 0)
        try ended.close()
        _ = try SampleTree.write(port: other.port, requests: 300, seed: 12, under: "/more")
        let left = try TreeDump.lines(port: other.port)
        try end(other, orderly)

        try origin.start()
        #expect(TreeDump.difference(left, try TreeDump.lines(port: origin.port)) == [])
        try end(origin, orderly)
    }

    @Test(arguments: [false, true])
    func apachesToolsReadOurFiles(orderly: Bool) throws {
        let server = try ServerUnderTest(.corral, settings: Self.settings)
        _ = try SampleTree.write(port: server.port, requests: 700, seed: 13)
        let marker = try server.client()
        try marker.create("/marker", data: Array("seen-by-the-toolkit".utf8))
        let last = try marker.call(.exists("/marker")).zxid
        try end(server, orderly)

        var transactions = 0
        var texts = ""
        let logs = try files(server, "log.")
        #expect(logs.count > 3, "the log did not roll")
        for log in logs {
            let text = try ApacheTools.run("org.apache.zookeeper.server.persistence.TxnLogToolkit", log)
            let count = text.firstMatch(of: /EOF reached after (\d+) txns/).flatMap { Int($0.1) }
            transactions += try #require(count, "\(log): \(text.suffix(500))")
            #expect(!text.contains("CRC ERROR"), "\(log)")
            texts += text
        }
        #expect(texts.contains("create /marker,seen-by-the-toolkit"))
        // Every zxid from 1 on is in some segment, once. An orderly end adds nothing: sessions outlive it.
        #expect(Int64(transactions) == last)

        // The next start writes a snapshot of exactly what it found.
        try server.start()
        let tree = try TreeDump.lines(port: server.port)
        server.kill()
        let snapshot = try #require(try files(server, "snapshot.").last)
        let text = try ApacheTools.run("org.apache.zookeeper.server.SnapshotFormatter", snapshot)
        let lines = Set(text.split(separator: "\n").map(String.init))
        for line in tree {
            let path = String(line[..<line.range(of: " data=")!.lowerBound])
            #expect(lines.contains(path), "\(path) is missing in the formatter's output")
        }
        // It counts the root under its two names.
        #expect(text.contains("ZNode Details (count=\(tree.count + 1)"), "\(text.prefix(200)) of \(tree.count)")
    }

    private func end(_ server: ServerUnderTest, _ orderly: Bool) throws {
        guard orderly else { return server.kill() }
        let code = server.stop()
        // Java ends with 128 + SIGTERM.
        #expect(code == (server.vendor == .corral ? 0 : 143))
    }

    /// Paths of the data files of a kind, oldest first.
    private func files(_ server: ServerUnderTest, _ prefix: String) throws -> [String] {
        let directory = "\(server.dataDirectory)/version-2"
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix(prefix) }
            .sorted { Int64($0.dropFirst(prefix.count), radix: 16)! < Int64($1.dropFirst(prefix.count), radix: 16)! }
            .map { "\(directory)/\($0)" }
    }
}

/// Apache ZooKeeper's command-line tools as Debian installs them.
enum ApacheTools {
    static var areInstalled: Bool {
        FileManager.default.fileExists(atPath: ServerUnderTest.apacheJar)
            && (try? ChildProcess.run("java", ["-version"]).code) == 0
    }

    static func run(_ mainClass: String, _ file: String) throws -> String {
        // Else Java writes paths in the locale's encoding, the C locale's with question marks.
        let encoding = ["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8"]
        return try ChildProcess.run("java", encoding + ["-cp", ServerUnderTest.apacheClassPath, mainClass, file]).output
    }
}
