import CPlatform
import Logging
import Synchronization
import ZooKeeperClient

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a client's reads cost, as each client program prints it: one line of JSON, the last of its output.
public struct ClientReadSample: Codable, Equatable, Sendable {
    /// The library's version.
    public var version: String
    public var reads: Int
    public var wallSeconds: Double
    /// User and system time of the client's process, of all its threads, over the measured reads only.
    public var cpuSeconds: Double

    public var cpuMicrosPerRead: Double { cpuSeconds * 1e6 / Double(max(1, reads)) }
    public var readsPerSecond: Double { Double(reads) / max(wallSeconds, 1e-9) }

    /// The sample in a program's output; nil when there is none.
    init?(output: String) {
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("{") }),
            let sample = try? JSONDecoder().decode(Self.self, from: Data(line.utf8))
        else { return nil }
        self = sample
    }

    init(version: String, reads: Int, wallSeconds: Double, cpuSeconds: Double) {
        self.version = version
        self.reads = reads
        self.wallSeconds = wallSeconds
        self.cpuSeconds = cpuSeconds
    }

    /// As the client programs print it.
    public var line: String {
        "{\"version\":\"\(version)\",\"reads\":\(reads),\"wallSeconds\":\(wallSeconds),\"cpuSeconds\":\(cpuSeconds)}"
    }
}

/// Reads one znode over and over by `ZooKeeperClient`, so many reads at once.
public enum ClientReads {
    /// How a program asks for many reads at once.
    public enum Form: String, Codable, CaseIterable, Sendable {
        /// One task, which keeps the window full by handles that it awaits in order.
        case pipelined
        /// As many tasks as the window is wide, each with one read at a time.
        case tasks
    }

    /// Connects, makes a znode of so many bytes, warms up with a tenth of the reads, and measures them.
    public static func measure(
        _ form: Form, _ address: ServerAddress, window: Int, reads: Int, valueBytes: Int
    ) throws(LoadError) -> ClientReadSample {
        try Blocking.wait { () async throws in
            var configuration = try ClientConfiguration("\(address)")
            configuration.logger = Logger(label: "client") { _ in SwiftLogNoOpLogHandler() }
            return try await ZooKeeper.withSession(configuration) { client in
                let content = [UInt8](repeating: 0x78, count: valueBytes)
                let path = try await client.create("/client-reads-", data: content, mode: .ephemeralSequential)
                try await read(form, client, path, window, max(window, reads / 10), valueBytes)
                let (cpu, wall) = (ownCpuSeconds(), Clock.seconds)
                try await read(form, client, path, window, reads, valueBytes)
                return ClientReadSample(
                    version: "of this commit", reads: reads,
                    wallSeconds: Clock.seconds - wall, cpuSeconds: ownCpuSeconds() - cpu)
            }
        }
    }

    /// Of this process, all its threads.
    private static func ownCpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func read(
        _ form: Form, _ client: ZooKeeper, _ path: String, _ window: Int, _ count: Int, _ valueBytes: Int
    ) async throws {
        switch form {
        case .pipelined: try await pipelined(client, path, window, count, valueBytes)
        case .tasks: try await tasks(client, path, window, count, valueBytes)
        }
    }

    private static func check(_ value: NodeData, _ valueBytes: Int) throws(LoadError) {
        guard value.data.count == valueBytes else {
            throw .connection("a read returned \(value.data.count) bytes instead of \(valueBytes)")
        }
    }

    private static func pipelined(
        _ client: ZooKeeper, _ path: String, _ window: Int, _ count: Int, _ valueBytes: Int
    ) async throws {
        var handles = (0..<min(window, count)).map { _ in client.submit(.getData(path)) }
        var submitted = handles.count
        for index in 0..<count {
            let slot = index % window
            try check(try await handles[slot].value, valueBytes)
            if submitted < count {
                handles[slot] = client.submit(.getData(path))
                submitted += 1
            }
        }
    }

    private static func tasks(
        _ client: ZooKeeper, _ path: String, _ window: Int, _ count: Int, _ valueBytes: Int
    ) async throws {
        let left = SharedCount(count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<window {
                group.addTask {
                    while left.take() { try check(try await client.getData(path), valueBytes) }
                }
            }
            try await group.waitForAll()
        }
    }

    private final class SharedCount: Sendable {
        private let value: Atomic<Int>
        init(_ count: Int) { value = Atomic(count) }
        func take() -> Bool { value.subtract(1, ordering: .relaxed).newValue >= 0 }
    }
}
