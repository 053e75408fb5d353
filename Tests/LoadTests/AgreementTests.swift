import Foundation
import Testing

@testable import Load

/// What a result says of budgets and disks must be what its servers had.
struct AgreementTests {
    private func usage(share: Double, seconds: Double) throws -> ServerUsage {
        let snapshot = try ProcessSnapshot(pid: getpid())
        var usage = ServerUsage(pid: 1, from: snapshot, to: snapshot, operations: 1, nanos: 1)
        usage.cpuShare = share
        usage.cpuSeconds = seconds
        return usage
    }

    @Test func budgetsAreCounted() throws {
        let budget = try CpuBudget(percent: 6)
        let servers = [try usage(share: 0.06, seconds: 0.12), try usage(share: 0.05, seconds: 0.1)]
        func problems(_ throttling: Throttling?, _ budget: CpuBudget?, _ servers: [ServerUsage]) -> [String] {
            ResultCheck.throttling(throttling, servers, budget: budget, name: "x")
        }
        let whole = Throttling(periods: 240, throttledPeriods: 160, throttledNanos: 1)
        #expect(problems(whole, budget, servers) == [])
        #expect(problems(nil, nil, servers) == [])
        #expect(problems(nil, budget, servers).contains { $0.contains("no server's periods were counted") })
        #expect(problems(Throttling(), budget, servers).contains { $0.contains("no server's periods were counted") })
        #expect(problems(whole, nil, servers).contains { $0.contains("none was planned") })
        let wide = try CpuBudget(percent: 60, periodMicros: 16_667)
        #expect(problems(whole, wide, servers).contains { $0.contains("another budget") })
        // Where servers came and went, their CPU time is not there to be compared.
        #expect(problems(whole, wide, [try usage(share: 0, seconds: 0)]) == [])
        #expect(problems(whole, try CpuBudget(percent: 2), servers).contains { $0.contains("beyond its budget") })
    }

    @Test func durabilityIsWhatSettingsSay() {
        func problems(_ durability: String, _ settings: [String: String], _ kind: ServerKind = .corral) -> [String] {
            ResultCheck.durability(
                ServerDescription(
                    kind: "corral", version: "1", commandLine: [], durability: durability, settings: settings),
                kind: kind, name: "x")
        }
        #expect(problems("fsync", ["forceSync": "yes"]) == [] && problems("no fsync", ["forceSync": "no"]) == [])
        #expect(problems("fsync", [:]) == [])
        #expect(problems("fsync", ["forceSync": "no"]).contains { $0.contains("forceSync=no") })
        #expect(problems("no fsync", ["forceSync": "yes"]).contains { $0.contains("forceSync=yes") })
        #expect(problems("perhaps", [:]).contains { $0.contains("is no durability") })
        #expect(problems("fsync", [:], .apache).contains { $0.contains("measured on corral") })
    }

    @Test func tablesMayHaveMoreColumns() throws {
        let directory = try TemporaryDirectory()
        try ResultFiles.write("name,rate,old\na,1,7\nb,2,8\n", to: "\(directory.path)/x.csv")
        func problems(_ text: String) -> [String] {
            ResultCheck.differences([("x.csv", text)], directory: directory.path)
        }
        let different = ["x.csv is not what the summary says"]
        #expect(problems("name,rate,old\na,1,7\nb,2,8\n") == [])
        #expect(problems("name,rate\na,1\nb,2\n") == [] && problems("name,new,rate\na,5,1\nb,5,2\n") == [])
        #expect(problems("name,rate\na,1\nb,3\n") == different && problems("name,rate\na,1\n") == different)
        #expect(problems("name,other,columns\na,1,1\nb,2,2\n") == different && problems("") == different)
    }

    @Test func figuresForReadersMayBeReworded() throws {
        let directory = try TemporaryDirectory()
        try ResultFiles.write("old words: 5 ms of 7.25\n", to: "\(directory.path)/report.txt")
        func problems(_ text: String) -> [String] {
            ResultCheck.differences(inWords: [("report.txt", text)], directory: directory.path)
        }
        #expect(problems("5 ms, 7.25 in all") == [])
        #expect(problems("5 ms, 7.26 in all") == ["report.txt has other numbers than the summary"])
        #expect(ResultCheck.differences(inWords: [("x", "")], directory: directory.path) == ["x is missing"])
    }
}
