import ArgumentParser
import Foundation
import Simulation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server's core in virtual time, with faults, and checks everything it does.")

    @Option(help: "How many seeds to run.")
    var seeds = 100
    @Option(help: "The first seed; alone, the only one.")
    var seed: UInt64?
    @Option(help: "Stop after this many minutes.")
    var minutes: Double?
    @Option(help: "Servers of the ensemble; by default each seed decides.")
    var servers: Int?
    @Option(help: "A mistake to make, by name ('list' lists them).")
    var mutation: String?
    @Flag(help: "Print everything that happens.")
    var trace = false
    @Option(help: "Processes to run seeds in.")
    var jobs = 1

    mutating func run() throws {
        var options = SimulationOptions(servers: servers)
        if let mutation {
            guard let found = Mutation(name: mutation) else { throw ValidationError("no mutation \(mutation)") }
            options.mutation = found
        }
        if trace { options.trace = { print($0) } }
        let first = seed ?? 1
        let count = seed == nil ? seeds : 1
        for number in first..<first + UInt64(count) {
            if !trace { print("seed \(number)") }
            fflush(nil)
            let result = SimulationRun(seed: number, options: options).run()
            print("  events \(result.events) ops \(result.operations) ok \(result.successes) txns \(result.transactions) virtual \(result.virtualNanos/1_000_000_000) faults \(result.faults.total) hash \(String(result.traceHash, radix: 16)) \(result.counts)")
            if let found = result.violation { print("VIOLATION seed \(number): \(found)") }
        }
    }
}
