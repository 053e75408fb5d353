import Synchronization
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Reads a znode of 1 KB so many times, so many at once; prints the rate and the CPU time of this process. Or opens so
// many sessions and leaves them idle for so many seconds; prints what they cost in memory and CPU time.

let usage = """
    usage: client-overhead host:port pipelined|tasks WINDOW REQUESTS
           client-overhead host:port idle SESSIONS SECONDS
    """
let arguments = CommandLine.arguments
guard arguments.count == 5, ["pipelined", "tasks", "idle"].contains(arguments[2]), let window = Int(arguments[3]),
    let requests = Int(arguments[4]), window > 0, requests > 0
else {
    print(usage)
    exit(64)
}
let mode = arguments[2]

func cpuNanos() -> Int64 {
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    func nanos(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_usec) * 1000 }
    return nanos(usage.ru_utime) + nanos(usage.ru_stime)
}

/// One task which keeps the window full by handles that it awaits in order.
func pipelined(_ client: ZooKeeper, _ path: String, _ count: Int) async throws {
    var handles: [PendingReply<NodeData>] = []
    for _ in 0..<min(window, count) { handles.append(client.submit(.getData(path))) }
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
func tasks(_ client: ZooKeeper, _ path: String, _ count: Int) async throws {
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

/// Resident bytes of this process.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var (size, resident) = (0, 0)
    withUnsafeMutablePointer(to: &size) { size in
        withUnsafeMutablePointer(to: &resident) { resident in
            _ = withVaList([size, resident]) { vfscanf(file, "%ld %ld", $0) }
        }
    }
    return resident * 4096
}

func idle(_ address: String, sessions: Int, seconds: Int) async throws {
    var configuration = try ClientConfiguration(address)
    configuration.logger.logLevel = .error
    let first = try await ZooKeeper.connect(configuration)
    let before = residentBytes()
    var clients = [first]
    while clients.count < sessions {
        let batch = try (0..<min(200, sessions - clients.count)).map { _ in try ZooKeeper(configuration) }
        for client in batch { try await client.waitUntilConnected() }
        clients += batch
    }
    let bytes = (residentBytes() - before) / sessions
    let cpu = cpuNanos()
    try await Task.sleep(for: .seconds(seconds))
    let share = Double(cpuNanos() - cpu) / Double(seconds) / 1e7
    let alive = clients.count { $0.state == .connected }
    print("swift idle: \(alive) of \(sessions) sessions, \(bytes) bytes each, \(share) % of one CPU")
    for client in clients { await client.close() }
}

if mode == "idle" {
    try await idle(arguments[1], sessions: window, seconds: requests)
    exit(0)
}

let run = mode == "tasks" ? tasks : pipelined
let client = try await ZooKeeper.connect(arguments[1])
let path = try await client.create("/client-overhead-", data: Array(repeating: 7, count: 1024), mode: .ephemeralSequential)
try await run(client, path, requests / 10)
let clock = ContinuousClock()
let cpu = cpuNanos()
let wall = try await clock.measure { try await run(client, path, requests) }
let spent = cpuNanos() - cpu
let seconds = Double(wall.components.seconds) + Double(wall.components.attoseconds) * 1e-18
let rate = Int(Double(requests) / seconds)
print("swift \(mode) W=\(window): \(rate) reads/s, \(Double(spent / Int64(requests) / 10) / 100) µs of CPU each")
await client.close()
