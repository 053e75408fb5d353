import Foundation
import TestSupport
import Testing

/// What four-letter words count of themselves.
@Suite("Counting words", .serialized)
struct WordCountTests {
    /// The number behind a label of `srvr`.
    private func number(_ label: String, in text: String) throws -> Int {
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(label): ") }, "\(text)")
        return try #require(Int(line.dropFirst(label.utf8.count + 2)))
    }

    @Test("the asking connection and the server's sums", arguments: Vendor.underTest)
    func words(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        for word in ["stat", "cons"] {
            let text = try fourLetterWord(word, port: server.port)
            let lines = text.split(separator: "\n").filter { $0.hasPrefix(" /") }
            #expect(lines.contains { $0.hasSuffix("[0](queued=0,recved=1,sent=0)") }, "\(text)")
        }
        let first = try fourLetterWord("srvr", port: server.port)
        let second = try fourLetterWord("srvr", port: server.port)
        #expect(try number("Received", in: second) == number("Received", in: first) + 1)
        #expect(try number("Sent", in: second) == number("Sent", in: first) + 1)
    }
}
