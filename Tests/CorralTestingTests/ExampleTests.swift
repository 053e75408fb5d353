import CorralTesting
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The example program, against an ensemble in this process.
@Suite("The example program", .serialized)
struct ExampleTests {
    private final class Program {
        let process: ChildProcess
        let scratch = TemporaryDirectory("example")

        init(_ arguments: [String]) throws {
            let path = TestEnvironment.productDirectory.appendingPathComponent("example-registry").path
            process = try ChildProcess(path, arguments, output: scratch.file("output"))
        }

        var lines: [String] { process.output.split(separator: "\n").map(String.init) }

        /// Waits until its last line is this one.
        func says(_ line: String) async -> Bool { await eventually { lines.last == line } }
    }

    @Test("who follows a service sees instances come and go, a leader's death between them")
    func registry() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            let servers = ensemble.connectString
            let watcher = try Program(["follow", servers, "billing"])
            #expect(await watcher.says("billing: nobody"), "\(watcher.process.output)")
            let first = try Program(["announce", servers, "billing", "10.0.0.1:80", "--timeout", "2"])
            #expect(await first.says("announced billing at 10.0.0.1:80"), "\(first.process.output)")
            #expect(await watcher.says("billing: 10.0.0.1:80"))
            let leader = try #require(await ensemble.leader())
            await leader.kill()
            try await ensemble.waitUntilServing()
            let second = try Program(["announce", servers, "billing", "10.0.0.2:80"])
            let other = try Program(["announce", servers, "shipping", "10.0.0.3:80"])
            #expect(await watcher.says("billing: 10.0.0.1:80, 10.0.0.2:80"), "\(watcher.process.output)")
            #expect(await other.says("announced shipping at 10.0.0.3:80"))
            // Ended in good order, an instance is gone at once; killed, once its session has expired.
            second.process.signal(SIGTERM)
            #expect(await watcher.says("billing: 10.0.0.1:80"))
            #expect(second.process.waitForExit(within: 10) == 0)
            first.process.signal(SIGKILL)
            #expect(await watcher.says("billing: nobody"), "\(watcher.process.output)")
            watcher.process.signal(SIGINT)
            #expect(watcher.process.waitForExit(within: 10) == 0)
        }
    }
}
