/// Where in the log's segments transactions lie, roughly: one entry for each `spacing` bytes, so that a history need
/// not read a segment from its start.
///
/// Shared by the log thread, which notes what it writes, and whoever reads the log. Its lock is held for a few
/// instructions, by the writer once a mebibyte.
public final class LogIndex: @unchecked Sendable {
    private struct Entry {
        let zxid: Int64
        let offset: Int
    }

    /// Bytes between two entries.
    public static let spacing = 1 << 20

    private let lock = HistoryLock()
    /// By the zxid in the segment's name; entries rise in both numbers.
    private var segments: [Int64: [Entry]] = [:]

    public init() {}

    /// Notes that the frame of `zxid` starts at `offset`, if that is far enough from the entry before.
    func note(segment: Int64, zxid: Int64, offset: Int) {
        lock.locked {
            let last = segments[segment]?.last
            guard offset >= (last?.offset ?? 0) + Self.spacing, zxid > last?.zxid ?? 0 else { return }
            segments[segment, default: []].append(Entry(zxid: zxid, offset: offset))
        }
    }

    /// Where a frame starts at or before that of `zxid`, nil when nothing is known but the segment's start.
    func offset(segment: Int64, atOrBefore zxid: Int64) -> Int? {
        lock.locked {
            guard let entries = segments[segment] else { return nil }
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].zxid <= zxid { low = middle + 1 } else { high = middle }
            }
            return low > 0 ? entries[low - 1].offset : nil
        }
    }

    /// Forgets everything: the log was cut or replaced.
    public func removeAll() { lock.locked { segments = [:] } }

    /// Forgets the segments before the one named `zxid`: they were purged.
    public func removeSegments(before zxid: Int64) {
        lock.locked { segments = segments.filter { $0.key >= zxid } }
    }
}
