import Foundation
import TestSupport
import Testing
import Zab

@testable import Server

@Suite("Who connects to an election port, byte by byte")
struct ElectionOpeningTests {
    private func parse(_ bytes: [UInt8]) -> ElectionOpening.Parsed {
        bytes.withUnsafeBytes { ElectionOpening.parse($0) }
    }

    @Test("written as Apache writes it")
    func bytes() {
        let opening = ElectionOpening(server: 5, addresses: "host:3888")
        #expect(opening.serialize(announcesAll: false) == openingBytes(id: 5, addresses: "host:3888"))
        #expect(
            opening.serialize(announcesAll: true) == openingBytes(version: -65535, id: 5, addresses: "host:3888"))
        #expect(openingBytes(id: 5, addresses: "h:1").prefix(8) == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0])
    }

    @Test("IPv6 addresses stand in brackets, several behind each other")
    func announcement() {
        var line = server(1, host: "::1", quorumPort: 1, electionPort: 2)
        line.addresses.append(.init(host: "b", quorumPort: 3, electionPort: 4))
        #expect(ElectionOpening.announcement(of: line, all: true) == "[::1]:2|b:4")
        #expect(ElectionOpening.announcement(of: line, all: false) == "[::1]:2")
    }

    @Test("read back, with the first version, the second and the one before 3.5")
    func versions() {
        for version in [ElectionOpening.version1, ElectionOpening.version2] {
            let bytes = openingBytes(version: version, id: 3, addresses: "a:1|[::1]:65535")
            #expect(
                parse(bytes + [9])
                    == .whole(ElectionOpening(server: 3, addresses: "a:1|[::1]:65535"), byteCount: bytes.count))
        }
        #expect(parse(bigEndian(Int64(7))) == .whole(ElectionOpening(server: 7, addresses: ""), byteCount: 8))
    }

    @Test("every prefix is incomplete")
    func prefixes() {
        let bytes = openingBytes(id: 3, addresses: "host:3888")
        for count in 0..<bytes.count { #expect(parse(Array(bytes[..<count])) == .incomplete) }
    }

    @Test(
        "garbage is told from openings",
        arguments: [
            openingBytes(version: -1, id: 1, addresses: "a:1"), openingBytes(version: -65537, id: 1, addresses: "a:1"),
            openingBytes(id: 1, addresses: "a"), openingBytes(id: 1, addresses: "a:"),
            openingBytes(id: 1, addresses: "a\nb:1"), openingBytes(id: 1, addresses: ":1"),
            openingBytes(id: 1, addresses: "a:65536"),
            openingBytes(id: 1, addresses: "a:1|"), openingBytes(id: 1, addresses: "a:-1"),
            bigEndian(Int64(-65536)) + bigEndian(Int64(1)) + bigEndian(Int32(0)),
            bigEndian(Int64(-65536)) + bigEndian(Int64(1)) + bigEndian(Int32(2049)),
            bigEndian(Int64(-65536)) + bigEndian(Int64(1)) + bigEndian(Int32(-1)),
        ])
    func garbage(bytes: [UInt8]) {
        guard case .garbage = parse(bytes) else {
            Issue.record("taken as \(parse(bytes))")
            return
        }
    }
}
