import CPlatform
import Foundation
import Testing

@testable import Load

@Suite("Networks of servers", .serialized)
struct NetworkTests {
    static let isPermitted: Bool = {
        let reason = (try? NetworkPlan())?.refusal
        if let reason { print("networks are not tested here: \(reason)") }
        return reason == nil
    }()

    @Test("a link has a rate and a burst within reason")
    func plans() throws {
        #expect(try NetworkPlan().text == "a link of 1000 Mbit/s each way")
        #expect(try NetworkPlan(rateMegabits: 2.5).text == "a link of 2.5 Mbit/s each way")
        #expect(throws: LoadError.self) { try NetworkPlan(rateMegabits: 0) }
        #expect(throws: LoadError.self) { try NetworkPlan(rateMegabits: .nan) }
        #expect(throws: LoadError.self) { try NetworkPlan(burstKilobytes: 64) }
    }

    @Test("addresses are those that no route covers")
    func subnets() throws {
        let head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        func line(_ destination: String, _ mask: String) -> String { "eth0 \(destination) 0 1 0 0 0 \(mask) 0 0 0\n" }
        let free = try #require(PrivateSubnet(routes: head + line("00000000", "00000000"), start: 0x0203))
        #expect(free.address(1) == "10.2.3.1" && free.address(22) == "10.2.3.22")
        // 10.2.3.0/24 is there, and 10.2.4.0/23 covers the next two.
        let taken = head + line("0003020A", "00FFFFFF") + line("0004020A", "00FEFFFF")
        #expect(try #require(PrivateSubnet(routes: taken, start: 0x0203)).address(1) == "10.2.6.1")
        #expect(PrivateSubnet(routes: head + line("0000000A", "000000FF"), start: 7) == nil)
    }

    @Test("names say whose they are, and fit")
    func names() {
        let names = NetworkNames(pid: 4_194_304, number: 999)
        #expect(NetworkNames.owner(of: names.hub) == 4_194_304)
        #expect(NetworkNames.owner(of: names.server(12)) == 4_194_304)
        #expect(names.outsideLink.utf8.count <= 15)
        #expect(NetworkNames.owner(of: "corral") == nil && NetworkNames.owner(of: "corral-bench-x-1-hub") == nil)
    }

