import ServerCore
import Testing
import ZooKeeperProtocol

@testable import Server

/// What Apache's server had when `Golden` was captured.
final class CapturedServer: ServerReportSource {
    var isServing = true
    var configuration = ServerConfiguration()
    var report = ServerReport()
    var connections: [ConnectionReport] = []
    var dataWatches: [PathSessions] = []
    var serverResets = 0
    var connectionResets = 0

    static let first: Int64 = 0x1_0000_1188_e8_0000
    static let second: Int64 = 0x1_0000_1188_e8_0001

    init() throws {
        configuration = try Support.parse(
            "tickTime=2000\nclientPort=27332\ndataDir=/srv/captured\n4lw.commands.whitelist=*", bare: true)
        report.version = "3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC"
        report.aliveConnections = 4
        report.zxid = 6
        report.nodeCount = 9
        report.requests.packetsReceived = 16
        report.requests.packetsSent = 15
        // Eleven requests, sixteen milliseconds in all, the slowest seven: 16 / 11 = 1.4545.
        report.requests.recordUpdates(nanos: 7_000_000)
        report.requests.recordUpdates(nanos: 999_999, count: 1)
        report.requests.recordReads(nanos: 888_889, count: 9)
        connections = [connection(57124), connection(57118), connection(57136), connection(57196)]
        dataWatches = [
            PathSessions(path: "/nothing", sessionIDs: [Self.second]),
            PathSessions(path: "/a/e1", sessionIDs: [Self.first]),
            PathSessions(path: "/a", sessionIDs: [Self.second, Self.first]),
        ]
    }

    private func connection(_ port: Int) -> ConnectionReport {
        ConnectionReport(remoteAddress: "127.0.0.1", remotePort: port)
    }

    func serverReport() -> ServerReport { report }
    func connectionReports() -> [ConnectionReport] { connections }
    func sessionReports() -> [SessionReport] {
        [Self.second, Self.first].map {
            SessionReport(id: $0, expiryWallMillis: 1_795_233_884_000, timeoutMillis: 10_000)
        }
    }
    func ephemeralReports() -> [SessionPaths] {
        [
            SessionPaths(sessionID: Self.second, paths: ["/a/e3"]),
            SessionPaths(sessionID: Self.first, paths: ["/a/e2", "/a/e1"]),
        ]
    }
    func connectionExpiryReports() -> [ConnectionExpiryReport] {
        zip([57124, 57118, 57136, 57236], [Self.second, Self.first, 0, 0]).map {
            ConnectionExpiryReport(
                remoteAddress: "127.0.0.1", remotePort: $0, sessionID: $1, expiryWallMillis: 1_795_233_892_000)
        }
    }
    func watchSummary() -> WatchSummary {
        WatchSummary(
            connections: 2, paths: dataWatches.count, watches: dataWatches.reduce(0) { $0 + $1.sessionIDs.count })
    }
    func watchesBySession() -> [SessionPaths] {
        [
            SessionPaths(sessionID: Self.second, paths: ["/nothing", "/a"]),
            SessionPaths(sessionID: Self.first, paths: ["/a/e1", "/a"]),
        ]
    }
    func watchesByPath() -> [PathSessions] { dataWatches }
    func directorySizes() -> DirectorySizes {
        DirectorySizes(dataDirectoryBytes: 67_109_337, logDirectoryBytes: 67_109_337)
    }
    func digestReports() -> [DigestReport] {
        [DigestReport(zxid: 0x80, digest: 1_371_985_504), DigestReport(zxid: 0x100, digest: -5)]
    }
    func resetServerStatistics() { serverResets += 1 }
    func resetConnectionStatistics() { connectionResets += 1 }
}

@Suite struct FourLetterWordTests {
    let source: CapturedServer
    let words = FourLetterWords(whitelist: FourLetterWordWhitelist("*"))

    init() throws {
        source = try CapturedServer()
    }

    private func answer(_ word: FourLetterWord, argument: [UInt8] = []) throws -> String {
        try #require(words.answer(code: word.code, argument: argument, source: source))
    }

    /// Apache prints what its hash tables hold in their order, Corral sorted: the same lines count as the same.
    private func sameLines(_ text: String, _ golden: String) -> Bool {
        text.split(separator: "\n", omittingEmptySubsequences: false).sorted()
            == golden.split(separator: "\n", omittingEmptySubsequences: false).sorted()
    }

