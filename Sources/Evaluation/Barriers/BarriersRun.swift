import Load
import Logging
import ZooKeeperClient
import ZooKeeperRecipes

/// One cell of the table, once.
public struct BarriersFigure: Codable, Equatable, Sendable {
    public var round: Int
    /// Of each client, from the common start until it had left its last barrier.
    public var clientSeconds: [Double]
    /// Entered and left, over all clients.
    public var operations: Int
    /// CPU time of the clients' process over what it can have beside the servers.
    public var generatorCpuShare: Double?

    /// Mean over the clients.
    public var seconds: Double { clientSeconds.reduce(0, +) / Double(max(1, clientSeconds.count)) }
    /// Of the client that was done last.
    public var longestSeconds: Double { clientSeconds.max() ?? 0 }
    public var operationsPerSecond: Double { longestSeconds > 0 ? Double(operations) / longestSeconds : 0 }
}

/// Sessions that enter and leave barriers together.
struct BarrierCrowd: Sendable {
    let clients: [ZooKeeper]

    static let root = "/corral-barriers"

    /// Opens the sessions, spread over the servers.
    static func open(_ count: Int, servers: [ServerAddress]) async throws -> BarrierCrowd {
        var clients: [ZooKeeper] = []
        for index in 0..<count {
            // Each begins at a server of its own: the list is turned, and clients shuffle only where they go next.
            let turned = servers.indices.map { servers[(index + $0) % servers.count] }
            var configuration = try ClientConfiguration(turned.map(\.description).joined(separator: ","))
            configuration.logger = Logger(label: "barriers") { _ in SwiftLogNoOpLogHandler() }
            clients.append(try ZooKeeper(configuration))
        }
        for client in clients { try await client.waitUntilConnected(within: .seconds(60)) }
        return BarrierCrowd(clients: clients)
    }

    func close() async {
        await withTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { await client.close() } }
        }
    }

    /// All of some clients enter every barrier, one after another, then leave every one.
    ///
    /// - Parameter place: distinguishes this use's barriers from all others'.
    /// - Returns: each client's time.
    func pass(clients count: Int, barriers: Int, place: String, limit: Duration) async throws -> [Double] {
        let first = clients[0]
        for path in [Self.root, "\(Self.root)/\(place)"] where try await first.exists(path) == nil {
            _ = try await first.create(path)
        }
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Double.self) { group in
            for client in clients[..<count] {
                group.addTask {
                    var inside: [DoubleBarrier.Participation] = []
                    inside.reserveCapacity(barriers)
                    for number in 0..<barriers {
                        let barrier = DoubleBarrier(
                            client, at: "\(Self.root)/\(place)/b\(number)", participants: count)
                        inside.append(try await barrier.enter(within: limit))
                    }
                    for participation in inside { try await participation.leave(within: limit) }
                    let time = start.duration(to: .now).components
                    return Double(time.seconds) + Double(time.attoseconds) / 1e18
                }
            }
            // A barrier that can never be full is waited for by everybody else.
            group.addTask {
                while !Interrupt.isRequested { try await Task.sleep(for: .milliseconds(50)) }
                throw LoadError.interrupted("interrupted while barriers were passed")
            }
            var times: [Double] = []
            while times.count < count, let time = try await group.next() { times.append(time) }
            group.cancelAll()
            return times
        }
    }
}
