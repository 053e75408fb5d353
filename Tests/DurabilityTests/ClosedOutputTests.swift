import Foundation
import TestSupport
import Testing

/// A server whose standard streams are closed must not take its files for them.
@Suite("A server without standard streams", .serialized)
struct ClosedOutputTests {
    @Test("no log line goes into its data", arguments: ["2>&-", "<&- >&- 2>&-"])
    func closed(streams: String) throws {
        let scratch = TemporaryDirectory("closed")
        let data = scratch.file("data")
        let port = freePort()
        let script =
            "exec \"$0\" server --standalone --data-dir \"$1\" --client-port \"$2\" --log-level trace \(streams)"
        let server = try ChildProcess(
            "sh", ["-c", script, ServerUnderTest.corralBinary, data, "\(port)"], output: scratch.file("output"))
        let (code, output) = try ChildProcess.run(
            ServerUnderTest.corralBinary, ["shell", "-s", "127.0.0.1:\(port)", "create", "/a", "x"])
        #expect(code == 0, "\(output)")
        server.signal(SIGTERM)
        #expect(server.waitForExit(within: 20) == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(data)/version-2") {
            let bytes = try #require(FileManager.default.contents(atPath: "\(data)/version-2/\(name)"))
            #expect(!bytes.contains(Data("corral.server".utf8)), "\(name)")
        }
        let (check, findings) = try ChildProcess.run(ServerUnderTest.corralBinary, ["log", "check", data])
        #expect(check == 0, "\(findings)")
    }
}

extension Data {
    fileprivate func contains(_ other: Data) -> Bool { range(of: other) != nil }
}
