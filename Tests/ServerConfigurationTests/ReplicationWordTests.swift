import ServerCore
import Testing

@testable import Server

/// The words of a server in an ensemble, against those of Apache's servers in the same part.
@Suite struct ReplicationWordTests {
    let source: CapturedServer
    let words = FourLetterWords(whitelist: FourLetterWordWhitelist("*"))

    init() throws {
        source = try CapturedServer()
        source.report.version = "3.9.5-x, built on x"
        source.report.requests = RequestStatistics()
        source.report.aliveConnections = 2
        source.report.zxid = 0x1_0000_000a
        source.report.nodeCount = 11
    }

    private func answer(_ word: FourLetterWord) throws -> String {
        try #require(words.answer(code: word.code, source: source))
    }

    private static func report(_ state: ReplicationReport.State) -> ReplicationReport {
        var report = ReplicationReport(serverID: 3, state: state)
        report.phase = .broadcast
        report.leaderID = 3
        report.quorumSize = 3
        guard state == .leading else { return report }
        var leadership = ReplicationReport.Leadership()
        leadership.uptimeMillis = 1975
        leadership.learners = 3
        leadership.syncedFollowers = 2
        leadership.syncedObservers = 1
        leadership.pendingSyncs = 4
        leadership.proposalSizes.record(last: 87, least: 48, greatest: 386)
        report.leadership = leadership
        return report
    }

    @Test func srvr() throws {
        source.report.replication = Self.report(.leading)
        source.report.requests.packetsReceived = 4
        source.report.requests.packetsSent = 3
        source.report.requests.recordUpdates(nanos: 2_000_000)
        source.report.requests.recordUpdates(nanos: 3_000_000)
        #expect(try answer(.srvr) == Support.golden("leader-srvr"))
        source.report.replication = Self.report(.following)
        source.report.requests = RequestStatistics()
        (source.report.requests.packetsReceived, source.report.requests.packetsSent) = (5, 4)
        for nanos: UInt64 in [4_000_000, 10_999_900, 16_000_000] { source.report.requests.recordUpdates(nanos: nanos) }
        #expect(try answer(.srvr) == Support.golden("follower-srvr"))
        source.report.replication = Self.report(.observing)
        #expect(try answer(.srvr).contains("\nMode: observer\n"))
    }

    @Test func proposalSizesOfANewLeader() throws {
        source.report.replication = ReplicationReport(serverID: 1, state: .leading)
        source.report.replication?.leadership = .init()
        #expect(try answer(.srvr).hasSuffix("\nProposal sizes last/min/max: -1/-1/-1\n"))
        #expect(try answer(.stat).hasSuffix("\nProposal sizes last/min/max: -1/-1/-1\n"))
    }

    private static let ensemble = """
        tickTime=500
        initLimit=10
        syncLimit=5
        server.1=127.0.0.1:24201:24301
        server.2=127.0.0.1:24202:24302
        server.3=127.0.0.1:24203:24303
        server.4=127.0.0.1:24204:24304:observer

        """

    private func configuration(myID: Int, port: Int) throws -> ServerConfiguration {
        let directory = try TemporaryDirectory()
        _ = try directory.write("\(myID)", to: "myid")
        var configuration = try Support.parse(
            Self.ensemble + "dataDir=\(directory.path)\nclientPort=\(port)\n", bare: true)
        (configuration.dataDirectory, configuration.dataLogDirectory) = ("/srv/captured", "/srv/captured")
        return configuration
    }

