import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes the disk slow for some processes: the kernel lets so many of their writes a second through (control groups,
/// version 1 or 2). What they write past the page cache, as Corral's log does, waits; what goes through the page cache
/// is written back in another's name under version 1 and does not. Used from one thread.
final class DiskLimit {
    private let path: String
    private let device: String
    private let version: ControlGroupPlaces.Version
    /// Of version 2, where a process is in one group only.
    private let sharesGroup: Bool

    /// Makes an empty group without a limit; or takes the CPU budget's own, where processes can be in one group only.
    ///
    /// - Parameters:
    ///   - name: of the group's directory.
    ///   - directory: lies on the disk.
    /// - Throws: what the machine does not permit.
    init(
        _ name: String, directory: String, budgetGroup: ControlGroup?,
        places: ControlGroupPlaces = .ofThisProcess(controller: "blkio")
    ) throws(LoadError) {
        device = try Self.device(of: directory)
        if let budgetGroup, let path = budgetGroup.unifiedPath {
            (self.path, version, sharesGroup) = (path, .v2, true)
            let parent = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            try? ControlGroup.write("+io", to: "\(parent)/cgroup.subtree_control")
            try set(nil)
            return
        }
        var refusals: [String] = []
        for place in places.places {
            let path = "\(place.parent)/\(name)"
            if place.version == .v2 { try? ControlGroup.write("+io", to: "\(place.parent)/cgroup.subtree_control") }
            do throws(LoadError) {
                guard mkdir(path, 0o755) == 0 else {
                    throw .environment("\(path): \(String(cString: strerror(errno)))")
                }
                try Self.set(nil, device: device, path: path, place.version)
                (self.path, version, sharesGroup) = (path, place.version, false)
                return
            } catch {
                rmdir(path)
                refusals.append(error.description)
            }
        }
        throw .environment(
            "a slow disk needs a control group that limits writes, which this machine does not permit ("
                + (refusals.isEmpty ? "none is mounted" : refusals.joined(separator: "; "))
                + "); run as root, or leave out the events 'slow'")
    }

    deinit { remove() }

    /// The process, with all its threads, is under the limit from now on.
    func add(_ pid: Int32) throws(LoadError) {
        if !sharesGroup { try ControlGroup.write("\(pid)", to: "\(path)/cgroup.procs") }
    }

    /// - Parameter writesPerSecond: nil for as many as the disk takes.
    func set(_ writesPerSecond: Int?) throws(LoadError) {
        try Self.set(writesPerSecond, device: device, path: path, version)
    }

    /// Lifts the limit, and removes the group if it is this limit's own.
    func remove() {
        try? set(nil)
        if !sharesGroup { ControlGroup.removeGroup(path) }
    }

    private static func set(
        _ writes: Int?, device: String, path: String, _ version: ControlGroupPlaces.Version
    ) throws(LoadError) {
        switch version {
        // 0 is none.
        case .v1: try ControlGroup.write("\(device) \(writes ?? 0)", to: "\(path)/blkio.throttle.write_iops_device")
        case .v2: try ControlGroup.write("\(device) wiops=\(writes.map(String.init) ?? "max")", to: "\(path)/io.max")
        }
    }

    /// "254:0", the whole disk's: the kernel limits no partitions.
    private static func device(of directory: String) throws(LoadError) -> String {
        var status = stat()
        guard stat(directory, &status) == 0 else {
            throw .environment("\(directory): \(String(cString: strerror(errno)))")
        }
        // Linux's own layout of a device's number (sysmacros.h).
        let number = UInt64(status.st_dev)
        let major = (number >> 8) & 0xfff | (number >> 32) & ~0xfff
        let minor = number & 0xff | (number >> 12) & 0xffff_ff00
        let device = "\(major):\(minor)"
        guard access("/sys/dev/block/\(device)", F_OK) == 0 else {
            throw .environment(
                "a slow disk needs the servers' directories on a disk; \(directory) is on a file system without one")
        }
        guard access("/sys/dev/block/\(device)/partition", F_OK) == 0 else { return device }
        let whole = TextFile.read("/sys/dev/block/\(device)/../dev").split(separator: "\n").first
        return whole.map(String.init) ?? device
    }
}
