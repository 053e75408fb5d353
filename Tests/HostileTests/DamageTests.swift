import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// Damaged data directories, met by the server as a user runs it.
@Suite struct DamageTests {
    /// A data directory with one log segment of acknowledged writes, its server killed; and the log's path.
    private func written(_ count: Int = 200) throws -> (server: ServerUnderTest, log: String) {
        let server = try ServerUnderTest(.corral, settings: ["preAllocSize": "256"])
        let client = try server.client()
        for number in 0..<count { try client.create("/w\(number)", data: [UInt8](repeating: 0x5a, count: 100)) }
        client.drop()
        server.kill()
        let version = "\(server.dataDirectory)/version-2"
        let name = try FileManager.default.contentsOfDirectory(atPath: version).first { $0.hasPrefix("log.") }
        return (server, "\(version)/\(try #require(name))")
    }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// The end of the log's content: what follows are zeros.
    private func end(of bytes: [UInt8]) -> Int { bytes.lastIndex { $0 != 0 }! + 1 }

    @Test func damagedMiddleRefusesTheStart() throws {
        let (server, log) = try written()
        var content = try bytes(log)
        let middle = end(of: content) / 2
        content[middle] ^= 0xff
        try Data(content).write(to: URL(fileURLWithPath: log))
        let attempt = try Attempt.standalone(dataDir: server.dataDirectory)
        #expect(attempt.end() == 5)
        #expect(attempt.errorLines.count == 1, "\(attempt.errors)")
        #expect(attempt.errors.hasPrefix("corral: data corrupt: \(log) is corrupt at byte "), "\(attempt.errors)")
        // The record's beginning, at most one record before the damaged byte.
        let named = attempt.errors.firstMatch(of: /at byte (\d+)/).flatMap { Int($0.1) }
        #expect(try (middle - 300...middle).contains(#require(named)))
        // Refusing changes nothing.
        #expect(try bytes(log) == content)
    }

    @Test func tornTailIsCutWithOneLine() throws {
        let (server, log) = try written()
        var content = try bytes(log)
        let end = end(of: content)
        // As a power failure leaves it: the last record's second half never reached the disk.
        content.replaceSubrange(end - 60..<end, with: [UInt8](repeating: 0, count: 60))
        try Data(content).write(to: URL(fileURLWithPath: log))
        let attempt = try Attempt.standalone(dataDir: server.dataDirectory, port: server.port)
        let serves = eventually(within: 20) { (try? server.client().close()) != nil || !attempt.process.isRunning }
        #expect(serves && attempt.process.isRunning)
        #expect(
            attempt.errorLines.count == 1 && attempt.errors.contains("Cut the torn end of \(log)"), "\(attempt.errors)")
        let client = try server.client()
        #expect(try client.call(.exists("/w198")).error == 0)
        #expect(try client.call(.exists("/w199")).error == ErrorCode.noNode.rawValue)
        client.drop()
        #expect(attempt.terminate() == 0)
    }

    @Test func notALog() throws {
        let (server, log) = try written(3)
        try Data("something else entirely, and not even short".utf8).write(to: URL(fileURLWithPath: log))
        let attempt = try Attempt.standalone(dataDir: server.dataDirectory)
        #expect(attempt.end() == 5)
        #expect(attempt.errorLines.count == 1 && attempt.errors.contains(log), "\(attempt.errors)")
    }

    @Test func noUsableSnapshot() throws {
        let (server, _) = try written(3)
        let version = "\(server.dataDirectory)/version-2"
        let snapshots = try FileManager.default.contentsOfDirectory(atPath: version).filter {
            $0.hasPrefix("snapshot.")
        }
        for name in snapshots { try Data("broken".utf8).write(to: URL(fileURLWithPath: "\(version)/\(name)")) }
        let attempt = try Attempt.standalone(dataDir: server.dataDirectory)
        #expect(attempt.end() == 5)
        let refusals = attempt.errorLines.filter {
            $0.hasPrefix("corral: data corrupt: no usable snapshot in \(version)")
        }
        #expect(refusals.count == 1, "\(attempt.errors)")
        // One warning for each snapshot that was passed over.
        #expect(attempt.errorLines.count == 1 + snapshots.count, "\(attempt.errors)")
    }

    @Test func missingSnapshot() throws {
        let (server, _) = try written(3)
        let version = "\(server.dataDirectory)/version-2"
        for name in try FileManager.default.contentsOfDirectory(atPath: version) where name.hasPrefix("snapshot.") {
            try FileManager.default.removeItem(atPath: "\(version)/\(name)")
        }
        let attempt = try Attempt.standalone(dataDir: server.dataDirectory)
        #expect(attempt.end() == 5)
        #expect(attempt.errorLines.count == 1 && attempt.errors.contains("no snapshot"), "\(attempt.errors)")
    }
}
