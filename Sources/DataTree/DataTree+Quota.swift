import Jute

/// What a write would do to the quota above its path.
public enum QuotaVerdict: Equatable, Sendable {
    case within
    /// Over a soft limit: worth a warning.
    case overSoftLimit
    /// Over a hard limit: refused with `quotaExceeded` when quotas are enforced.
    case overHardLimit
}

/// Quotas: `/zookeeper/quota/<path>/zookeeper_limits` says what is allowed, `zookeeper_stats` beside it counts.
/// Both are plain znodes; the tree rewrites the second's data without touching its statistics, as Apache does.
extension DataTree {
    private static var quotaRoot: UnsafeRawBufferPointer { UnsafeRawBufferPointer("/zookeeper/quota") }
    private static var limitSuffix: UnsafeRawBufferPointer { UnsafeRawBufferPointer("/zookeeper_limits") }
    private static var statSuffix: UnsafeRawBufferPointer { UnsafeRawBufferPointer("/zookeeper_stats") }

    /// Whether the path is a limits record of a path below the root (the root itself can have no quota).
    func isQuotaLimit(_ path: UnsafeRawBufferPointer) -> Bool {
        path.count > Self.quotaRoot.count + Self.limitSuffix.count && path.starts(withBytes: Self.quotaRoot)
            && path.ends(withBytes: Self.limitSuffix)
    }

    /// The znode `/zookeeper/quota<prefix><suffix>`.
    private func quotaNode(_ prefix: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer) -> NodeIndex? {
        scratch.removeAll()
        scratch.append(raw: Self.quotaRoot)
        scratch.append(raw: prefix)
        scratch.append(raw: suffix)
        return find(scratch.bytes, hash(scratch.bytes))
    }

    /// The longest prefix of a path, itself included, that has a limits record. Owner thread only.
    public func quotaPrefix(of path: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        if quotaLimitCount == 0 { return nil }
        var prefix = path
        while prefix.count > 1 {
            if quotaNode(prefix, Self.limitSuffix) != nil { return prefix }
            guard let slash = prefix.lastSlash else { return nil }
            prefix = prefix.prefix(length: slash)
        }
        return nil
    }

    /// What a write would do to the quota above its path. Owner thread only.
    ///
    /// - Parameters:
    ///   - bytesDifference: data bytes added.
    ///   - countDifference: znodes added.
    public func checkQuota(
        path: UnsafeRawBufferPointer, bytesDifference: Int64, countDifference: Int64
    ) -> QuotaVerdict {
        guard quotaLimitCount > 0, let prefix = quotaPrefix(of: path),
            let limitNode = quotaNode(prefix, Self.limitSuffix), let statNode = quotaNode(prefix, Self.statSuffix)
        else { return .within }
        let limits = QuotaTrack(arena[limitNode].data)
        let used = QuotaTrack(arena[statNode].data)
        let count = Self.verdict(
            used: used.count, difference: countDifference, soft: limits.count, hard: limits.countHardLimit ?? -1)
        if count == .overHardLimit { return count }
        let bytes = Self.verdict(
            used: used.bytes, difference: bytesDifference, soft: limits.bytes, hard: limits.byteHardLimit ?? -1)
        return bytes == .within ? count : bytes
    }

    /// A hard limit, where there is one, takes the soft one's place.
    private static func verdict(used: Int64, difference: Int64, soft: Int64, hard: Int64) -> QuotaVerdict {
        let isHard = hard > -1
        guard difference != 0, isHard || soft > -1, used &+ difference > (isHard ? hard : soft) else { return .within }
        return isHard ? .overHardLimit : .overSoftLimit
    }

    /// Counts a change below a quota.
    func countQuota(_ path: UnsafeRawBufferPointer, bytes: Int, znodes: Int) {
        guard quotaLimitCount > 0, let prefix = quotaPrefix(of: path),
            let statNode = quotaNode(prefix, Self.statSuffix)
        else { return }
        var track = QuotaTrack(arena[statNode].data)
        track.count &+= Int64(znodes)
        track.bytes &+= Int64(bytes)
        store(track, in: statNode)
    }

    private func store(_ track: QuotaTrack, in node: NodeIndex) {
        scratch.removeAll()
        track.encode(to: &scratch)
        replaceData(node, scratch.bytes)
    }

    /// A new stats record starts from a count of what is there.
    func startQuotaStat(_ path: UnsafeRawBufferPointer) {
        guard path.starts(withBytes: Self.quotaRoot), path.ends(withBytes: Self.statSuffix),
            path.count >= Self.quotaRoot.count + Self.statSuffix.count
        else { return }
        let prefix = path.suffix(from: Self.quotaRoot.count)
        recountQuota(prefix.prefix(length: prefix.count - Self.statSuffix.count))
    }

    private func recountQuota(_ prefix: UnsafeRawBufferPointer) {
        guard let statNode = quotaNode(prefix, Self.statSuffix) else { return }
        var track = QuotaTrack()
        track.count = 0
        track.bytes = 0
        if let top = find(prefix) {
            track.count = 1
            track.bytes = Int64(arena[top].dataLength)
            forEachDescendant(of: top) { node in
                track.count += 1
                track.bytes += Int64(arena[node].dataLength)
            }
        }
        store(track, in: statNode)
    }

    /// After a load: counts below every quota anew.
    func recountQuotas() {
        guard quotaLimitCount > 0, let top = find(Self.quotaRoot) else { return }
        var limits: [NodeIndex] = []
        forEachDescendant(of: top) { node in
            if isQuotaLimit(arena[node].path) { limits.append(node) }
        }
        for node in limits {
            let prefix = arena[node].path.suffix(from: Self.quotaRoot.count)
            recountQuota(prefix.prefix(length: prefix.count - Self.limitSuffix.count))
        }
    }
}
