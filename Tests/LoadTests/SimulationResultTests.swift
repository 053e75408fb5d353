import Foundation
import Testing

@testable import Load

/// The files of `corral-bench simulate`.
struct SimulationResultTests {
    @Test func campaignsCarryTheirCircumstances() throws {
        let directory = try TemporaryDirectory()
        let command = CommandTests()
        let (code, text) = try command.run([
            "simulate", "--seeds", "2", "--seed", "5", "--output", directory.path, "--label", "two", "--quiet",
        ])
        #expect(code == 0, "\(text)")
        let place = "\(directory.path)/simulation/two"
        let path = "\(place)/summary.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["schema"] as? String == "corral-bench/simulation" && object["schemaVersion"] as? Int == 1)
        #expect(object["firstSeed"] as? Int == 5 && object["lastSeed"] as? Int == 6 && object["seeds"] as? Int == 2)
        for key in ["startedAt", "endedAt"] {
            let time = try #require(object[key] as? String)
            #expect(ISO8601DateFormatter().date(from: time) != nil, "\(time)")
        }
        let environment = try #require(object["environment"])
        let record = try JSONDecoder().decode(
            EnvironmentRecord.self, from: try JSONSerialization.data(withJSONObject: environment))
        #expect(record.argv.contains("simulate"))
        #expect(!record.commit.isEmpty && !record.compiler.isEmpty && record.cpuCount > 0)

        let report = try String(contentsOfFile: "\(place)/report.txt", encoding: .utf8)
        for words in ["Status: valid. Seeds 5 to 6", "2 seeds, 0 violations", "No violations.", "CPU seconds a seed"] {
            #expect(report.contains(words), "\(words): \(report)")
        }
        for (kind, count) in try #require(object["faults"] as? [String: Int]) {
            #expect(report.contains("  \(kind): \(count)\n") == (count > 0), "\(kind): \(report)")
        }

        #expect(try command.run(["check-result", path]).code == 0)
        let whole = String(decoding: data, as: UTF8.self)
        for (from, to, words) in [
            (
                #""violations" : ["#, #""violations" : [{"seed": 5, "property": "lost", "text": "x"}"#, "seed 5: lost"
            ),
            ("\"status\" : \"valid\"", "\"status\" : \"invalid\"", "status is invalid"),
            ("\"seeds\" : 2", "\"seeds\" : 3", "3 seeds do not lie"), ("\"argv\"", "\"arg\"", "argv is missing"),
            ("\"schemaVersion\" : 1", "\"schemaVersion\" : 9", "version"),
        ] {
            #expect(whole.contains(from))
            try whole.replacingOccurrences(of: from, with: to).write(toFile: path, atomically: true, encoding: .utf8)
            let judged = try command.run(["check-result", path])
            #expect(judged.code == LoadExitCode.invalidRun && judged.text.contains(words), "\(words): \(judged.text)")
        }
    }

    /// What was known by then is kept, and marked.
    @Test func anInterruptedCampaignIsPartial() throws {
        let directory = try TemporaryDirectory()
        let output = Pipe()
        let process = try CommandTests().start(
            ["simulate", "--seeds", "1000000", "--output", directory.path, "--quiet"], output)
        // The handler is there before any process of the campaign.
        let children = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
        let deadline = Date().addingTimeInterval(20)
        while try String(contentsOfFile: children, encoding: .utf8).isEmpty, Date() < deadline { usleep(1000) }
        kill(process.processIdentifier, SIGINT)
        _ = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == LoadExitCode.interrupted)
        let path = "\(directory.path)/simulation/latest/summary.json"
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"status\" : \"partial\""))
        let judged = try CommandTests().run(["check-result", path])
        #expect(judged.code == LoadExitCode.invalidRun && judged.text.contains("status is partial"), "\(judged.text)")
    }
}
