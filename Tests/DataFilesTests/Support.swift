import DataFiles
import Foundation
import TestSupport
import Testing
import TxnLog
import ZooKeeperProtocol

/// Files that a server has written: two sessions, writes of every kind, several log segments, a snapshot.
final class Written: Sendable {
    let vendor: Vendor
    let scratch: TemporaryDirectory
    /// Holds `version-2`.
    let directory: String
    let session: Int64
    let lastZxid: Int64

    /// - Parameter writes: how many plain writes there are besides one of each kind.
    init(_ vendor: Vendor, writes: Int = 400) throws {
        self.vendor = vendor
        // Segments roll with snapshots.
        let server = try ServerUnderTest(vendor, settings: ["snapCount": "120", "preAllocSize": "64"])
        let client = try server.client()
        try client.create("/a", data: Array("first\n\"data\"".utf8))
        try client.create("/a/mine", data: [0xff, 0x00], flags: 1)
        _ = try client.call(.delete("/none"))
        _ = try client.call(
            .multi([.create("/a/m1", data: [1]), .setData("/a", data: Array("second".utf8)), .check("/a", version: 1)]))
        _ = try client.call(.setACL("/a/m1", acl: [ACL(permissions: 21, identity: .anyone)]))
        for index in 0..<writes {
            try client.create("/b\(index % 7)-\(index)", data: [UInt8](repeating: 65, count: index))
        }
        _ = try client.call(.delete("/b0-0"))
        let other = try server.client()
        try other.create("/other", flags: 1)
        try other.close()
        session = client.session.id
        let zxid = try client.call(.exists("/a")).zxid
        lastZxid = zxid
        // Killed: the session stays, and the log ends as logs do.
        server.kill()
        scratch = TemporaryDirectory("written")
        directory = scratch.file("data")
        try FileManager.default.copyItem(atPath: server.dataDirectory, toPath: directory)
    }

    /// A copy that a test may damage.
    func copy() throws -> String {
        let path = scratch.file("copy-\(UUID().uuidString.prefix(8))")
        try FileManager.default.copyItem(atPath: directory, toPath: path)
        return path
    }

    static func logs(_ directory: String) throws -> [String] { try files(directory, "log.") }
    static func snapshots(_ directory: String) throws -> [String] { try files(directory, "snapshot.") }

    /// Oldest first.
    private static func files(_ directory: String, _ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/version-2")
            .filter { $0.hasPrefix(prefix) }
            .sorted { Int64($0.dropFirst(prefix.count), radix: 16)! < Int64($1.dropFirst(prefix.count), radix: 16)! }
            .map { directory + "/version-2/" + $0 }
    }

    /// Made once for each vendor that is installed.
    static let all: [Written] = Vendor.underTest.compactMap { vendor in
        if vendor == .apache, !FileManager.default.fileExists(atPath: ServerUnderTest.apacheJar) { return nil }
        do { return try Written(vendor) } catch { fatalError("\(vendor): \(error)") }
    }
}

extension Written: CustomTestStringConvertible {
    var testDescription: String { "files of \(vendor)" }
}

/// What a tool printed.
struct Printed {
    var code: Int32
    var results: String
    var remarks: String

    var lines: [String] { results.split(separator: "\n").map(String.init) }

    var objects: [[String: Any]] {
        results.split(separator: "\n").compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        }
    }

    init(_ format: ToolFormat = .text, _ tool: (any Disk, ToolOutput) throws -> Int32) rethrows {
        final class Collected {
            var results = ""
            var remarks = ""
        }
        let collected = Collected()
        let output = ToolOutput(format) { text, isRemark in
            if isRemark { collected.remarks += text } else { collected.results += text }
        }
        code = try tool(FileDisk(), output)
        results = collected.results
        remarks = collected.remarks
    }
}

/// Where the frames of a log lie, read without the code under test.
struct Frames {
    var file: String
    var bytes: [UInt8]
    var all: [(offset: Int, length: Int, zxid: Int64)] = []

    init(_ file: String) throws {
        self.file = file
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        var offset = 16
        while offset + 12 < bytes.count {
            let length = Int(Self.integer(bytes[(offset + 8)...], 4))
            if length == 0 { break }
            all.append((offset, length, Self.integer(bytes[(offset + 12 + 12)...], 8)))
            offset += length + 13
        }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>, _ count: Int) -> Int64 {
        bytes.prefix(count).reduce(0) { $0 << 8 | Int64($1) }
    }

    /// Behind the last frame.
    var end: Int { all.last.map { $0.offset + $0.length + 13 } ?? 16 }

    /// Puts the right checksum before a frame that was changed.
    mutating func seal(_ index: Int) {
        let frame = all[index]
        var (a, b): (UInt32, UInt32) = (1, 0)
        bytes.withUnsafeBufferPointer { bytes in
            var place = frame.offset + 12
            let end = place + frame.length
            while place < end {
                a = (a &+ UInt32(bytes[place])) % 65_521
                b = (b &+ a) % 65_521
                place += 1
            }
        }
        let checksum = b << 16 | a
        for place in 0..<4 {
            bytes[frame.offset + 4 + place] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * place))
        }
    }

    func save() throws { try Data(bytes).write(to: URL(fileURLWithPath: file)) }
}
