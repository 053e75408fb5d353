import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// A disk that fills up under load. The server ends, with exit code 10 and one line that says why; it never
/// acknowledges what it cannot keep; with room again it starts with everything acknowledged.
@Suite(
    .enabled(if: !SmallDisk.permitted.isEmpty, "mounting a file system is not permitted here"), .serialized,
    .timeLimit(.minutes(3)))
struct FullDiskTests {
    @Test(arguments: SmallDisk.permitted, ["1000000", "150"])
    func endsAndLosesNothing(_ kind: SmallDisk.Kind, snapCount: String) throws {
        let disk = try SmallDisk(kind, megabytes: 24)
        // Room that is given back later; the server's own directory lies beside it.
        let ballast = "\(disk.path)/ballast"
        try Data(count: 10 << 20).write(to: URL(fileURLWithPath: ballast))
        let server = try ServerUnderTest(
            .corral, settings: ["snapCount": snapCount, "preAllocSize": "1024"], dataDirectory: "\(disk.path)/data")
        let filler = try DiskFiller(port: server.port)
        try filler.run()

        let process = try #require(server.process)
        #expect(process.waitForExit(within: 20) == 10)
        let complaints = process.output.split(separator: "\n").filter { $0.contains("transaction log cannot") }
        #expect(complaints.count == 1 && complaints[0].contains("No space left on device"), "\(process.output)")
        #expect(!process.output.contains("Fatal error"), "\(process.output.suffix(1000))")
        #expect(filler.acknowledged > 500)

        // Still full: it may serve what it has or say that it cannot; it must not lose anything trying.
        let outcome = Result { try server.start() }
        let text = try String(contentsOfFile: server.logPath, encoding: .utf8)
        if case .failure = outcome {
            let lines = text.split(separator: "\n").filter { $0.hasPrefix("corral: ") || $0.contains(" CRITICAL ") }
            #expect(lines.count == 1 && lines[0].contains("No space left on device"), "\(text)")
        }
        server.kill()

        try FileManager.default.removeItem(atPath: ballast)
        try server.start()
        try filler.check(port: server.port)
        let client = try server.client()
        try client.create("/goes-on")
        try client.close()
        #expect(server.stop() == 0)
        TestEnvironment.note("\(kind), snapCount \(snapCount): \(filler.acknowledged) writes of 1 KiB acknowledged")
    }
}

/// Creates znodes of 1 KiB, pipelined, until the connection ends.
private final class DiskFiller {
    private let client: ProtocolClient
    private(set) var submitted = 0
    private(set) var acknowledged = 0

    init(port: Int) throws {
        client = try ProtocolClient(port: port)
        try client.create("/full")
    }

    private func data(_ number: Int) -> [UInt8] {
        Array("\(number):".utf8) + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1024)
    }

    func run() throws {
        // Far more than the disk holds.
        while submitted < 60_000 {
            var bytes: [UInt8] = []
            while submitted - acknowledged < 50 {
                let request = Request.create("/full/\(submitted)", data: data(submitted))
                bytes += ProtocolClient.framed(request.payload(xid: client.takeXid()))
                submitted += 1
            }
            try client.socket.send(bytes)
            repeat {
                guard case .reply(let reply) = try client.receive() else { return }
                #expect(reply.error == 0)
                acknowledged += 1
            } while client.socket.hasInput && acknowledged < submitted
        }
        Issue.record("60,000 znodes of 1 KiB fitted on a small disk")
    }

    /// Everything acknowledged is there with its data; nothing beyond what was sent.
    func check(port: Int) throws {
        let reader = try ProtocolClient(port: port)
        let present = try reader.perform(.getChildren("/full")).strings().compactMap(Int.init).sorted()
        #expect(present == Array(0..<present.count))
        #expect(
            acknowledged <= present.count && present.count <= submitted,
            "\(acknowledged) acknowledged, \(present.count) there, \(submitted) sent")
        for number in present {
            let found = try reader.perform(.getData("/full/\(number)")).dataAndStat()
            guard found.0 == data(number), found.1.version == 0 else {
                Issue.record("/full/\(number): \(found.0.count) bytes, version \(found.1.version)")
                return
            }
        }
        try reader.close()
    }
}

/// A small file system of its own, unmounted with the object.
final class SmallDisk {
    enum Kind: String, CaseIterable, Sendable {
        /// Direct writes.
        case ext4
        case tmpfs
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    private let scratch = TemporaryDirectory("disk")
    var path: String { scratch.file("mount") }

    /// The kinds that this process may mount, found out by mounting.
    static let permitted = Kind.allCases.filter { kind in
        do {
            _ = try SmallDisk(kind, megabytes: 24)
            return true
        } catch {
            TestEnvironment.note("full disk tests on \(kind) are skipped: \(error)")
            return false
        }
    }

    init(_ kind: Kind, megabytes: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        switch kind {
        case .tmpfs: try Self.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "none", path])
        case .ext4:
            let image = scratch.file("image")
            try Data().write(to: URL(fileURLWithPath: image))
            truncate(image, megabytes << 20)
            try Self.run("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-F", image])
            try Self.run("mount", ["-o", "loop", image, path])
        }
    }

    deinit { try? Self.run("umount", [path]) }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let (code, output) = try ChildProcess.run(program, arguments)
        guard code == 0 else {
            throw Failure(description: "\(program) ended with \(code): \(output.split(separator: "\n").first ?? "")")
        }
    }
}
