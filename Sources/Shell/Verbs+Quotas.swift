import DataTree
import JSONText
import Jute
import ZooKeeperClient

/// Quotas are znodes below `/zookeeper/quota` that clients write: `zookeeper_limits` with what is allowed,
/// `zookeeper_stats` with what is there, kept by the server.
extension Verb {
    static let quotas = [setquota, listquota, delquota]

    private static let root = "/zookeeper/quota"
    private static func limits(_ path: String) -> String { root + path + "/zookeeper_limits" }
    private static func usage(_ path: String) -> String { root + path + "/zookeeper_stats" }

    static let setquota = Verb(
        "setquota", "-n|-b|-N|-B val path", "Limits how many znodes or bytes a subtree may have.",
        flags: [
            Flag("n", "znodes, soft: the server logs a warning", takesValue: true),
            Flag("b", "bytes, soft", takesValue: true), Flag("N", "znodes, hard: writes are refused", takesValue: true),
            Flag("B", "bytes, hard", takesValue: true),
        ],
        arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let wanted = try wantedLimits(call)
        let client = try await quotaClient(call, shell)
        guard !call.path.hasPrefix(root) else {
            throw ShellError.usage("cannot set a quota under the path: \(root)")
        }
        guard try await client.exists(call.path) != nil else {
            throw ShellError(
                .refused, code: "NoNode", number: ErrorCode.noNode.rawValue, "\(call.path) does not exist.",
                path: call.path)
        }
        try await refuseNesting(call.path, client)
        var prefix = root
        try await createIfMissing("/zookeeper", client)
        try await createIfMissing(root, client)
        for name in call.path.pathNames {
            prefix += "/" + name
            try await createIfMissing(prefix, client)
        }
        let limit: QuotaTrack
        do {
            var track = read(try await client.getData(limits(call.path)).data)
            wanted.merge(into: &track)
            try await client.setData(limits(call.path), text(track))
            limit = track
        } catch let error as ZooKeeperError where error.reason == .server(.noNode) {
            var track = QuotaTrack()
            (track.byteHardLimit, track.countHardLimit) = (-1, -1)
            wanted.merge(into: &track)
            var none = QuotaTrack()
            (none.count, none.bytes) = (0, 0)
            try await client.create(limits(call.path), data: text(track))
            try await client.create(usage(call.path), data: text(none))
            limit = track
        }
        let used = read(try await client.getData(usage(call.path)).data)
        shell.report.set("limit", json(limit))
        shell.report.set("usage", json(used))
        warn(limit, used, shell)
    }

    /// The limits that a command names.
    private struct Limits {
        var count: Int64?
        var bytes: Int64?
        var countHardLimit: Int64?
        var byteHardLimit: Int64?

        func merge(into track: inout QuotaTrack) {
            if let count { track.count = count }
            if let bytes { track.bytes = bytes }
            if let countHardLimit { track.countHardLimit = countHardLimit }
            if let byteHardLimit { track.byteHardLimit = byteHardLimit }
        }
    }

    private static func wantedLimits(_ call: Call) throws(ShellError) -> Limits {
        guard ["n", "b", "N", "B"].filter(call.has).count == 1 else { throw .usage(call.verb.fullUsage) }
        let limits = Limits(
            count: try call.integer("n", of: Int64.self), bytes: try call.integer("b", of: Int64.self),
            countHardLimit: try call.integer("N", of: Int64.self), byteHardLimit: try call.integer("B", of: Int64.self))
        if let count = limits.count ?? limits.countHardLimit, count <= 0 || count > Int32.max {
            throw .usage("the num quota must be greater than zero")
        }
        if let bytes = limits.bytes ?? limits.byteHardLimit, bytes < 0 {
            throw .usage("the bytes quota must be greater than or equal to zero")
        }
        return limits
    }

    private static func quotaClient(_ call: Call, _ shell: isolated Shell) async throws -> ZooKeeper {
        guard shell.connectString.chroot.isEmpty else {
            throw ShellError.usage("quotas lie outside of the chroot \(shell.connectString.chroot): connect without it")
        }
        return try await shell.connected()
    }

    private static func createIfMissing(_ path: String, _ client: ZooKeeper) async throws {
        guard try await client.exists(path) == nil else { return }
        do { try await client.create(path) } catch { guard error.reason == .server(.nodeExists) else { throw error } }
    }

