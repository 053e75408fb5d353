import Foundation

/// CPU time of each living thread of this process, from the scheduler's statistics.
struct ThreadUsage {
    private var nanosByThread: [String: UInt64] = [:]

    init() {
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
            guard let data = FileManager.default.contents(atPath: "/proc/self/task/\(thread)/schedstat") else {
                continue
            }
            let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
            nanosByThread[thread] = fields.first.flatMap { UInt64($0) }
        }
    }

    /// What the thread that used most has used since.
    func busiest(since earlier: ThreadUsage) -> UInt64 {
        nanosByThread.map { $0.value - min($0.value, earlier.nanosByThread[$0.key] ?? 0) }.max() ?? 0
    }
}
