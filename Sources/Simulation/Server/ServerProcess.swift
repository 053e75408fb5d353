import DataTree
import ServerCore
import TxnLog

/// What runs on a machine: the production core with its front, alone or in an ensemble.
protocol ServerProcess: AnyObject {
    var tree: DataTree { get }
    var inspection: Inspection { get }
    func start()
    func turn(_ action: () -> Void)
    func tick()
    func batchesDurable(_ batches: [TxnBatch])
    func snapshotFinished()
    func listens(_ service: Service) -> Bool
    func accept(_ end: StreamEnd, _ service: Service, from host: Int)
    func received(_ bytes: UnsafeRawBufferPointer, on end: StreamEnd) -> Int
    func ended(_ end: StreamEnd)
    func drained(_ end: StreamEnd)
    func electionMessage(_ bytes: [UInt8], from server: Int)
    func electionLinkUp(_ server: Int)
    func electionLinkDown(_ server: Int)
    func dismantle()
}

/// How the servers of one run are set up.
struct ServerSettings {
    var serverCount = 1
    var core = CoreConfiguration()
    /// Between two looks of a process at its clock.
    var tickNanos: UInt64 = 20 * Span.millisecond
    var outputLimitBytes = 1 << 20
    /// What work costs a process in time; nil: nothing, which is what a search for mistakes wants.
    var service: ServiceCosts?
    /// Makes the process of a server that starts, from what is on its disk.
    var makeProcess: (SimulatedServer) throws -> any ServerProcess = { try StandaloneProcess($0) }
}

/// The client port of a process: one front and its connections.
final class ClientPort {
    let front: Front
    private let server: SimulatedServer
    /// By the number of the stream. Looked up, and listed only in the order of the numbers.
    private var connections: [Int: (connection: ClientConnection, link: SimulatedClientLink)] = [:]

    init(front: Front, server: SimulatedServer) {
        self.front = front
        self.server = server
    }

    func accept(_ end: StreamEnd) {
        let link = SimulatedClientLink(end, server, outputLimitBytes: server.settings.outputLimitBytes)
        guard let connection = front.accept(link) else { return end.close(losesUnsent: true) }
        connections[end.id] = (connection, link)
        end.owner = server
    }

    /// Nil for a stream that is no client's.
    func received(_ bytes: UnsafeRawBufferPointer, on end: StreamEnd) -> Int? {
        guard let (connection, _) = connections[end.id] else { return nil }
        let taken = front.receive(bytes, from: connection)
        if let service = server.settings.service {
            server.stall(service.ofReads(in: UnsafeRawBufferPointer(rebasing: bytes[..<taken])))
        }
        return taken
    }

    func ended(_ end: StreamEnd) {
        guard let (connection, _) = connections.removeValue(forKey: end.id) else { return }
        front.disconnected(connection)
    }

    /// Ends all connections, so that nothing of an ended process keeps itself alive.
    func dismantle() {
        for (_, entry) in connections.sorted(by: { $0.key < $1.key }) { front.disconnected(entry.connection) }
        connections.removeAll()
    }
}