    /// A path of which neither an ancestor nor a descendant has a quota.
    private static func refuseNesting(_ path: String, _ client: ZooKeeper) async throws {
        let own = root + path
        if try await client.exists(own) != nil {
            for found in try await Subtree.paths(client, own) where found.hasSuffix("/zookeeper_limits") {
                let node = found.dropLast("/zookeeper_limits".count)
                guard node != own else { continue }
                let child = node.dropFirst(root.count)
                throw ShellError.refused("QuotaNested", "\(path) has a child \(child) which has a quota", path: path)
            }
        }
        var parent = ""
        for name in path.pathNames.dropLast() {
            parent += "/" + name
            guard try await client.exists(limits(parent)) != nil else { continue }
            throw ShellError.refused("QuotaNested", "\(path) has a parent \(parent) which has a quota", path: path)
        }
    }

    private static func warn(_ limit: QuotaTrack, _ used: QuotaTrack, _ shell: isolated Shell) {
        if [limit.count, limit.countHardLimit ?? -1].contains(where: { $0 > -1 && $0 < used.count }) {
            shell.say("[Warning]: the count quota you create is less than the existing count:\(used.count)")
        }
        if [limit.bytes, limit.byteHardLimit ?? -1].contains(where: { $0 > -1 && $0 < used.bytes }) {
            shell.say("[Warning]: the bytes quota you create is less than the existing bytes:\(used.bytes)")
        }
    }

    static let listquota = Verb("listquota", "path", "A subtree's limits and usage.", arguments: 1...1) { call, shell in
        shell.report.set("path", .string(call.path))
        let client = try await quotaClient(call, shell)
        shell.note("absolute path is \(limits(call.path))")
        try await withQuota(of: call.path) {
            let limit = read(try await client.getData(limits(call.path)).data)
            let used = read(try await client.getData(usage(call.path)).data)
            shell.report.set("limit", json(limit))
            shell.report.set("usage", json(used))
            shell.say("Output quota for \(call.path) \(String(decoding: text(limit), as: UTF8.self))")
            shell.say("Output stat for \(call.path) \(String(decoding: text(used), as: UTF8.self))")
        }
    }

    /// Says that there is no quota, where znodes are missing.
    private static func withQuota(of path: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as ZooKeeperError where error.reason == .server(.noNode) {
            throw ShellError(
                .refused, code: "NoNode", number: ErrorCode.noNode.rawValue, "quota for \(path) does not exist.",
                path: path)
        }
    }

    static let delquota = Verb(
        "delquota", "[-n|-b|-N|-B] path", "Removes a limit of a subtree, or all of them.",
        flags: [
            Flag("n", "that of znodes, soft"), Flag("b", "that of bytes, soft"), Flag("N", "that of znodes, hard"),
            Flag("B", "that of bytes, hard"),
        ],
        arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let client = try await quotaClient(call, shell)
        guard ["n", "b", "N", "B"].filter(call.has).count < 2 else { throw ShellError.usage(call.verb.fullUsage) }
        try await withQuota(of: call.path) {
            var track = read(try await client.getData(limits(call.path)).data)
            let isSome = ["n", "b", "N", "B"].contains(where: call.has)
            guard isSome else { return try await removeQuota(of: call.path, client) }
            if call.has("n") { track.count = -1 }
            if call.has("b") { track.bytes = -1 }
            if call.has("N") { track.countHardLimit = -1 }
            if call.has("B") { track.byteHardLimit = -1 }
            try await client.setData(limits(call.path), text(track))
            shell.report.set("limit", json(track))
        }
    }

    /// With the znodes above that were made for it alone.
    private static func removeQuota(of path: String, _ client: ZooKeeper) async throws {
        try await client.multi([.delete(limits(path)), .delete(usage(path))])
        var node = root + path
        while node != root, try await client.getChildren(node).isEmpty {
            try await client.delete(node)
            node = String(node[..<node.lastSlash!])
        }
    }

    private static func read(_ data: [UInt8]) -> QuotaTrack { data.withUnsafeBytes { QuotaTrack($0) } }

    private static func text(_ track: QuotaTrack) -> [UInt8] {
        var buffer = WireBuffer()
        track.encode(to: &buffer)
        return Array(buffer.bytes)
    }

    private static func json(_ track: QuotaTrack) -> JSONValue {
        func limit(_ value: Int64?) -> JSONValue { value.flatMap { $0 < 0 ? nil : JSONValue.number($0) } ?? .null }
        return .object([
            .init("count", limit(track.count)), .init("bytes", limit(track.bytes)),
            .init("countHardLimit", limit(track.countHardLimit)), .init("byteHardLimit", limit(track.byteHardLimit)),
        ])
    }
}
