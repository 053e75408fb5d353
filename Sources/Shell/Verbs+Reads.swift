import JSONText
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#endif

extension Verb {
    static let reads = [ls, get, stat, getAllChildrenNumber, getEphemerals, sync]

    static let ls = Verb(
        "ls", "[-s] [-w] [-R] path", "The names of a znode's children; with -R all paths below.",
        flags: [Flag("s", "statistics too"), Flag("w", "watch"), Flag("R", "recurse")], arguments: 1...1,
        takesOldWatch: true
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let client = try await shell.connected()
        if call.has("R") { return try await listBelow(call.path, watches: call.has("w"), client, shell) }
        let found: NodeChildren
        if call.has("w") {
            let (value, watch) = try await client.getChildrenAndWatch(call.path)
            shell.follow(watch, .child, call.path)
            found = value
        } else {
            found = try await client.getChildrenAndStat(call.path)
        }
        let names = found.names.sortedByBytes()
        shell.report.set("children", .strings(names))
        shell.say(TextForms.list(names))
        shell.say(found.stat, asText: call.has("s"))
    }

    private static func listBelow(
        _ root: String, watches: Bool, _ client: ZooKeeper, _ shell: isolated Shell
    ) async throws {
        // The root first by itself: where it does not exist nothing is printed.
        if watches {
            let (_, watch) = try await client.getDataAndWatch(root)
            shell.follow(watch, .data, root)
        } else if try await client.exists(root) == nil {
            throw ZooKeeperError(.server(.noNode), operation: .getChildren, path: root)
        }
        var paths: [JSONValue] = []
        func visit(_ path: String) {
            shell.say(path)
            if !shell.isText { paths.append(.string(path)) }
        }
        visit(root)
        var watched: [(path: String, watch: Watch)] = []
        try await Subtree.visit(client, root) { path in
            guard watches else { return client.submit(.getChildren(path)) }
            let (reply, watch) = client.submitWithWatch(.getChildren(path))
            watched.append((path, watch))
            return reply
        } _: { path in
            visit(path)
        }
        for (path, watch) in watched { shell.follow(watch, .child, path) }
        shell.report.set("paths", .array(paths))
    }

    static let get = Verb(
        "get", "[-s] [-w] [-b] [-x] [-o file] path", "A znode's data.",
        flags: [
            Flag("s", "statistics too"), Flag("w", "watch"), Flag("b", "as Base64"), Flag("x", "as a hex dump"),
            Flag("o", "write the bytes, and nothing else, to a file", takesValue: true),
        ],
        arguments: 1...1, takesOldWatch: true
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let client = try await shell.connected()
        let node: NodeData
        if call.has("w") {
            let (value, watch) = try await client.getDataAndWatch(call.path)
            shell.follow(watch, .data, call.path)
            node = value
        } else {
            node = try await client.getData(call.path)
        }
        if let file = call.flags["o"] {
            try write(node.data, to: file)
            shell.report.set("file", .string(file))
        } else {
            shell.report.set(DataText.member(node.data, alwaysBase64: call.has("b")))
            if call.has("x") {
                shell.say(TextForms.hexDump(node.data))
            } else if call.has("b") {
                shell.say(DataText.base64(node.data))
            } else {
                shell.say(String(decoding: node.data, as: UTF8.self))
            }
        }
        shell.say(node.stat, asText: call.has("s"))
    }

    /// Into the file that there is, were it a device or a link, as a shell's redirection does.
    private static func write(_ data: [UInt8], to path: String) throws(ShellError) {
        func failure() -> ShellError {
            ShellError(.refused, code: "Failed", "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure() }
        var start = 0
        while start < data.count {
            let count = data[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { start += count } else if errno != EINTR { break }
        }
        guard start == data.count else {
            let error = failure()
            _ = Glibc.close(descriptor)
            throw error
        }
        guard Glibc.close(descriptor) == 0 else { throw failure() }
    }

    static let stat = Verb(
        "stat", "[-w] path", "A znode's statistics.", flags: [Flag("w", "watch")], arguments: 1...1,
        takesOldWatch: true
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let client = try await shell.connected()
        let found: Stat?
        if call.has("w") {
            let (value, watch) = try await client.existsAndWatch(call.path)
            shell.follow(watch, .data, call.path)
            found = value
        } else {
            found = try await client.exists(call.path)
        }
        guard let found else { throw ZooKeeperError(.server(.noNode), operation: .exists, path: call.path) }
        shell.say(found)
    }

    static let getAllChildrenNumber = Verb(
        "getAllChildrenNumber", "path", "How many znodes are below a path, at any depth.", arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let count = try await shell.connected().getAllChildrenNumber(call.path)
        shell.report.set("count", .number(count))
        shell.say("\(count)")
    }

    static let getEphemerals = Verb(
        "getEphemerals", "[path]", "This session's ephemeral znodes.", arguments: 0...1
    ) { call, shell in
        let paths = try await shell.connected().getEphemerals(below: call.argument(0) ?? "/").sortedByBytes()
        shell.report.set("paths", .strings(paths))
        shell.say(TextForms.list(paths))
    }

    static let sync = Verb(
        "sync", "path", "Makes the server catch up with all that was committed before.", arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        try await shell.connected().sync(call.path)
        shell.say("Sync is OK")
    }
}
