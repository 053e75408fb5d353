import Synchronization
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads a znode of 1 KB so many times, so many at once; prints the rate and the CPU time of this process. Or opens so
/// many sessions and leaves them idle for so many seconds; prints what they cost in memory and CPU time.
@main
enum ClientOverhead {
    static let usage = """
        usage: client-overhead host:port pipelined|tasks WINDOW REQUESTS
               client-overhead host:port idle SESSIONS SECONDS
        """

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let first = Int(arguments[3]), let second = Int(arguments[4]), first > 0, second > 0
        else {
            print(usage)
            exit(64)
        }
        switch arguments[2] {
        case "pipelined": try await measure("pipelined", arguments[1], window: first, requests: second, pipelined)
        case "tasks": try await measure("tasks", arguments[1], window: first, requests: second, tasks)
        case "idle": try await idle(arguments[1], sessions: first, seconds: second)
        default:
            print(usage)
            exit(64)
        }
    }

    typealias Reads = (ZooKeeper, String, _ window: Int, _ count: Int) async throws -> Void

    static func measure(
        _ mode: String, _ address: String, window: Int, requests: Int, _ read: Reads
    ) async throws {
        let client = try await ZooKeeper.connect(address)
        let content = [UInt8](repeating: 7, count: 1024)
        let path = try await client.create("/client-overhead-", data: content, mode: .ephemeralSequential)
        try await read(client, path, window, requests / 10)
        let cpu = cpuNanos()
        let wall = try await ContinuousClock().measure { try await read(client, path, window, requests) }
        let spent = cpuNanos() - cpu
        let rate = Int(Double(requests) / (wall / .seconds(1)))
        let micros = Double(spent / Int64(requests) / 10) / 100
        print("swift \(mode) W=\(window): \(rate) reads/s, \(micros) µs of CPU each")
        await client.close()
    }

    /// One task which keeps the window full by handles that it awaits in order.
    static func pipelined(_ client: ZooKeeper, _ path: String, _ window: Int, _ count: Int) async throws {
        var handles = (0..<min(window, count)).map { _ in client.submit(.getData(path)) }
        var submitted = handles.count
        for index in 0..<count {
            let slot = index % window
            let value = try await handles[slot].value
            precondition(value.data.count == 1024)
            if submitted < count {
                handles[slot] = client.submit(.getData(path))
                submitted += 1
            }
        }
    }

    /// As many tasks as the window is wide, each with one request at a time.
    static func tasks(_ client: ZooKeeper, _ path: String, _ window: Int, _ count: Int) async throws {
        let left = SharedCount(count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<window {
                group.addTask {
                    while left.take() {
                        let value = try await client.getData(path)
                        precondition(value.data.count == 1024)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    final class SharedCount: Sendable {
        private let value: Atomic<Int>
        init(_ count: Int) { value = Atomic(count) }
        func take() -> Bool { value.subtract(1, ordering: .relaxed).newValue >= 0 }
    }

    static func idle(_ address: String, sessions: Int, seconds: Int) async throws {
        var configuration = try ClientConfiguration(address)
        configuration.logger.logLevel = .error
        var clients = [try await ZooKeeper.connect(configuration)]
        let before = residentBytes()
        while clients.count < sessions {
            let batch = try (0..<min(200, sessions - clients.count)).map { _ in try ZooKeeper(configuration) }
            for client in batch { try await client.waitUntilConnected() }
            clients += batch
        }
        let bytes = (residentBytes() - before) / sessions
        let cpu = cpuNanos()
        try await Task.sleep(for: .seconds(seconds))
        let percent = Double((cpuNanos() - cpu) / Int64(seconds) / 100_000) / 100
        let alive = clients.count { $0.state == .connected }
        print("swift idle: \(alive) of \(sessions) sessions alive, \(bytes) bytes each, \(percent) % of one CPU")
    }

    /// Of this process, all its threads.
    static func cpuNanos() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
        return (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