    @Test func codes() {
        #expect(FourLetterWord.ruok.code == 0x7275_6F6B)
        #expect(FourLetterWord(code: 0x7372_7672) == .srvr)
        #expect(FourLetterWord(code: 0xFFF4_FFFD) == nil)
        #expect(FourLetterWord.allCases.count == 18)
        #expect(FourLetterWord.allCases.filter { $0.argumentLength > 0 } == [.stmk])
        #expect(words.answer(code: 44, source: source) == nil)
    }

    @Test(arguments: [FourLetterWord.ruok, .isro, .gtmk, .crst, .srst, .srvr, .conf, .dirs, .wchs])
    func matchesApacheExactly(_ word: FourLetterWord) throws {
        #expect(try answer(word) == Support.golden(word.rawValue))
    }

    @Test(arguments: [FourLetterWord.wchc, .wchp])
    func matchesApacheButForOrder(_ word: FourLetterWord) throws {
        #expect(try sameLines(answer(word), Support.golden(word.rawValue)))
    }

    /// Dates are printed in the server's time zone, in the capture UTC.
    @Test func dump() throws {
        let golden = try Support.golden("dump")
            .replacing("Sat Nov 21 04:04:44 UTC 2026", with: JavaText.date(wallMillis: 1_795_233_884_000))
            .replacing("Sat Nov 21 04:04:52 UTC 2026", with: JavaText.date(wallMillis: 1_795_233_892_000))
        #expect(try sameLines(answer(.dump), golden))
        // Within each list the order is ours, but a list's head comes before its members.
        let lines = try answer(.dump).split(separator: "\n")
        #expect(lines[1] == "Session Sets (1)/(2):" && lines[3] == "\t0x100001188e80000")
    }

