import Foundation
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// An ensemble of real servers on loopback, each Corral's or Apache's, with directories and ports of their own.
///
/// Ids count from 1: first the participants in the order given, then the observers. What did not happen in time is
/// thrown with the ends of all logs. Used by one thread at a time.
public final class EnsembleHarness: @unchecked Sendable {
    public let members: [EnsembleMember]
    public let scratch: TemporaryDirectory
    public let settings: [String: String]

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Beyond those of a standalone server under test: a follower has 10 s to synchronize, and may lag for 4 s.
    public static let defaults = ServerUnderTest.defaults.merging(["initLimit": "20", "syncLimit": "8"]) { $1 }

    /// Nothing runs yet.
    public init(_ participants: [Vendor], observers: [Vendor] = [], settings: [String: String] = [:]) {
        let scratch = TemporaryDirectory("ensemble")
        self.scratch = scratch
        self.settings = Self.defaults.merging(settings) { $1 }
        let vendors = participants.map { ($0, false) } + observers.map { ($0, true) }
        var taken: Set<Int> = []
        members = vendors.enumerated().map { index, kind in
            var ports: [Int] = []
            while ports.count < 3 {
                let port = freePort()
                if taken.insert(port).inserted { ports.append(port) }
            }
            return EnsembleMember(
                id: index + 1, vendor: kind.0, isObserver: kind.1, directory: scratch.file("server-\(index + 1)"),
                ports: ports)
        }
    }

    deinit { for member in members { member.kill() } }

    public subscript(id: Int) -> EnsembleMember { members[id - 1] }
    public var participants: [EnsembleMember] { members.filter { !$0.isObserver } }
    public var running: [EnsembleMember] { members.filter(\.isRunning) }
    public var quorum: Int { participants.count / 2 + 1 }
    /// `host:port,host:port`, as clients take it.
    public var connectString: String { members.map { "127.0.0.1:\($0.clientPort)" }.joined(separator: ",") }
    public var clientPorts: [Int] { members.map(\.clientPort) }

    // MARK: life

    /// Starts one server without waiting for it to serve.
    ///
    /// - Parameters:
    ///   - list: another member list than the others have.
    ///   - myID: another number than its own.
    public func start(_ id: Int, list: [String]? = nil, myID: Int? = nil) throws {
        try self[id].start(list: list ?? members.map(\.line), myID: myID ?? id, settings: settings)
    }

    /// Starts all servers and waits until all serve; the leader's id.
    @discardableResult
    public func start() throws -> Int {
        for member in members where !member.isRunning { try start(member.id) }
        return try waitForRoles()
    }

    /// Starts fresh servers so that this one leads: first it, with a quorum of those with lower ids, then the rest.
    public func start(leader: Int) throws {
        let lower = participants.filter { $0.id < leader }.suffix(quorum - 1)
        guard lower.count == quorum - 1 else {
            throw Failure(description: "server \(leader) cannot win an election among fresh servers with lower ids")
        }
        for member in lower { try start(member.id) }
        try start(leader)
        let first = try waitForRoles()
        guard first == leader else { throw failure("server \(first) leads instead of \(leader)") }
        try start()
    }

    /// Ends a server at once and starts it again on what it left, without waiting for it to serve.
    public func restart(_ id: Int) throws {
        self[id].kill()
        try start(id)
    }

    /// Ends a server in good order and starts one of the other kind on the same directories and ports.
    public func replace(_ id: Int, with vendor: Vendor) throws {
        let member = self[id]
        let code = member.stop()
        // A process that Java ends on SIGTERM reports it so.
        guard code == 0 || code == 128 + SIGTERM else { throw failure("server \(id) ended with \(code ?? -1)") }
        member.vendor = vendor
        try start(id)
    }

    // MARK: waiting

    /// Waits until all running servers serve, one of them leading; its id. Without a quorum running, throws.
    @discardableResult
    public func waitForRoles(within seconds: Double = 60) throws -> Int {
        var roles: [Int: String] = [:]
        let settled = eventually(within: seconds) {
            roles = [:]
            for member in running {
                guard let role = member.role else { return false }
                roles[member.id] = role
            }
            return roles.values.count { $0 == "leader" } == 1
                && running.allSatisfy { member in
                    let role = roles[member.id]
                    return member.isObserver ? role == "observer" : role == "leader" || role == "follower"
                }
        }
        guard settled, let leader = roles.first(where: { $0.value == "leader" })?.key else {
            throw failure("the roles did not settle in \(seconds) s: \(roles), \(running.count) running")
        }
        return leader
    }

    /// Waits until no running server serves.
    public func waitForSilence(within seconds: Double = 30) throws {
        guard eventually(within: seconds, { running.allSatisfy { $0.role == nil } }) else {
            throw failure("servers without a quorum still serve after \(seconds) s")
        }
    }

