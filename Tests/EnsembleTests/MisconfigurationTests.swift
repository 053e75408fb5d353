import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// A member that is set up wrongly says so, and leaves the others in peace.
@Suite("Misconfigured members", .serialized, .enabled(if: Combination.vendors.contains(.corral)))
struct MisconfigurationTests {
    /// Three servers of one kind serve, and have something to lose; server 4 is not of their list.
    private func healthy(_ vendor: Vendor, settings: [String: String] = [:]) throws -> EnsembleHarness {
        let ensemble = EnsembleHarness([vendor, vendor, vendor, .corral], settings: settings)
        for id in 1...3 { try ensemble.start(id, list: list(ensemble)) }
        try ensemble.waitForRoles()
        let client = try ensemble[1].client()
        for number in 0..<50 { try client.create("/kept\(number)") }
        try client.close()
        return ensemble
    }

    /// The list of the three.
    private func list(_ ensemble: EnsembleHarness) -> [String] { ensemble.members.prefix(3).map(\.line) }

    /// The server says what is wrong in `srvr`, in `mntr`, and in its log; `hint` is how one of its problems begins.
    private func expectProblem(
        of member: EnsembleMember, _ hint: String, within seconds: Double = 40, in ensemble: EnsembleHarness
    ) throws {
        var text = ""
        let isSaid = eventually(within: seconds) {
            text = (try? fourLetterWord("srvr", port: member.clientPort)) ?? ""
            return text.contains("\nProblem: \(hint)") || text.contains("; \(hint)")
        }
        guard isSaid else { throw ensemble.failure("srvr of server \(member.id) says only: \(text)") }
        let problem = try #require(try member.monitor()["corral_problem"])
        #expect(problem.hasPrefix(hint) || problem.contains("; \(hint)"), "\(problem)")
        let warnings = member.process?.output.split(separator: "\n").filter { $0.contains(" WARNING ") } ?? []
        #expect(!warnings.isEmpty && warnings.count <= 12, "\(warnings.count) warnings: \(warnings.prefix(15))")
    }

    /// The others serve as before: nobody's role has changed, nothing is lost.
    private func expectUndisturbed(_ ensemble: EnsembleHarness, leader: Int) throws {
        let others = ensemble.members.prefix(3).filter(\.isRunning)
        for member in others where member.id != 1 || leader == 1 {
            #expect(member.role == (member.id == leader ? "leader" : "follower"), "server \(member.id)")
        }
        let client = try ensemble[leader].client()
        try client.create("/still-\(UUID().uuidString.prefix(8))")
        let names = try client.call(.getChildren("/")).strings()
        #expect(names.count { $0.hasPrefix("kept") } == 50, "acknowledged writes are gone: \(names)")
        try client.close()
    }

    @Test("an id that nobody lists", arguments: Combination.vendors)
    func unknownPeer(_ vendor: Vendor) throws {
        // What was seen is forgotten after four times this.
        let ensemble = try healthy(vendor, settings: ["initLimit": "8"])
        let leader = try #require(ensemble.leader)
        try ensemble.start(4)
        guard vendor == .corral else {
            // Apache's servers let it follow. It names the one whose list it heard last.
            try expectProblem(of: ensemble[4], "unequal-members: server.", in: ensemble)
            let problem = try #require(try ensemble[4].monitor()["corral_problem"])
            #expect(problem.contains(" has another member list: it does not list server 4"), "\(problem)")
            return try expectUndisturbed(ensemble, leader: leader)
        }
        try expectProblem(
            of: ensemble[4],
            "unreachable-majority: server.1, server.2, server.3 do not answer; without them the 4 voters have",
            in: ensemble)
        try expectUndisturbed(ensemble, leader: leader)
        let stranger = "unknown-peer: 127.0.0.1 (127.0.0.1:\(ensemble[4].electionPort)) calls itself server.4, which"
        for member in ensemble.members.prefix(3) {
            try expectProblem(of: member, stranger, in: ensemble)
            #expect(member.process?.output.contains("no server.4") == true, "the log does not name the stranger")
        }
        // Gone, it is forgotten after a while.
        ensemble[4].kill()
        for member in ensemble.members.prefix(3) {
            let isForgotten = eventually(within: 60) { (try? member.monitor())?["corral_problem"] == nil }
            #expect(isForgotten, "server \(member.id)")
        }
    }

