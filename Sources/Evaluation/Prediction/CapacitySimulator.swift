import Dispatch
import Load
import Simulation
import Synchronization

/// Asks the simulator what ensembles reach, from measured costs.
struct CapacitySimulator {
    /// As many clients on each server; enough that none runs dry, few enough that a point takes a second or two.
    private static let clients = 30
    private static let outstandingLimit = 2000
    /// Answers for each that is outstanding, or for each write that is: batches are as long as queues, and it is writes
    /// that queue.
    private static let warmupTurns = 1.5
    private static let measuredTurns = 6.0
    private static let leastWrites = 0.05
    private static let leastOperations = 3000
    /// One way between two servers of one room.
    private static let delayNanos: UInt64 = 50_000
    private static let shares = [0.0, 25, 50, 75, 90, 100]

    private let question: SimulatedPrediction.Question
    private let measured: [PredictionError]

    init(_ prediction: Prediction) {
        let sizes = prediction.sizes
        let places = sizes.flatMap { servers in
            Self.shares.map { SimulatedPrediction.Place(servers: servers, readPercent: $0) }
        }
        measured = prediction.errors
        question = SimulatedPrediction.Question(
            costs: prediction.costs, valueBytes: max(1, prediction.valueBytes),
            outstanding: min(prediction.outstanding, Self.outstandingLimit), measured: prediction.measuredHardware,
            checks: prediction.isBudgeted
                ? measured.map { .init(servers: $0.servers, readPercent: $0.readPercent) } : nil,
            hardware: prediction.hardware, places: places)
    }

    func run(
        known: SimulatedPrediction?, progress: ProgressReporter
    ) throws(LoadError) -> SimulatedPrediction {
        let checks = question.checks ?? []
        if var known, known.question == question, known.checks.count == checks.count {
            // What it is checked against may have been measured again.
            for index in known.checks.indices {
                known.checks[index].measuredPerSecond = measured[index].measuredPerSecond
            }
            return known
        }
        let jobs = checks.map { ($0, question.measured) } + question.places.map { ($0, question.hardware) }
        progress.note("simulating \(jobs.count) points of \(checks.isEmpty ? "one curve" : "two curves") a size")
        let outcomes = try simulate(jobs, progress: progress)
        return SimulatedPrediction(
            question: question,
            checks: checks.indices.map { index in
                .init(
                    servers: checks[index].servers, readPercent: checks[index].readPercent,
                    operationsPerSecond: outcomes[index].operationsPerSecond,
                    measuredPerSecond: measured[index].measuredPerSecond)
            },
            points: question.places.indices.map { index in
                .init(
                    servers: question.places[index].servers, readPercent: question.places[index].readPercent,
                    operationsPerSecond: outcomes[checks.count + index].operationsPerSecond)
            },
            events: outcomes.reduce(0) { $0 + $1.events })
    }

    private typealias Job = (place: SimulatedPrediction.Place, hardware: Hardware)

    /// Every processor works on a world of its own; which of them did does not show.
    private func simulate(_ jobs: [Job], progress: ProgressReporter) throws(LoadError) -> [CapacityOutcome] {
        let results = Mutex([Result<CapacityOutcome, CapacityFailure>?](repeating: nil, count: jobs.count))
        let scenarios = jobs.map { scenario($0.place, $0.hardware) }
        DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
            guard !Interrupt.isRequested else { return }
            let result = Result { () throws(CapacityFailure) in try CapacityRun(scenarios[index]).run() }
            results.withLock { $0[index] = result }
        }
        let all = results.withLock { $0 }
        var outcomes: [CapacityOutcome] = []
        for (index, result) in all.enumerated() {
            switch result {
            case .success(let outcome): outcomes.append(outcome)
            case .failure(let failure):
                throw .result(
                    "the simulation of \(jobs[index].place.servers) servers at "
                        + "\(NumberFormat.short(jobs[index].place.readPercent)) % reads came to nothing: \(failure)")
            case nil: throw .interrupted("interrupted while predictions were simulated")
            }
        }
        return outcomes
    }

    private func scenario(_ place: SimulatedPrediction.Place, _ hardware: Hardware) -> CapacityScenario {
        // Slower processors take longer for the same; several are as one that is faster.
        let nanos = 1000 / (hardware.cpus * hardware.speed)
        let costs = question.costs
        let perServer = (Self.clients + place.servers - 1) / place.servers
        let window = max(1, question.outstanding / (perServer * place.servers))
        let writes = 1 - place.readPercent / 100
        let turns = writes > 0 ? 1 / max(Self.leastWrites, writes) : 1
        let outstanding = Double(perServer * place.servers * window)
        return CapacityScenario(
            servers: place.servers, readPercent: place.readPercent,
            costs: ServiceCosts(
                leaderWriteNanos: costs.leaderWrite.value(place.servers) * nanos,
                followerWriteNanos: costs.followerWrite.value(place.servers) * nanos,
                readNanos: costs.read.value(place.servers) * nanos),
            networkBitsPerSecond: hardware.networkMegabits * 1e6, delayNanos: Self.delayNanos,
            fsyncNanos: UInt64(hardware.fsyncMillis * 1e6), valueBytes: question.valueBytes,
            clientsPerServer: perServer, window: window, warmup: Int(Self.warmupTurns * turns * outstanding),
            operations: max(Self.leastOperations, Int(Self.measuredTurns * turns * outstanding)))
    }
}
