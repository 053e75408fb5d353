import Foundation
import Histogram
import Testing

@testable import Load

/// The committed plot scripts, on a made-up sweep.
struct PlotTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL
    static let hasGnuplot = ChildProcess.capture(["gnuplot", "--version"]) != nil

    /// A sweep whose figures are one real run at every point.
    private func writeSweep(_ directory: String, servers: [ServerKind]) throws {
        let place = try TemporaryDirectory()
        let server = try ServerThread()
        let summary = try runToFiles(try shortConfiguration(server.address), place).0
        var plan = SweepPlan()
        plan.servers = servers
        let figures = (servers + [.null]).flatMap { kind in
            plan.points.compactMap { SweepFigure($0, kind, runs: summary.repeats, rawFiles: [], seed: 1) }
        }
        let sweep = SweepSummary(
            experiment: "sweep", label: "made-up", status: .valid, statusReasons: [], startedAt: "", elapsedSeconds: 1,
            environment: summary.environment, plan: plan, blockOrder: [], servers: [:], figures: figures,
            comparisons: [])
        var histogram = LatencyRecorder.emptyHistogram()
        for value in 1...10_000 as ClosedRange<UInt64> { histogram.record(value * 1000) }
        try SweepFiles.write(sweep, spectra: servers.map { ($0, histogram) }, directory: directory)
    }

    private func draw(_ name: String, _ format: String, from results: String) throws -> Data {
        let output = "\(results)/\(name).\(format)"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "gnuplot", "-e", "results='\(results)'; out='\(output)'; format='\(format)'", "plots/\(name).gp",
        ]
        process.currentDirectoryURL = Self.root
        // As Bench/run does: in the C locale gnuplot complains of signs that it cannot write.
        process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C.UTF-8"]) { _, new in new }
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && text.isEmpty, "\(name).\(format): \(text)")
        return try Data(contentsOf: URL(fileURLWithPath: output))
    }

    @Test(.enabled(if: hasGnuplot), arguments: [[ServerKind.corral], [.corral, .apache]])
    func equalResultsGiveEqualBytes(servers: [ServerKind]) throws {
        let directory = try TemporaryDirectory()
        try writeSweep(directory.path, servers: servers)
        for name in ["throughput", "latency", "cpu"] {
            for format in ["svg", "png"] {
                let first = try draw(name, format, from: directory.path)
                #expect(first.count > 5000, "\(name).\(format)")
                #expect(try draw(name, format, from: directory.path) == first, "\(name).\(format)")
            }
            let text = String(decoding: try draw(name, "svg", from: directory.path), as: UTF8.self)
            #expect(text.contains("Corral"))
            #expect(text.contains("CPUs"))
        }
    }
}