    @Test("another's id", arguments: Combination.vendors)
    func duplicateID(_ vendor: Vendor) throws {
        let ensemble = try healthy(vendor)
        let leader = try #require(ensemble.leader)
        // On a machine of its own, which the others do not know, it believes that it is server 2.
        let own = ensemble[4].line.replacing("server.4", with: "server.2")
        let others = list(ensemble).filter { !$0.hasPrefix("server.2=") }
        try ensemble.start(4, list: others + [own], myID: 2)
        try expectUndisturbed(ensemble, leader: leader)
        let isKeptOut = !eventually(within: 12) { ensemble[4].role != nil }
        #expect(isKeptOut || vendor == .apache, "a second server 2 serves")
        try expectUndisturbed(ensemble, leader: leader)
        if vendor == .corral {
            // The third, whose id is larger, connects to the server 2 that it knows.
            try expectProblem(
                of: ensemble[4], "unequal-members: server.3 can be reached but does not connect back", in: ensemble)
            let announced = "server.2 announces the election address 127.0.0.1:\(ensemble[4].electionPort), but is"
            try expectProblem(of: ensemble[3], "unequal-members: \(announced)", in: ensemble)
        }
    }

    @Test("a member list that lacks one", arguments: Combination.vendors)
    func unequalMembers(_ vendor: Vendor) throws {
        let ensemble = EnsembleHarness([.corral, vendor, vendor])
        try ensemble.start()
        let leader = try #require(ensemble.leader)
        let client = try ensemble[2].client()
        for number in 0..<50 { try client.create("/kept\(number)") }
        ensemble[1].kill()
        let short = [ensemble[1], ensemble[2]].map(\.line)
        try ensemble.start(1, list: short)
        try expectProblem(
            of: ensemble[1], "unequal-members: server.2 has another member list: it lists server 3,",
            in: ensemble)
        try expectUndisturbed(ensemble, leader: leader)
        // Put right, it joins, and the complaint is over.
        try ensemble.restart(1)
        try ensemble.waitForRoles()
        try ensemble.expectAgreement()
        for member in ensemble.running {
            #expect(try member.monitor()["corral_problem"] == nil, "server \(member.id)")
        }
    }

