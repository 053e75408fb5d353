/// Where one of the kernel's controllers takes new groups, from what `/proc` says of mounts and of this process.
struct ControlGroupPlaces: Equatable {
    enum Version: Equatable, Sendable { case v1, v2 }

    struct Place: Equatable, Sendable {
        var version: Version
        /// A group in which another can be made.
        var parent: String
    }

    /// The first that works is to be used.
    var places: [Place]

    /// - Parameters:
    ///   - mounts: `/proc/self/mounts`.
    ///   - membership: `/proc/self/cgroup`.
    ///   - controller: its name under version 1, such as "cpu" or "blkio".
    init(mounts: String, membership: String, controller: String = "cpu") {
        var first: String?
        var unified: String?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3 else { continue }
            let options = fields[3].split(separator: ",")
            if fields[2] == "cgroup", options.contains(Substring(controller)) {
                first = first ?? Self.unescaped(fields[1])
            }
            if fields[2] == "cgroup2" { unified = unified ?? Self.unescaped(fields[1]) }
        }
        var own: (first: String?, unified: String?)
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].split(separator: ",").contains(Substring(controller)) { own.first = String(parts[2]) }
            if parts[0] == "0", parts[1].isEmpty { own.unified = String(parts[2]) }
        }
        places = []
        // The group this process is in may be the only one it may write to; the root may be the only one that may have
        // both processes and groups (version 2).
        func add(_ version: Version, _ root: String?, _ path: String?) {
            guard let root else { return }
            for path in [path ?? "/", "/"] {
                let place = Place(version: version, parent: path == "/" ? root : root + path)
                if !places.contains(place) { places.append(place) }
            }
        }
        add(.v1, first, own.first)
        add(.v2, unified, own.unified)
    }

    /// Mount points have their blanks as `\040`.
    private static func unescaped(_ text: Substring) -> String {
        String(text.replacing("\\040", with: " "))
    }
}
