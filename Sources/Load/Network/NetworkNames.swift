#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a server network's parts are called: with the process's id, so that a later one knows whose they were.
struct NetworkNames: Equatable {
    let pid: Int32
    /// Distinguishes the networks of one process.
    let number: Int

    private static let prefix = "corral-bench-"
    private static let directory = "/run/netns"

    var hub: String { "\(Self.prefix)\(pid)-\(number)-hub" }
    func server(_ index: Int) -> String { "\(Self.prefix)\(pid)-\(number)-server-\(index + 1)" }
    /// The generator's end of its link, of at most 15 characters.
    var outsideLink: String { "corral\(String(pid, radix: 36))-\(String(number, radix: 36))" }

    /// Whose a namespace is; nil for one that is none of ours.
    static func owner(of name: String) -> Int32? {
        guard name.hasPrefix(prefix) else { return nil }
        return name.dropFirst(prefix.count).split(separator: "-").first.flatMap { Int32($0) }
    }

    /// Removes namespaces whose makers are gone, with the servers that run in them still. Links go with them.
    static func removeStale(_ tools: NetworkTools, isAlive: (Int32) -> Bool = isAlive) {
        for name in TextFile.names(in: directory) {
            guard let owner = owner(of: name), owner > 0, !isAlive(owner) else { continue }
            let left = (try? tools.ip(["netns", "pids", name])) ?? ""
            for pid in left.split(separator: "\n").compactMap({ Int32($0) }) where pid > 1 { kill(pid, SIGKILL) }
            _ = try? tools.ip(["netns", "delete", name])
        }
    }

    static func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno != ESRCH }
}