    @Test func conf() throws {
        let sizes = DirectorySizes(dataDirectoryBytes: 67_109_538, logDirectoryBytes: 67_109_538)
        #expect(
            try StatusText.configuration(try configuration(myID: 3, port: 24183), sizes: sizes)
                == Support.golden("participant-conf"))
        #expect(
            try StatusText.configuration(try configuration(myID: 4, port: 24184), sizes: sizes)
                == Support.golden("observer-conf"))
    }

    /// Sessions of the capture, in the order of its table.
    private static let sessions: [Int64] = [
        0x20000_cdc2_9900_00, 0x30000_cdc1_f900_00, 0x40000_cdc2_3a00_00, 0x10000_cdc1_f300_00,
    ]

    @Test func dump() throws {
        let expiry: Int64 = 1_795_246_108_000
        let reports = Self.sessions.map { id in
            SessionReport(
                id: id, expiryWallMillis: id == Self.sessions[1] ? expiry : expiry + 1, timeoutMillis: 10_000)
        }
        let ephemerals = Self.sessions.map { SessionPaths(sessionID: $0, paths: ["/e\($0 >> 56)"]) }
        for (isTracking, golden, port) in [(true, "leader-dump", 35632), (false, "follower-dump", 53462)] {
            let own = isTracking ? Self.sessions[1] : Self.sessions[3]
            let connections = [(port, own), (isTracking ? 35678 : 53506, 0)].map {
                ConnectionExpiryReport(
                    remoteAddress: "127.0.0.1", remotePort: $0, sessionID: $1, expiryWallMillis: 1_795_246_112_000)
            }
            let text = DumpText.text(
                isTracking: isTracking, sessions: reports, ephemerals: ephemerals, connections: connections)
            let expected = try Support.golden(golden)
                .replacing("Sat Nov 21 07:28:28 UTC 2026", with: JavaText.date(wallMillis: expiry))
                .replacing("Sat Nov 21 07:28:32 UTC 2026", with: JavaText.date(wallMillis: 1_795_246_112_000))
            // Apache's order within a set is that of its hash tables.
            #expect(
                text.split(separator: "\n", omittingEmptySubsequences: false).sorted()
                    == expected.split(separator: "\n", omittingEmptySubsequences: false).sorted())
        }
        let lines = DumpText.text(isTracking: false, sessions: reports, ephemerals: [], connections: [])
            .split(separator: "\n")
        #expect(lines[1] == "Global Sessions(4):" && lines[2] == "0x10000cdc1f30000\t10000ms")
    }

    @Test func dumpFollowsTheRole() throws {
        for (state, head) in [
            (ReplicationReport.State.leading, "Session Sets (1)/(2):"), (.following, "Global Sessions(2):"),
            (.observing, "Global Sessions(2):"),
        ] {
            source.report.replication = Self.report(state)
            #expect(try answer(.dump).split(separator: "\n")[1] == head)
        }
    }

    @Test func isro() throws {
        for state in [ReplicationReport.State.leading, .following, .observing] {
            source.report.replication = Self.report(state)
            #expect(try answer(.isro) == "rw")
        }
        source.isServing = false
        #expect(try answer(.isro) == "null")
    }

    /// Names of 3.9 that depend on what a client did, or belong to stages that Corral does not have.
    private static func isLeftOut(_ name: String) -> Bool {
        MonitorTests.leftOut.contains { name.contains($0) } || name.contains("rate_limited")
            || name.contains("restore_") || name.contains("quota_exceeded")
    }

    @Test(arguments: [
        ("leader-mntr", ReplicationReport.State.leading), ("follower-mntr", .following), ("observer-mntr", .observing),
    ])
    func monitorHasApachesNames(_ golden: String, _ state: ReplicationReport.State) throws {
        source.report.replication = Self.report(state)
        let apache = Dictionary(
            uniqueKeysWithValues: MonitorTests.lines(try Support.golden(golden)).map { ($0.name, $0.value) })
        let ours = MonitorTests.lines(try answer(.mntr))
        #expect(Set(ours.map(\.name)).count == ours.count, "a name is printed twice")
        for (name, value) in ours where !MonitorTests.own.contains(name) {
            let theirs = try #require(apache[name], "Apache has no \(name)")
            #expect(MonitorTests.sameForm(value, theirs), "\(name) is \(value), Apache's \(theirs)")
        }
        let printed = Set(ours.map(\.name))
        for name in apache.keys where !printed.contains(name) && !Self.isLeftOut(name) {
            Issue.record("\(name) is missing")
        }
        for name in ["server_state", "peer_state", "quorum_size", "leader_uptime", "learners", "observer_master_id"] {
            let ours = ours.first { $0.name == "zk_\(name)" }?.value
            #expect(ours == apache["zk_\(name)"], "\(name)")
        }
    }

    @Test func monitorShowsTheReport() throws {
        var report = Self.report(.leading)
        report.statistics.lookingCount = 2
        report.statistics.electionTime.record(nanos: 260_000_000)
        report.statistics.electionTime.record(nanos: 100_000_000)
        report.statistics.proposals = 10
        report.statistics.commits = 9
        report.statistics.diffSyncs = 8
        report.statistics.snapshotSyncs = 7
        report.statistics.revalidations = 6
        report.statistics.proposalsReceived = 5
        report.statistics.commitsReceived = 4
        report.statistics.disloyalVoterQuits = 3
        report.statistics.recordQuorumAcks(nanos: 3_000_000, count: 2)
        report.statistics.snapshotsInFlight.record(1)
        report.statistics.followerSyncTime.record(nanos: 5_000_000)
        source.report.replication = report
        source.report.requests.digestMismatches = 1
        let values = Dictionary(uniqueKeysWithValues: MonitorTests.lines(try answer(.mntr)).map { ($0.name, $0.value) })
        let expected = [
            "server_state": "leader", "peer_state": "leading - broadcast", "leader_uptime": "1975", "learners": "3",
            "synced_followers": "2", "synced_non_voting_followers": "0", "synced_observers": "1", "pending_syncs": "4",
            "last_proposal_size": "87", "max_proposal_size": "386", "min_proposal_size": "48", "quorum_size": "3",
            "avg_election_time": "180.0", "min_election_time": "100", "max_election_time": "260",
            "cnt_election_time": "2", "sum_election_time": "360", "looking_count": "2", "proposal_count": "10",
            "commit_count": "9", "diff_count": "8", "snap_count": "7", "revalidate_count": "6",
            "learner_proposal_received_count": "5", "learner_commit_received_count": "4",
            "quit_leading_due_to_disloyal_voter": "3", "cnt_quorum_ack_latency": "2", "max_quorum_ack_latency": "3",
            "cnt_inflight_snap_count": "1", "avg_follower_sync_time": "5.0", "digest_mismatches_count": "1",
        ]
        for (name, value) in expected { #expect(values["zk_\(name)"] == value, "\(name)") }
        #expect(values["zk_corral_problem"] == nil && values["zk_observer_master_id"] == nil)
        source.report.replication?.phase = .synchronization
        source.report.replication?.state = .following
        source.report.replication?.syncMode = .snap
        #expect(try answer(.mntr).contains("\nzk_peer_state\tfollowing - synchronization - snap\n"))
    }

    @Test func problemsAreSaid() throws {
        source.report.replication = Self.report(.following)
        source.report.replication?.problems = [
            .digestMismatch(zxid: 0x2_0000_00ff), .unknownPeer(9, at: "10.0.0.9:40000"),
        ]
        let text = "digest-mismatch: the tree differs from the leader's at zxid 0x2000000ff: this server does not serve"
            + " until it has taken a snapshot from the leader; unknown-peer: 10.0.0.9:40000 calls itself server.9,"
            + " which is not in this server's member list"
        #expect(try answer(.srvr).hasSuffix("Node count: 11\nProblem: \(text)\n"))
        #expect(try answer(.stat).hasSuffix("\nProblem: \(text)\n"))
        #expect(try answer(.mntr).hasSuffix("\nzk_corral_problem\t\(text)\n"))
    }

    /// A member that cannot serve is the one whose problem matters most.
    @Test func problemsOfAServerThatDoesNotServe() throws {
        let refusal = "This ZooKeeper instance is not currently serving requests\n"
        source.isServing = false
        source.report.replication = ReplicationReport(serverID: 1, state: .looking)
        for word in FourLetterWord.allCases where ![.ruok, .isro, .gtmk, .stmk, .envi, .hash].contains(word) {
            #expect(try answer(word) == refusal)
        }
        source.report.replication?.problems = [.unreachableMajority(silent: [3, 2], voters: 3)]
        let text = "unreachable-majority: server.2, server.3 do not answer; without them the 3 voters have no majority"
        #expect(try answer(.srvr) == refusal + "Problem: \(text)\n")
        #expect(try answer(.stat) == refusal + "Problem: \(text)\n")
        #expect(try answer(.mntr) == refusal + "zk_corral_problem\t\(text)\n")
        #expect(try answer(.conf) == refusal)
        #expect(try answer(.ruok) == "imok")
    }

    @Test func problemsAreOneLine() {
        #expect(ReplicationProblem(.foreignData, "a\nb\tc\r\nd").description == "foreign-data: a b c d")
        #expect(
            ReplicationProblem.duplicateID(2, at: "h:1").text
                == "h:1 also calls itself server.2: one of the two has a wrong myid file")
        #expect(ReplicationProblem.unreachableMajority(silent: [2], voters: 3).text.hasPrefix("server.2 does not"))
        #expect(Set(ReplicationProblem.Kind.allCases.map(\.rawValue)).count == ReplicationProblem.Kind.allCases.count)
    }
}
