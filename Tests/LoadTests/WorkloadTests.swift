import Testing

@testable import Load

struct WorkloadTests {
    @Test func mixesParse() throws {
        #expect(try OperationMix(ratio: "2:1").share(of: .read) == 2.0 / 3)
        #expect(try OperationMix(readPercent: 90).share(of: .set) == 0.1)
        let mix = try OperationMix(parsing: "read=1,children=1,create=2")
        #expect(mix.readPercent == 50)
        for text in ["2", "a:b", "0:0", "-1:2", "1:2:3", ""] {
            #expect(throws: LoadError.self) { try OperationMix(ratio: text) }
        }
        for text in ["", "read", "read=x", "fly=1", "read=0", "read=-1", "read=1,read=2"] {
            #expect(throws: LoadError.self) { try OperationMix(parsing: text) }
        }
        #expect(throws: LoadError.self) { try OperationMix(readPercent: 101) }
    }

    @Test(arguments: [
        "read=100", "set=1", "read=2,set=1", "read=1,set=1,create=1,delete=1,exists=1,children=1", "children=5,read=1",
    ])
    func operationsComeInTheirShares(text: String) throws {
        var configuration = RunConfiguration(
            servers: [ServerAddress(host: "h", port: 1)], mix: try OperationMix(parsing: text))
        configuration.keyCount = 10
        var chooser = RequestChooser(configuration: configuration, seed: 7, zipf: nil)
        let draws = 100_000
        var counts = [Int](repeating: 0, count: OperationKind.count)
        for _ in 0..<draws { counts[chooser.nextKind().rawValue] += 1 }
        for kind in OperationKind.allCases {
            let share = configuration.mix.share(of: kind)
            if share == 0 { #expect(counts[kind.rawValue] == 0) }
            #expect(abs(Double(counts[kind.rawValue]) / Double(draws) - share) < 0.01)
        }
    }

    @Test func zipfFollowsItsLaw() {
        let table = AliasTable.zipf(count: 1000, exponent: 0.99)
        var random = RandomSource(seed: 3)
        var counts = [Int](repeating: 0, count: 1000)
        for _ in 0..<400_000 { counts[table.draw(&random)] += 1 }
        #expect(counts.reduce(0, +) == 400_000)
        // Rank 1 against rank 10: 10^0.99 = 9.77.
        let ratio = Double(counts[0]) / Double(counts[9])
        #expect(ratio > 8.5 && ratio < 11, "\(ratio)")
    }

    @Test func schedulesKeepTheirRateAndSeed() {
        for arrivals in Arrivals.allCases {
            var schedule = ArrivalSchedule(arrivals: arrivals, ratePerSecond: 10_000, startNanos: 5, seed: 1)
            var twin = ArrivalSchedule(arrivals: arrivals, ratePerSecond: 10_000, startNanos: 5, seed: 1)
            var last = schedule.next
            var gaps: [Double] = []
            for _ in 0..<50_000 {
                schedule.advance()
                twin.advance()
                #expect(schedule.next >= last)
                gaps.append(Double(schedule.next - last))
                last = schedule.next
            }
            #expect(schedule.next == twin.next)
            #expect(abs(Statistics.mean(gaps) - 100_000) < 2500)
            let spread = Statistics.standardDeviation(gaps) / 100_000
            // Exponential gaps spread as much as their mean, fixed ones not at all.
            #expect(arrivals == .fixed ? spread < 0.001 : abs(spread - 1) < 0.05)
        }
    }

    @Test func addressesParse() throws {
        #expect(try ServerAddress(parsing: "a.b:99") == ServerAddress(host: "a.b", port: 99))
        #expect(try ServerAddress(parsing: "host") == ServerAddress(host: "host", port: 2181))
        #expect(try ServerAddress(parsing: "[::1]:7") == ServerAddress(host: "::1", port: 7))
        #expect(try ServerAddress.list(parsing: "a:1,b:2").count == 2)
        #expect(try ServerAddress(parsing: "[fe80::1]") == ServerAddress(host: "fe80::1", port: 2181))
        #expect(try ServerAddress(parsing: "[::1]:7").description == "[::1]:7")
        for text in ["a:0", "a:70000", "a:x", ":1", "[]", "[]:7", "[::1]7", "[::1]:x"] {
            #expect(throws: LoadError.self) { try ServerAddress(parsing: text) }
        }
        for text in ["::1", "::1:2181", "fe80::1", "[::1", "[::1:2181"] {
            let error = #expect(throws: LoadError.self) { try ServerAddress(parsing: text) }
            #expect(error?.description.contains("in brackets, as in [::1]:2181") == true, "\(text)")
        }
        #expect(throws: LoadError.self) { try ServerAddress.list(parsing: "") }
    }

    @Test func impossibleConfigurationsAreRefused() throws {
        let good = RunConfiguration(
            servers: [ServerAddress(host: "h", port: 1)], mix: try OperationMix(readPercent: 100))
        try good.validate()
        let changes: [(inout RunConfiguration) -> Void] = [
            { $0.connections = 0 }, { $0.window = 0 }, { $0.valueBytes = 3 }, { $0.durationSeconds = 0 },
            { $0.repeats = 0 }, { $0.threads = 0 }, { $0.threads = 999 }, { $0.ratePerSecond = 0 },
            { $0.root = "x" }, { $0.root = "/" }, { $0.root = "/zookeeper" },
            { $0.root = "/zookeeper/quota" }, { $0.keyCount = 0 }, { $0.pinnedCpus = [1, 2] },
            { $0.sessionTimeoutMillis = 1 }, { $0.warmupLimitSeconds = -1 }, { $0.servers = [] },
        ]
        for change in changes {
            var bad = good
            change(&bad)
            #expect(throws: LoadError.self) { try bad.validate() }
        }
    }

    @Test func stampsTellWhatWasWritten() {
        let stamp = ContentStamp(client: 7, sequence: 99, key: 3)
        for length in [24, 31, 32, 1024] {
            var value = stamp.makeValue(length: length)
            func read() -> ContentStamp? {
                value.withUnsafeBytes { ContentStamp.read(from: $0.baseAddress!, length: length) }
            }
            #expect(read() == stamp)
            for offset in 0..<24 {
                value[offset] ^= 4
                #expect(read() == nil, "byte \(offset) of \(length)")
                value[offset] ^= 4
            }
            #expect(value.withUnsafeBytes { ContentStamp.read(from: $0.baseAddress!, length: length - 1) } == nil)
        }
    }

    @Test func pathsAreFixedLengthAndDistinct() {
        let keys = KeySpace(root: "/load")
        #expect(keys.connectionPath(12) == "/load/c000012")
        #expect(keys.sharedPath(345) == "/load/k00000345")
        #expect(keys.connectionPath(999_999).utf8.count == keys.connectionPathLength)
    }
}
