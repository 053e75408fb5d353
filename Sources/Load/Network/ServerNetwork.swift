import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A network of its own for each server, on this machine: servers in namespaces, each behind a token bucket in both
/// directions, all on one bridge; the bridge too has a namespace, out of reach of the machine's firewall. The generator
/// stays outside and reaches the bridge over a link without a limit. Nothing of it leads out of the machine.
///
///     generator -- (no limit) -- bridge --+-- bucket -- server 1
///                                         +-- bucket -- server 2 ...
///
/// Used from one thread.
final class ServerNetwork {
    let plan: NetworkPlan
    /// Each server's own, in order.
    let hosts: [String]
    /// The generator's.
    let outsideHost: String
    private let names: NetworkNames
    private let tools: NetworkTools
    private var isRemoved = false

    /// How many networks this process has made: each has names of its own.
    private static let count = Atomic<Int>(0)
    private static let queueMillis = 50
    private static let firstNumber: UInt8 = 10

    /// Makes it, and sees to it that every server's address answers. First removes what programs that are gone left.
    ///
    /// - Parameter reachLimitSeconds: until a new link passes its first packet.
    /// - Throws: what the machine does not permit.
    init(
        _ plan: NetworkPlan, servers: Int, tools: NetworkTools = NetworkTools(), reachLimitSeconds: Double = 3
    ) throws(LoadError) {
        precondition((1...EnsembleOptions.maximumServers).contains(servers), "a network of \(servers) servers")
        self.plan = plan
        self.tools = tools
        let number = Self.count.add(1, ordering: .relaxed).newValue
        names = NetworkNames(pid: getpid(), number: number)
        guard
            let subnet = PrivateSubnet(
                routes: TextFile.read("/proc/net/route"), start: UInt32(bitPattern: getpid()) &* 31 &+ UInt32(number))
        else { throw .environment("no private addresses are free for the servers' networks") }
        outsideHost = subnet.address(PrivateSubnet.outside)
        hosts = (0..<servers).map { subnet.address(Self.firstNumber + UInt8($0)) }
        do throws(LoadError) {
            try tools.check()
            NetworkNames.removeStale(tools)
            try make()
            // Else the address would be looked for outside of this machine.
            guard TextFile.read("/proc/net/route").contains("\(names.outsideLink)\t") else {
                throw LoadError.environment("the link \(names.outsideLink) is not there")
            }
            for host in hosts { try Self.reach(host, limitSeconds: reachLimitSeconds) }
        } catch {
            remove()
            throw .environment(
                "networks of their own for servers need the right to make network namespaces and token buckets, which "
                    + "this machine does not permit (\(error)); run as root, or without them")
        }
    }

    deinit { remove() }

    private func make() throws(LoadError) {
        let hub = names.hub
        try tools.ip(["netns", "add", hub])
        try tools.ip(["-n", hub, "link", "add", "bridge", "type", "bridge"])
        try tools.ip(["-n", hub, "link", "set", "bridge", "up"])
        try tools.ip(["link", "add", names.outsideLink, "type", "veth", "peer", "name", "outside", "netns", hub])
        try tools.ip(["-n", hub, "link", "set", "outside", "master", "bridge", "up"])
        try tools.ip(["addr", "add", "\(outsideHost)/24", "dev", names.outsideLink])
        try tools.ip(["link", "set", names.outsideLink, "up"])
        for (index, host) in hosts.enumerated() {
            let (space, port) = (names.server(index), "server\(index + 1)")
            try tools.ip(["netns", "add", space])
            try tools.ip(["-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space])
            try tools.ip(["-n", hub, "link", "set", port, "master", "bridge", "up"])
            try tools.ip(["-n", space, "link", "set", "lo", "up"])
            try tools.ip(["-n", space, "addr", "add", "\(host)/24", "dev", "eth0"])
            try tools.ip(["-n", space, "link", "set", "eth0", "up"])
        }
    }

    /// From now on links have the plan's rate. Not before: an ensemble that starts is not what is measured, and a
    /// leader that makes transactions by itself would fill its link before all others have found it.
    func limitLinks() throws(LoadError) {
        for index in hosts.indices {
            // Out of the server, and into it.
            try limit("eth0", in: names.server(index))
            try limit("server\(index + 1)", in: names.hub)
        }
    }

    private func limit(_ link: String, in space: String) throws(LoadError) {
        try tools.tc([
            "-n", space, "qdisc", "add", "dev", link, "root", "tbf", "rate", "\(Int(plan.rateMegabits * 1e6))bit",
            "burst", "\(plan.burstKilobytes)kb", "latency", "\(Self.queueMillis)ms",
        ])
    }

    /// What a server's command line begins with. The program takes the place of what puts it there: one process.
    ///
    /// - Parameter index: of the server, from 0.
    func commandPrefix(_ index: Int) -> [String] { tools.entering(names.server(index)) }

    /// Removes everything; servers should have ended. What runs there still is cut off from all others.
    func remove() {
        guard !isRemoved else { return }
        isRemoved = true
        _ = try? tools.ip(["link", "delete", names.outsideLink])
        for index in hosts.indices { _ = try? tools.ip(["netns", "delete", names.server(index)]) }
        _ = try? tools.ip(["netns", "delete", names.hub])
    }

    /// Nobody listens: an address that answers so is one that a server can be reached at.
    private static func reach(_ host: String, limitSeconds: Double) throws(LoadError) {
        var address = corral_address()
        guard corral_numeric_address(host, 9, &address) == 0 else { throw .environment("\(host) is no address") }
        let deadline = Clock.seconds + limitSeconds
        var outcome = -ETIMEDOUT
        while Clock.seconds < deadline {
            let descriptor = corral_connect(&address, 0)
            if descriptor >= 0 {
                var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let isReady = poll(&question, 1, Int32(min(500, 1000 * limitSeconds))) > 0
                outcome = isReady ? corral_connected(descriptor) : -ETIMEDOUT
                close(descriptor)
            } else {
                outcome = descriptor
            }
            if outcome == 0 || outcome == -ECONNREFUSED { return }
            usleep(10_000)
        }
        throw .environment("\(host) cannot be reached: \(String(cString: strerror(-outcome)))")
    }
}