    @Test func nothingToDump() {
        let text = DumpText.text(isTracking: true, sessions: [], ephemerals: [], connections: [])
        #expect(
            text == "SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\n"
                + "Sessions with Ephemerals (0):\nConnections dump:\nConnections Sets (0)/(0):\n")
    }

    @Test func noWatches() throws {
        #expect(try WatchText.bySession([]) == Support.golden("empty-wchc"))
        #expect(
            try WatchText.summary(WatchSummary(connections: 0, paths: 0, watches: 0)) == Support.golden("empty-wchs"))
    }

    @Test func stat() throws {
        // In the capture the word's own connection (57168) came third, and one word more had been answered.
        source.connections = [57124, 57118, 57168, 57136].map {
            ConnectionReport(remoteAddress: "127.0.0.1", remotePort: $0)
        }
        for (index, packets) in [4, 7, 1, 0].enumerated() {
            source.connections[index].packetsReceived = Int64(packets)
            source.connections[index].packetsSent = Int64(packets == 1 ? 0 : packets)
        }
        source.connections[2].interestOperations = 0
        source.report.requests.packetsReceived = 17
        source.report.requests.packetsSent = 16
        #expect(try answer(.stat) == Support.golden("stat"))
    }

    @Test func cons() throws {
        var second = ConnectionReport.Session(id: CapturedServer.second)
        second.lastOperation = LastOperation.name(of: .getData)
        second.establishedWallMillis = 1_795_233_874_304
        second.timeoutMillis = 10_000
        var first = ConnectionReport.Session(id: CapturedServer.first)
        first.lastOperation = LastOperation.name(of: .getChildren)
        first.establishedWallMillis = 1_795_233_874_286
        first.timeoutMillis = 10_000
        source.connections[3].remotePort = 57304
        source.connections[3].interestOperations = 0
        source.connections[3].packetsReceived = 1
        // Right after `crst`.
        source.connections[0].session = ConnectionReport.Session(id: CapturedServer.second)
        source.connections[0].session?.establishedWallMillis = second.establishedWallMillis
        source.connections[0].session?.timeoutMillis = 10_000
        source.connections[1].session = ConnectionReport.Session(id: CapturedServer.first)
        source.connections[1].session?.establishedWallMillis = first.establishedWallMillis
        source.connections[1].session?.timeoutMillis = 10_000
        #expect(try answer(.cons) == Support.golden("cons-after-crst"))
        // After some requests.
        (second.lastCxid, second.lastZxid, second.lastResponseMillis, second.maxLatencyMillis) = (3, 6, 1_261_875, 1)
        (first.lastCxid, first.lastZxid, first.lastResponseMillis) = (6, 6, 1_261_876)
        (first.averageLatencyMillis, first.maxLatencyMillis) = (2, 7)
        source.connections[0].session = second
        source.connections[1].session = first
        source.connections[0].packetsReceived = 4
        source.connections[0].packetsSent = 4
        source.connections[1].packetsReceived = 7
        source.connections[1].packetsSent = 7
        source.connections[3].remotePort = 57196
        #expect(try answer(.cons) == Support.golden("cons"))
    }

    @Test func addressesAsJavaPrintsThem() {
        #expect(ConnectionReport(remoteAddress: "::1", remotePort: 5).endpoint == "/0:0:0:0:0:0:0:1:5")
        #expect(
            ConnectionReport(remoteAddress: "fe80::a:1%eth0", remotePort: 5).endpoint == "/fe80:0:0:0:0:0:a:1%eth0:5")
    }

    @Test func traceMask() throws {
        #expect(try answer(.stmk, argument: [0, 0, 0, 0, 0, 0, 0, 0xFF]) == Support.golden("stmk"))
        #expect(try answer(.gtmk) == "255")
        #expect(try answer(.stmk, argument: [UInt8](repeating: 0xFF, count: 8)) == "-1")
        #expect(try answer(.stmk, argument: [1]) == "")
        #expect(try answer(.gtmk) == "-1")
    }

    @Test func hash() throws {
        #expect(try answer(.hash) == "80: 1371985504\n100: -5\n")
    }

    @Test func resetsReachTheServer() throws {
        _ = try answer(.srst)
        #expect(source.serverResets == 1 && source.connectionResets == 0)
        _ = try answer(.crst)
        #expect(source.serverResets == 1 && source.connectionResets == 1)
    }

    @Test func readOnlyServer() throws {
        source.report.mode = .readOnly
        #expect(try answer(.isro) == "ro")
        #expect(try answer(.srvr).contains("UTC\nREAD-ONLY mode; serving only read-only clients\nLatency"))
    }

    @Test func environmentHasApachesKeys() throws {
        let keys = try answer(.envi).split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(try keys == Support.golden("envi-keys").split(separator: "\n"))
        for entry in EnvironmentText.entries() { #expect(!entry.value.isEmpty, "\(entry.key)") }
        #expect(EnvironmentText.entries().contains { $0.key == "os.name" && $0.value == "Linux" })
    }

    @Test func whatIsNotListedIsRefused() {
        let few = FourLetterWords(whitelist: FourLetterWordWhitelist("mntr"))
        for word in FourLetterWord.allCases where word != .mntr && word != .srvr {
            #expect(
                few.answer(code: word.code, source: source)
                    == "\(word.rawValue) is not executed because it is not in the whitelist.\n")
        }
        #expect(few.answer(code: FourLetterWord.mntr.code, source: source)?.hasPrefix("zk_version\t") == true)
        #expect(few.answer(code: FourLetterWord.srvr.code, source: source)?.hasPrefix("Zookeeper version: ") == true)
        #expect(source.serverResets == 0)
    }

    @Test func serverThatIsNotServing() throws {
        source.isServing = false
        let refusal = "This ZooKeeper instance is not currently serving requests"
        for word in FourLetterWord.allCases {
            let text = try answer(word)
            switch word {
            case .ruok: #expect(text == "imok")
            case .isro: #expect(text == "null")
            case .gtmk: #expect(text == "306")
            case .stmk: #expect(text == "")
            case .envi: #expect(text.hasPrefix("Environment:\n"))
            case .hash: #expect(text == refusal)
            default: #expect(text == refusal + "\n", "\(word)")
            }
        }
        #expect(source.serverResets == 0 && source.connectionResets == 0)
    }

    @Test func versionHasTheFormThatClientsTakeApart() throws {
        source.report.version = CorralVersion.reported
        let line = try #require(try answer(.srvr).split(separator: "\n").first)
        // kazoo reads the leading digits and dots of `envi`'s `zookeeper.version`, monitors this line.
        #expect(line.wholeMatch(of: /Zookeeper version: 3\.9\.\d+-\S+, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC/) != nil)
        #expect(try answer(.envi).contains("\nzookeeper.version=\(CorralVersion.reported)\n"))
    }
}
