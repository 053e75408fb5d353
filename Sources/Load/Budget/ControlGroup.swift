import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A group of processes under one CPU budget, in the kernel's control groups (version 1 or 2). Used from one thread.
final class ControlGroup {
    let budget: CpuBudget
    let path: String
    private let version: ControlGroupPlaces.Version
    private var isRemoved = false

    /// Makes an empty group.
    ///
    /// - Parameter name: of its directory.
    /// - Throws: what the machine does not permit, and what would make it.
    init(_ name: String, budget: CpuBudget, places: ControlGroupPlaces = .ofThisProcess()) throws(LoadError) {
        self.budget = budget
        var refusals: [String] = []
        for place in places.places {
            let path = "\(place.parent)/\(name)"
            do throws(LoadError) {
                try Self.make(path, in: place, budget)
                self.path = path
                version = place.version
                return
            } catch {
                rmdir(path)
                refusals.append(error.description)
            }
        }
        throw .environment(
            "CPU budgets need a control group with the CPU controller, which this machine does not permit ("
                + (refusals.isEmpty ? "none is mounted" : refusals.joined(separator: "; "))
                + "); run as root, or measure cost per operation instead")
    }

    /// A group for each process, with the process in it.
    static func each(_ pids: [Int32], budget: CpuBudget) throws(LoadError) -> [ControlGroup] {
        var groups: [ControlGroup] = []
        for (index, pid) in pids.enumerated() {
            let group = try ControlGroup("corral-bench-\(getpid())-\(index + 1)", budget: budget)
            try group.add(pid)
            groups.append(group)
        }
        return groups
    }

    deinit { remove() }

    private static func make(
        _ path: String, in place: ControlGroupPlaces.Place, _ budget: CpuBudget
    ) throws(LoadError) {
        if place.version == .v2 {
            // Without it a group made below has no cpu.max; that it is on already is no error.
            try? write("+cpu", to: "\(place.parent)/cgroup.subtree_control")
        }
        guard mkdir(path, 0o755) == 0 else {
            throw .environment("\(path): \(String(cString: strerror(errno)))")
        }
        switch place.version {
        case .v1:
            try write("\(budget.periodMicros)", to: "\(path)/cpu.cfs_period_us")
            try write("\(budget.quotaMicros)", to: "\(path)/cpu.cfs_quota_us")
        case .v2:
            try write("\(budget.quotaMicros) \(budget.periodMicros)", to: "\(path)/cpu.max")
        }
    }

    /// The process, with all its threads and whatever they start, is in the group from now on.
    func add(_ pid: Int32) throws(LoadError) { try Self.write("\(pid)", to: "\(path)/cgroup.procs") }

    /// Since the group was made.
    var throttling: Throttling {
        var values: [Substring: UInt64] = [:]
        for line in TextFile.read("\(path)/cpu.stat").split(separator: "\n") {
            let pair = line.split(separator: " ")
            if pair.count == 2 { values[pair[0]] = UInt64(pair[1]) }
        }
        return Throttling(
            periods: values["nr_periods"] ?? 0, throttledPeriods: values["nr_throttled"] ?? 0,
            throttledNanos: values["throttled_time"] ?? (values["throttled_usec"] ?? 0) * 1000)
    }

    /// Removes the group. Processes still in it go back to its parent, without a budget.
    func remove() {
        guard !isRemoved else { return }
        isRemoved = true
        Self.removeGroup(path)
    }

    /// Where the kernel has one hierarchy for all controllers; nil under version 1.
    var unifiedPath: String? { version == .v2 ? path : nil }

    /// Removes a group; processes still in it go back to its parent.
    static func removeGroup(_ path: String) {
        let parent = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        for pid in TextFile.read("\(path)/cgroup.procs").split(separator: "\n") {
            try? write(String(pid), to: "\(parent)/cgroup.procs")
        }
        // A process that has just ended leaves its group a moment later.
        for _ in 0..<200 where rmdir(path) != 0 && errno == EBUSY { usleep(5000) }
    }

    static func write(_ text: String, to path: String) throws(LoadError) {
        let file = corral_open(path, O_WRONLY, 0, 0, 0)
        func refuse() -> LoadError { .environment("\(path): \(String(cString: strerror(errno)))") }
        guard file >= 0 else { throw refuse() }
        let count = text.utf8.count
        let written = text.withCString { Glibc.write(file, $0, count) }
        let refusal = written == count ? nil : refuse()
        close(file)
        if let refusal { throw refusal }
    }
}

extension ControlGroupPlaces {
    static func ofThisProcess(controller: String = "cpu") -> ControlGroupPlaces {
        ControlGroupPlaces(
            mounts: TextFile.read("/proc/self/mounts"), membership: TextFile.read("/proc/self/cgroup"),
            controller: controller)
    }
}