    @Test("a machine that does not permit them says why and what to do")
    func refusal() throws {
        for (tools, reason) in [
            (NetworkTools(ipPath: "/nonexistent/ip"), "'ip' is missing"),
            (NetworkTools(ipPath: "false"), "'ip' is missing"),
            // Makes nothing without saying so.
            (NetworkTools(ipPath: "true", tcPath: "true"), "is not there"),
            (NetworkTools(ipPath: "echo", tcPath: "/nonexistent/tc"), "'tc' is missing"),
        ] {
            let error = #expect(throws: LoadError.self) {
                try ServerNetwork(try NetworkPlan(), servers: 1, tools: tools, reachLimitSeconds: 0.2)
            }
            let text = error?.description ?? ""
            #expect(text.contains(reason) && text.contains("run as root, or without them"), "\(text)")
        }
    }

    @Test("a budget that cannot be set is refused with a reason")
    func budgetRefusal() throws {
        let budget = try CpuBudget(percent: 10)
        let none = ControlGroupPlaces(mounts: "", membership: "")
        #expect(budget.refusal(places: none)?.contains("none is mounted") == true)
        #expect((budget.refusal == nil) == BudgetTests.isPermitted)
    }

    @Test("servers in networks cannot be cut off")
    func cuts() throws {
        var server = ServerOptions(corralPath: "corral", benchPath: "corral-bench", dataRoot: "data")
        server.network = try NetworkPlan()
        #expect(throws: LoadError.self) {
            try EnsembleOptions(kinds: [.corral, .corral, .corral], server: server, isCuttable: true)
        }
        let cut = FailureStep(at: 1, .cut, "leader", as: "a")
        #expect(throws: LoadError.self) {
            try FailurePlan(servers: 3, seconds: 5, network: try NetworkPlan(), steps: [cut])
        }
    }

    /// Listens outside, has a server's side run a shell command that connects, and returns how long the bytes took.
    private func seconds(
        _ network: ServerNetwork, _ command: String, sends: Bool, bytes: Int
    ) throws -> Double {
        var bound = corral_bound()
        try #require(corral_listen(network.outsideHost, 0, 4, 0, &bound) >= 0)
        defer { close(bound.descriptor) }
        // Bytes may be on their way before anybody takes the connection.
        let start = DispatchTime.now().uptimeNanoseconds
        let place = "/dev/tcp/\(network.outsideHost)/\(bound.port)"
        let child = try ChildProcess(
            network.commandPrefix(0) + ["bash", "-c", command.replacing("PLACE", with: place)],
            outputPath: "/dev/null")
        defer { child.stop(graceSeconds: 0.1) }
        var question = pollfd(fd: bound.descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&question, 1, 10_000) == 1, "nobody connected")
        let peer = accept(bound.descriptor, nil, nil)
        try #require(peer >= 0)
        defer { close(peer) }
        _ = fcntl(peer, F_SETFL, fcntl(peer, F_GETFL) & ~O_NONBLOCK)
        var chunk = [UInt8](repeating: 7, count: 65_536)
        var done = 0
        while done < bytes {
            let count =
                sends
                ? send(peer, &chunk, min(chunk.count, bytes - done), Int32(MSG_NOSIGNAL))
                : recv(peer, &chunk, chunk.count, 0)
            try #require(count > 0, "\(done) of \(bytes) bytes")
            done += count
        }
        if sends {
            shutdown(peer, Int32(SHUT_WR))
            // Until the other side has had everything.
            while recv(peer, &chunk, chunk.count, 0) > 0 {}
        }
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    @Test("bytes pass no faster than the link, in both directions, and nothing is left", .enabled(if: isPermitted))
    func rate() throws {
        let plan = try NetworkPlan(rateMegabits: 40, burstKilobytes: 66)
        let network = try ServerNetwork(plan, servers: 2)
        defer { network.remove() }
        try network.limitLinks()
        #expect(network.hosts.count == 2 && network.hosts.allSatisfy { $0.hasPrefix("10.") })
        let bytes = 2_000_000
        // What is neither in the bucket when it begins nor in the sockets' own buffers.
        let least = Double(bytes - 66 * 1024) * 8 / 40e6 * 0.9
        let out = try seconds(network, "head -c \(bytes) /dev/zero >PLACE", sends: false, bytes: bytes)
        #expect(out > least && out < 60, "\(out) s out of the server")
        let into = try seconds(network, "exec cat <PLACE >/dev/null", sends: true, bytes: bytes)
        #expect(into > least && into < 60, "\(into) s into the server")
        let listed = { ChildProcess.capture(["ip", "netns", "list"]) ?? "" }
        let mine = "corral-bench-\(getpid())-"
        #expect(listed().contains(mine))
        network.remove()
        #expect(!listed().contains(mine))
        #expect(!TextFile.read("/proc/net/route").contains("corral\(String(getpid(), radix: 36))-"))
    }

    @Test("what a program left that is gone is removed, with its servers", .enabled(if: isPermitted))
    func stale() throws {
        let gone: Int32 = 99_999_999
        let tools = NetworkTools()
        let name = NetworkNames(pid: gone, number: 1).server(0)
        try tools.ip(["netns", "add", name])
        defer { _ = try? tools.ip(["netns", "delete", name]) }
        let server = try ChildProcess(tools.entering(name) + ["sleep", "60"], outputPath: "/dev/null")
        defer { server.stop() }
        let deadline = Clock.seconds + 10
        while try !tools.ip(["netns", "pids", name]).contains("\(server.pid)") {
            try #require(Clock.seconds < deadline, "it is not in its namespace")
            usleep(2000)
        }
        NetworkNames.removeStale(tools) { _ in true }
        #expect(try tools.ip(["netns", "list"]).contains(name))
        NetworkNames.removeStale(tools) { $0 != gone }
        #expect(try !tools.ip(["netns", "list"]).contains(name))
        while server.isRunning {
            try #require(Clock.seconds < deadline, "its server lives")
            usleep(2000)
        }
    }
}
