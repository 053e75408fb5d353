import ArgumentParser
import EtcdMessages
import Foundation
import Synchronization

/// Where a member listens for clients.
struct Endpoint: Sendable {
    var host: String
    var port: Int

    /// `address:port`, an IPv4 address.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port), colon > text.startIndex
        else { return nil }
        host = String(text[..<colon])
        self.port = port
    }
}

@main
struct EtcdLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corral-etcd-load",
        abstract: "Loads an etcd cluster as corral-bench loads ZooKeeper: a key for each connection.",
        discussion: """
            Prints JSON, a line an event: ready, measuring, measured and result. corral-bench starts it for servers of \
            the kind etcd. Exit codes: 0 a result was printed, 1 the load could not start, 64 wrong usage.
            """)

    @Option(help: ArgumentHelp("Members, connections to them by turns.", valueName: "address:port,…"))
    var endpoints: String
    @Option(help: "Connections.")
    var connections = 20
    @Option(help: "Calls outstanding on each connection, closed loop.")
    var window = 100
    @Option(help: "Share of reads.")
    var readPercent = 50.0
    @Option(help: "Bytes of a value, 24 at least.")
    var valueBytes = 1024
    @Option(help: "Seconds measured.")
    var duration = 10.0
    @Option(help: "Seconds before.")
    var warmup = 2.0
    @Option(help: "Of the choice between reads and writes, and of arrivals.")
    var seed: UInt64 = 1
    @Option(help: "Requests per second over all connections, at Poisson's times; a closed loop without.")
    var rate: Double?
    @Option(help: "Threads that carry connections.")
    var threads = 1
    @Flag(help: "Linearizable reads, etcd's default. Without: serializable ones, the serving member's own state.")
    var linearizable = false

    @Flag(
        help: """
            Calls that a member cannot answer are no failure of the run; the connection's next ones go to another \
            member. Needs --rate and writes alone.
            """)
    var follow = false

    func validate() throws {
        func need(_ holds: Bool, _ text: String) throws { if !holds { throw ValidationError(text) } }
        try need(!parsedEndpoints.contains { $0 == nil }, "--endpoints lists address:port, separated by commas")
        try need((1...10_000).contains(connections), "--connections lies between 1 and 10000")
        try need((1...65_536).contains(window), "--window lies between 1 and 65536")
        try need((0...100).contains(readPercent), "--read-percent lies between 0 and 100")
        try need((ValueStamp.size...1_000_000).contains(valueBytes), "--value-bytes lies between 24 and 1000000")
        try need(duration >= 0.1 && duration <= 86_400, "--duration lies between 0.1 s and one day")
        try need(warmup >= 0 && warmup <= 3600, "--warmup lies between 0 and 3600 s")
        try need((1...64).contains(threads), "--threads lies between 1 and 64")
        try need(
            !follow || rate != nil && readPercent == 0 && threads == 1,
            "--follow needs --rate, --read-percent 0 and one thread")
        if let rate { try need(rate >= 1 && rate <= 50_000_000, "--rate lies between 1 and 50000000") }
    }

    private var parsedEndpoints: [Endpoint?] { endpoints.split(separator: ",").map { Endpoint(String($0)) } }

    func run() async throws {
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in LoadPhase.isInterrupted.store(true, ordering: .relaxed) }
        }
        signal(SIGPIPE, SIG_IGN)
        let run = LoadRun(
            endpoints: parsedEndpoints.compactMap { $0 }, connections: connections, window: window,
            settings: EtcdConnection.Settings(
                readPercent: readPercent, linearizable: linearizable, valueBytes: valueBytes, isOpenLoop: rate != nil,
                follows: follow),
            warmupSeconds: warmup, durationSeconds: duration, ratePerSecond: rate, seed: seed, threads: threads)
        do {
            try await run.run()
        } catch {
            FileHandle.standardError.write(Data("corral-etcd-load: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }
}