    /// Waits until a server's `mntr` shows a value.
    public func waitForMonitor(
        _ id: Int, _ name: String, within seconds: Double = 30, _ isRight: (String) -> Bool
    ) throws {
        var last: String?
        let reached = eventually(within: seconds) {
            last = (try? self[id].monitor())?[name]
            return last.map(isRight) ?? false
        }
        guard reached else { throw failure("server \(id): \(name) is \(last ?? "missing") after \(seconds) s") }
    }

    /// The id of the running server that leads, if one does.
    public var leader: Int? { running.first { $0.role == "leader" }?.id }

    // MARK: agreement

    /// Waits until all running servers have processed the same last transaction; its zxid.
    @discardableResult
    public func waitForEqualZxids(within seconds: Double = 30) throws -> Int64 {
        var zxids: [Int64?] = []
        let equal = eventually(within: seconds) {
            zxids = running.map { try? $0.zxid() }
            return zxids.allSatisfy { $0 != nil && $0 == zxids[0] }
        }
        guard equal, let first = zxids.first, let zxid = first else {
            throw failure("the servers' zxids differ: \(zxids)")
        }
        return zxid
    }

    /// Each server writes it with its own clock when it starts.
    private static let hostSpecific: Set<String> = ["/zookeeper/config"]

    /// What differs between the running servers' trees, every field of every Stat compared; empty when all agree.
    public func treeDifferences() throws -> [String] {
        var differences: [String] = []
        let reference = running[0]
        let expected = try tree(of: reference)
        for member in running.dropFirst() {
            let actual = try tree(of: member)
            for line in TreeDump.difference(expected, actual) {
                differences.append("server \(reference.id) against \(member.id): \(line)")
            }
        }
        return differences
    }

    private func tree(of member: EnsembleMember) throws -> [String] {
        try asking(member) { try TreeDump.lines(port: member.clientPort, skipping: Self.hostSpecific) }
    }

    /// Reads through a server on a connection of its own. A server of Apache's that does not answer is asked once more:
    /// under load on both CPUs that happened to four of some hundred ensembles that lost leaders, for reasons unknown.
    /// What its threads were doing is noted.
    public func asking<Value>(_ member: EnsembleMember, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch SocketError.timedOut where member.vendor == .apache {
            TestEnvironment.note("server \(member.id) (apache) does not answer; asked again\n\(member.threads())")
            return try body()
        }
    }

    /// What differs between the digests that servers took at the same zxid; empty when all agree.
    public func digestDifferences() throws -> [String] {
        var seen: [Int64: (digest: String, id: Int)] = [:]
        var differences: [String] = []
        for member in running {
            for (zxid, digest) in try member.digests() {
                if let other = seen[zxid], other.digest != digest {
                    differences.append(
                        "at 0x\(String(zxid, radix: 16)): server \(other.id) has \(other.digest),"
                            + " server \(member.id) \(digest)")
                }
                seen[zxid] = (digest, member.id)
            }
            let mismatches = try member.monitor()["digest_mismatches_count"] ?? "0"
            if mismatches != "0" {
                let told = DigestMismatches.told(in: member.log)
                if member.vendor == .corral || told.withinTerms > 0 || told.betweenTerms == 0 {
                    differences.append("server \(member.id) counted \(mismatches) digest mismatches: \(told)")
                }
            }
        }
        return differences
    }

    /// Throws unless all running servers agree: last zxid, trees, digests.
    public func expectAgreement(within seconds: Double = 30) throws {
        try waitForEqualZxids(within: seconds)
        // What expires or is reaped meanwhile is in one dump and not in the other.
        var trees: [String] = []
        _ = try eventually(within: seconds) {
            trees = try treeDifferences()
            return trees.isEmpty
        }
        guard trees.isEmpty else { throw failure("trees differ:\n\(trees.prefix(20).joined(separator: "\n"))") }
        try waitForEqualZxids(within: seconds)
        let digests = try digestDifferences()
        guard digests.isEmpty else { throw failure("digests differ:\n\(digests.joined(separator: "\n"))") }
    }

    // MARK: failure

    /// An error with what is known: who runs, what each says it is, the ends of their logs.
    public func failure(_ text: String) -> Failure {
        let states = members.map { "server.\($0.id) \($0.vendor)\($0.isObserver ? " observer" : "")" }
        return Failure(
            description: "\(text)\n\(states.joined(separator: ", "))\n"
                + members.map { $0.logTail() }.joined(separator: "\n"))
    }

    /// Runs a test's body; an error gets the ends of the logs.
    public func check<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as Failure {
            throw error
        } catch {
            throw failure("\(error)")
        }
    }
}