    /// Its epochs are newer than anything here: joined, it would be believed.
    @Test("a data directory of another ensemble", arguments: Combination.vendors)
    func foreignData(_ vendor: Vendor) throws {
        let ensemble = EnsembleHarness([.corral, vendor, vendor])
        try ensemble.start(leader: 3)
        let client = try ensemble[2].client()
        for number in 0..<50 { try client.create("/kept\(number)") }
        try client.close()
        ensemble[1].kill()
        let foreign = EnsembleHarness([.corral])
        let directory = "\(foreign[1].dataDirectory)/version-2"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in ["acceptedEpoch", "currentEpoch"] {
            try "40".write(toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
        }
        try FileManager.default.removeItem(atPath: ensemble[1].dataDirectory)
        try FileManager.default.copyItem(atPath: foreign[1].dataDirectory, toPath: ensemble[1].dataDirectory)
        try ensemble.start(1)
        try expectProblem(
            of: ensemble[1], "foreign-data: the data directory belongs to another ensemble: it is of epoch 40",
            in: ensemble)
        try expectUndisturbed(ensemble, leader: 3)
        // With an empty directory it joins.
        ensemble[1].kill()
        try FileManager.default.removeItem(atPath: ensemble[1].dataDirectory)
        try ensemble.start(1)
        try ensemble.waitForRoles()
        try ensemble.expectAgreement()
    }

    @Test("data that a server acknowledged alone, among members that have none: nothing is deleted")
    func standaloneData() throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral])
        let alone = try ServerUnderTest(.corral, dataDirectory: ensemble[1].dataDirectory)
        let owner = try alone.client()
        for number in 0..<30 { try owner.create("/mine\(number)") }
        try owner.close()
        alone.stop()
        for id in [2, 3] { try ensemble.start(id) }
        try ensemble.waitForRoles()
        let client = try ensemble[2].client()
        for number in 0..<50 { try client.create("/kept\(number)") }
        try client.close()
        let leader = try #require(ensemble.leader)
        try ensemble.start(1)
        try expectProblem(
            of: ensemble[1],
            "foreign-data: the data directory belongs to another ensemble: it holds transactions up to 0x",
            in: ensemble)
        let problem = try #require(try ensemble[1].monitor()["corral_problem"])
        #expect(problem.contains("server.\(leader), which leads, lacks those after 0x0"), "\(problem)")
        try expectUndisturbed(ensemble, leader: leader)
        // Alone again it has all.
        ensemble[1].stop()
        let again = try ServerUnderTest(.corral, dataDirectory: ensemble[1].dataDirectory)
        let names = try again.client().call(.getChildren("/")).strings()
        #expect(names.count { $0.hasPrefix("mine") } == 30, "\(names)")
        again.stop()
        // And with the others emptied it brings its data along, if it is there when they elect.
        for id in [2, 3] {
            ensemble[id].stop()
            try FileManager.default.removeItem(atPath: ensemble[id].dataDirectory)
        }
        try ensemble.start(1)
        let isThere = eventually(within: 60) {
            ensemble[1].process?.output.contains("looking for a leader") == true
        }
        try #require(isThere, "server 1 does not look for a leader")
        for id in [2, 3] { try ensemble.start(id) }
        try ensemble.waitForRoles()
        let carried = try ensemble[3].client().call(.getChildren("/")).strings()
        #expect(carried.count { $0.hasPrefix("mine") } == 30, "\(carried)")
    }

    /// Nothing in an older epoch tells whose a history is; the digests of what the leader sends do. Whoever led has
    /// also kept how far history is committed; the leader's snapshot may be older than that, with the log behind it.
    @Test("another ensemble's older data is noticed before anybody reads it", arguments: [1, 3])
    func olderForeignData(of owner: Int) throws {
        let other = EnsembleHarness([.corral, .corral, .corral])
        try other.start(leader: 3)
        let stranger = try other[1].client()
        for number in 0..<10 { try stranger.create("/other\(number)") }
        try stranger.close()
        try other.waitForEqualZxids()
        for member in other.members.reversed() { member.stop() }

        let ensemble = EnsembleHarness([.corral, .corral, .corral])
        try ensemble.start(leader: 3)
        // Epoch 1 goes on for longer here than there, and then there is another.
        let client = try ensemble[2].client()
        for number in 0..<50 { try client.create("/kept\(number)") }
        try client.close()
        for member in ensemble.members { member.stop() }
        try FileManager.default.removeItem(atPath: ensemble[1].dataDirectory)
        try FileManager.default.copyItem(atPath: other[owner].dataDirectory, toPath: ensemble[1].dataDirectory)
        try "1".write(toFile: ensemble[1].dataDirectory + "/myid", atomically: true, encoding: .utf8)
        for id in [2, 3] { try ensemble.start(id) }
        try ensemble.waitForRoles()
        try ensemble.start(1)
        // Asked without a session, which would be a transaction.
        let isNoticed = eventually(within: 30) {
            (try? ensemble[1].monitor()["digest_mismatches_count"]) ?? "0" != "0"
        }
        guard isNoticed else { throw ensemble.failure("server 1 follows with a tree of its own") }
        try ensemble.waitForRoles()
        try ensemble.waitForEqualZxids()
        #expect(try ensemble.treeDifferences() == [])
        try expectUndisturbed(ensemble, leader: try #require(ensemble.leader))
    }

    @Test("a majority that is not there")
    func unreachableMajority() throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral])
        try ensemble.start(1)
        try expectProblem(
            of: ensemble[1], "unreachable-majority: server.2, server.3 do not answer; without them the 3 voters have",
            in: ensemble)
        try ensemble.start()
        for member in ensemble.running {
            #expect(try member.monitor()["corral_problem"] == nil, "server \(member.id)")
        }
    }

    /// One clear line, and exit code 3, before anything is touched.
    @Test("a myid file that is missing, or no member's")
    func wrongMyID() throws {
        for (content, hint) in [(nil, "myid is missing"), ("7", "there is no server.7 line"), ("x", "found \"x\"")] {
            let directory = TemporaryDirectory("myid")
            try FileManager.default.createDirectory(
                atPath: directory.file("data"), withIntermediateDirectories: true)
            if let content {
                try content.write(toFile: directory.file("data/myid"), atomically: true, encoding: .utf8)
            }
            let text = """
                dataDir=\(directory.file("data"))
                clientPort=\(freePort())
                initLimit=5
                syncLimit=2
                server.1=127.0.0.1:1:2
                server.2=127.0.0.1:3:4
                server.3=127.0.0.1:5:6

                """
            try text.write(toFile: directory.file("zoo.cfg"), atomically: true, encoding: .utf8)
            let (code, output) = try ChildProcess.run(
                ServerUnderTest.corralBinary, ["server", directory.file("zoo.cfg")], timeoutSeconds: 20)
            #expect(code == 3 && output.split(separator: "\n").count == 1, "\(output)")
            #expect(output.contains("\(directory.file("data"))/myid") && output.contains(hint), "\(output)")
            let left = try FileManager.default.contentsOfDirectory(atPath: directory.file("data"))
            #expect(left.allSatisfy { $0 == "myid" }, "\(left)")
        }
    }
}
