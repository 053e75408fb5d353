import Foundation
import Testing

@testable import Load

@Suite("CPU budgets")
struct BudgetTests {
    @Test("groups are made where the kernel's first version of them has its CPU controller")
    func firstVersion() {
        let places = ControlGroupPlaces(
            mounts: """
                tmpfs /sys/fs/cgroup tmpfs rw 0 0
                cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
                cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
                cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0

                """,
            membership: "4:memory:/work\n2:cpu,cpuacct:/mine\n0::/\n")
        #expect(
            places.places == [
                .init(version: .v1, parent: "/sys/fs/cgroup/cpu,cpuacct/mine"),
                .init(version: .v1, parent: "/sys/fs/cgroup/cpu,cpuacct"),
                .init(version: .v2, parent: "/sys/fs/cgroup/unified"),
            ])
    }

    @Test("and where its second version is")
    func secondVersion() {
        let places = ControlGroupPlaces(
            mounts: "cgroup2 /sys/fs/my\\040cgroup cgroup2 rw,nosuid 0 0\n",
            membership: "0::/user.slice/session-1.scope\n")
        #expect(
            places.places == [
                .init(version: .v2, parent: "/sys/fs/my cgroup/user.slice/session-1.scope"),
                .init(version: .v2, parent: "/sys/fs/my cgroup"),
            ])
        #expect(ControlGroupPlaces(mounts: "tmpfs /tmp tmpfs rw 0 0\n", membership: "").places == [])
    }

    @Test("a period is as short as its quota allows, and bad ones are refused")
    func periods() throws {
        #expect(try CpuBudget(percent: 50).periodMicros == 5000)
        let small = try CpuBudget(percent: 4)
        #expect(small.periodMicros == 25_000 && small.quotaMicros == 1000)
        #expect(try CpuBudget(percent: 200, periodMicros: 10_000).quotaMicros == 20_000)
        #expect(throws: LoadError.self) { try CpuBudget(percent: 0) }
        #expect(throws: LoadError.self) { try CpuBudget(percent: .nan) }
        #expect(throws: LoadError.self) { try CpuBudget(percent: 4, periodMicros: 5000) }
        #expect(throws: LoadError.self) { try CpuBudget(percent: 50, periodMicros: 2_000_000) }
    }

    @Test("a machine without groups says what to do")
    func refusal() throws {
        let none = ControlGroupPlaces(mounts: "", membership: "")
        let error = #expect(throws: LoadError.self) {
            try ControlGroup("corral-test", budget: try CpuBudget(percent: 10), places: none)
        }
        #expect(error?.description.contains("none is mounted") == true)
        let foreign = ControlGroupPlaces(mounts: "cgroup /proc/self cgroup rw,cpu 0 0\n", membership: "")
        #expect(throws: LoadError.self) {
            try ControlGroup("corral-test", budget: try CpuBudget(percent: 10), places: foreign)
        }
    }

    static var isPermitted: Bool {
        guard let budget = try? CpuBudget(percent: 10) else { return false }
        return (try? ControlGroup("corral-test-\(getpid())", budget: budget)) != nil
    }

    @Test("a process that would take a whole CPU gets its budget", .enabled(if: isPermitted))
    func budgetHolds() throws {
        let child = try ChildProcess(["sh", "-c", "while :; do :; done"], outputPath: "/dev/null")
        defer { child.stop() }
        let group = try ControlGroup("corral-test-\(getpid())-b", budget: try CpuBudget(percent: 10))
        try group.add(child.pid)
        // In the process's own time, not in the clock's: however busy the machine, it cannot have had more.
        let before = try ProcessSnapshot(pid: child.pid).cpuNanos
        let start = DispatchTime.now().uptimeNanoseconds
        while group.throttling.throttledPeriods < 20 {
            try #require(DispatchTime.now().uptimeNanoseconds - start < 60_000_000_000, "it is not held back")
            usleep(20_000)
        }
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        let used = Double(try ProcessSnapshot(pid: child.pid).cpuNanos - before) / 1e9
        #expect(used < 0.1 * seconds * 1.5 + 0.03, "\(used) s of CPU in \(seconds) s")
        #expect(group.throttling.throttledNanos > 0)
        let path = group.path
        group.remove()
        #expect(access(path, F_OK) != 0)
        #expect(child.isRunning)
    }

    // MARK: Slow disks

    static var canSlowDisks: Bool {
        (try? DiskLimit("corral-test-\(getpid())-d", directory: ".", budgetGroup: nil)) != nil
    }

    @Test(
        "a disk that is made slow takes so many writes a second, and all again when it is mended",
        .enabled(if: canSlowDisks))
    func slowDisk() throws {
        let path = "\(FileManager.default.currentDirectoryPath)/.build/slow-disk-\(getpid())"
        defer { unlink(path) }
        let limit = try DiskLimit("corral-test-\(getpid())-e", directory: ".", budgetGroup: nil)
        try limit.set(20)
        /// The seconds that so many writes past the page cache take in a process under the limit.
        func seconds(writes: Int) throws -> Double {
            // It waits for its group before it writes.
            let script = "read line; exec dd if=/dev/zero of=\(path) bs=4096 count=\(writes) oflag=direct"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", script]
            let input = Pipe()
            process.standardInput = input
            process.standardError = FileHandle.nullDevice
            try process.run()
            try limit.add(process.processIdentifier)
            let start = DispatchTime.now().uptimeNanoseconds
            input.fileHandleForWriting.write(Data("go\n".utf8))
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        }
        // Some go through at once, before the kernel has counted.
        let slow = try seconds(writes: 40)
        #expect(slow > 1, "40 writes took \(slow) s at 20 a second")
        // As many writes again would take 100 s under the limit.
        try limit.set(nil)
        let fast = try seconds(writes: 2000)
        #expect(fast < 50, "2,000 writes took \(fast) s without a limit")
    }

    @Test("where the disk cannot be made slow, it is said why")
    func noSlowDisk() throws {
        let none = ControlGroupPlaces(mounts: "", membership: "", controller: "blkio")
        let error = #expect(throws: LoadError.self) {
            try DiskLimit("corral-test", directory: ".", budgetGroup: nil, places: none)
        }
        #expect(error?.description.contains("none is mounted") == true)
        let memory = #expect(throws: LoadError.self) {
            try DiskLimit("corral-test", directory: "/proc", budgetGroup: nil)
        }
        #expect(memory?.description.contains("without one") == true)
    }
}
