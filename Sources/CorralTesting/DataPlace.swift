import Foundation
import RequestQueue

/// The directory where a server keeps its data: one of its own, which goes when nobody needs it any more, or the
/// test's, which stays.
final class DataPlace: Sendable {
    let path: String
    private let isOwn: Bool

    /// - Parameter path: an existing directory, or one to be made; nil for one of its own.
    init(_ path: String?) throws(CorralTestingError) {
        isOwn = path == nil
        self.path =
            path
            ?? FileManager.default.temporaryDirectory
            .appendingPathComponent("corral-testing-\(getpid())-\(UUID().uuidString.prefix(8))").path
        do {
            try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        } catch {
            throw .cannotStart("\(self.path): \(error.localizedDescription)")
        }
        let made = self.path
        if isOwn { Self.remaining.withLock { _ = $0.insert(made) } }
    }

    deinit { remove() }

    func remove() {
        guard isOwn else { return }
        try? FileManager.default.removeItem(atPath: path)
        let path = path
        _ = Self.remaining.withLock { $0.remove(path) }
    }

    /// Those there are. The end of the process takes them along: a server that all tests share is closed by nobody.
    private static let remaining: LockedValue<Set<String>> = {
        atexit { DataPlace.removeRemaining() }
        return LockedValue([])
    }()

    private static func removeRemaining() {
        for path in remaining.withLock({ $0 }) {
            // Its server still runs, and may make a file while the directory is being emptied.
            for _ in 0..<100 where FileManager.default.fileExists(atPath: path) {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
    }
}
