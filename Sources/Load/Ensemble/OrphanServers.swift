import Foundation

/// Servers that a generator left behind because it was killed (SIGKILL) itself: they would take CPU time and disk from
/// whoever measures next.
public enum OrphanServers {
    /// Ends those below the data directories beside `dataRoot`, and removes their data. A server counts as left behind
    /// when its pid file lies there, it runs with that directory, and its parent is no load generator any more.
    ///
    /// - Returns: how many were ended.
    @discardableResult
    public static func end(beside dataRoot: String) -> Int {
        let root = dataRoot.split(separator: "/", omittingEmptySubsequences: false)
        let parent = root.count > 1 ? root.dropLast().joined(separator: "/") : "."
        let stem = root.last.map { String($0.prefix { $0 != "." }) } ?? ""
        guard !stem.isEmpty else { return 0 }
        var ended = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name == stem || name.hasPrefix(stem + ".") {
            for file in pidFiles(below: "\(parent)/\(name)") where end(file) { ended += 1 }
        }
        return ended
    }

    private static func pidFiles(below directory: String) -> [String] {
        func names(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
        var files: [String] = []
        for first in names(directory) {
            if first == "server.pid" { files.append("\(directory)/\(first)") }
            for second in names("\(directory)/\(first)") {
                if second == "server.pid" { files.append("\(directory)/\(first)/\(second)") }
                let third = "\(directory)/\(first)/\(second)/server.pid"
                if FileManager.default.fileExists(atPath: third) { files.append(third) }
            }
        }
        return files
    }

    private static func end(_ pidFile: String) -> Bool {
        let text = TextFile.read(pidFile).filter { $0.isNumber }
        guard let pid = Int32(text), pid > 1 else { return false }
        let place = pidFile.split(separator: "/").dropLast().suffix(2).joined(separator: "/")
        guard TextFile.read("/proc/\(pid)/cmdline").contains(place) else { return false }
        let status = TextFile.read("/proc/\(pid)/status").split(separator: "\n")
        guard let line = status.first(where: { $0.hasPrefix("PPid:") }),
            let parent = Int32(line.filter { $0.isNumber })
        else { return false }
        let owner = TextFile.read("/proc/\(parent)/comm")
        guard parent <= 1 || !owner.hasPrefix("corral-bench") else { return false }
        kill(pid, SIGKILL)
        return true
    }
}
