#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A line that `corral-etcd-load` prints; see Bench/etcd/README.md.
enum EtcdLoadEvent {
    case ready
    /// The window begins; operations of each 100 ms of the warm-up.
    case measuring(nanos: UInt64, warmup: [UInt64])
    case measured(nanos: UInt64)
    case result(EtcdLoadReport)

    /// What this program knows to read.
    static let version = 1

    /// - Throws: when the line is no event, or contradicts itself.
    init(line: String) throws(LoadError) {
        struct Head: Decodable {
            var event: String
            var version: Int
            var nanos: UInt64?
            var warmup: [UInt64]?
        }
        let data = Data(line.utf8)
        guard let head = try? JSONDecoder().decode(Head.self, from: data) else {
            throw Self.damaged("'\(line.prefix(80))' is no event")
        }
        guard head.version == Self.version else {
            throw .result(
                "etcd's load generator speaks version \(head.version), this program \(Self.version): build it anew "
                    + "with Bench/etcd/build")
        }
        switch (head.event, head.nanos) {
        case ("ready", _): self = .ready
        case ("measuring", let nanos?): self = .measuring(nanos: nanos, warmup: head.warmup ?? [])
        case ("measured", let nanos?): self = .measured(nanos: nanos)
        case ("result", _):
            let report: EtcdLoadReport
            do {
                report = try JSONDecoder().decode(EtcdLoadReport.self, from: data)
            } catch {
                throw Self.damaged("its result lacks something: \(error)")
            }
            if let problem = report.problem { throw Self.damaged(problem) }
            self = .result(report)
        default: throw Self.damaged("'\(head.event)' is no event, or lacks its time")
        }
    }

    private static func damaged(_ text: String) -> LoadError {
        .result("etcd's load generator printed what cannot be used: \(text)")
    }
}

/// What `corral-etcd-load` measured.
struct EtcdLoadReport: Decodable {
    struct Counts: Decodable {
        var total: UInt64
        var minimumNanos: UInt64
        var maximumNanos: UInt64
        /// Pairs of a slot in `LatencyRecorder`'s layout and its count.
        var slots: [[UInt64]]

        var isWhole: Bool {
            slots.allSatisfy { $0.count == 2 && $0[0] < LatencyRecorder.slotCount && $0[1] > 0 }
                && slots.reduce(0, { $0 &+ $1[1] }) == total && minimumNanos <= maximumNanos
                && maximumNanos <= LatencyRecorder.highestTrackable
                && (total == 0
                    || UInt64(LatencyRecorder.index(of: minimumNanos)) == slots.map { $0[0] }.min()
                        && UInt64(LatencyRecorder.index(of: maximumNanos)) == slots.map { $0[0] }.max())
        }

        func makeRecorder() -> LatencyRecorder {
            var recorder = LatencyRecorder()
            for pair in slots {
                recorder.add(pair[1], inSlot: Int(pair[0]), minimum: minimumNanos, maximum: maximumNanos)
            }
            return recorder
        }
    }

    struct Slice: Decodable {
        var startMillis: Int
        var reads: UInt64
        var writes: UInt64
        var errors: UInt64
        var medianNanos: UInt64
        var p99Nanos: UInt64
        var maximumNanos: UInt64
    }

    struct Violation: Decodable {
        var count: UInt64
        var first: String
    }

    var windowNanos: UInt64
    var reads: Counts
    var writes: Counts
    var serviceTimes: Counts?
    var sendDelays: Counts?
    var slices: [Slice]
    var errors: [String: UInt64]
    var violations: [String: Violation]
    var cpuNanos: UInt64
    var busiestThreadNanos: UInt64
    var threads: Int
    /// Of clients that follow the cluster: pairs of nanoseconds from the window's start.
    var writeSilences: [[UInt64]]?
    var moves: UInt64?
    var partial: Bool
    var fatal: String?

    var completed: UInt64 { reads.total + writes.total }

    /// Why it cannot be what was measured; nil when nothing speaks against it.
    var problem: String? {
        guard windowNanos > 0, threads > 0 else { return "its window or its threads are none" }
        for counts in [reads, writes] + [serviceTimes, sendDelays].compactMap({ $0 }) where !counts.isWhole {
            return "a distribution's counts do not add up"
        }
        let listed = slices.reduce(0) { $0 &+ $1.reads &+ $1.writes }
        guard listed == completed else { return "its series counts \(listed) operations, its result \(completed)" }
        for pair in writeSilences ?? []
        where pair.count != 2 || pair[0] >= pair[1] || pair[1] > windowNanos + 1_000_000_000 {
            return "a silence that ends before it begins, or after the window"
        }
        for name in violations.keys where !ViolationKind.allCases.contains(where: { $0.name == name }) {
            return "'\(name)' is no rule that this program knows"
        }
        return nil
    }
}
