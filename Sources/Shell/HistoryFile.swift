import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The lines typed in earlier shells: a file of lines, `$CORRAL_HISTORY` or `~/.corral_history`, readable by its owner
/// alone. An empty variable means none.
struct HistoryFile {
    static let variable = "CORRAL_HISTORY"
    static let maximumLines = 2000

    let path: String?

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        if let path = environment[Self.variable] {
            self.path = path.isEmpty ? nil : path
        } else {
            path = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.corral_history" }
        }
    }

    /// The lines, oldest first. A file that has grown far beyond its limit is cut.
    func load() -> [String] {
        guard let path, let bytes = FileManager.default.contents(atPath: path) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let kept = Array(lines.suffix(Self.maximumLines))
        if lines.count > 2 * Self.maximumLines {
            let next = "\(path).\(getpid())"
            if write(kept.map { $0 + "\n" }.joined(), to: next, O_CREAT | O_TRUNC) { rename(next, path) }
        }
        return kept
    }

    /// Adds a line at once, so that shells side by side lose none. Secrets stay out.
    func append(_ line: String) {
        guard let path, CommandLineWords(line).words.first != "addauth" else { return }
        _ = write(line + "\n", to: path, O_CREAT | O_APPEND)
    }

    private func write(_ text: String, to path: String, _ flags: Int32) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    }
}
