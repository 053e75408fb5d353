import DequeModule
import Foundation
import JSONText
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#endif

extension Verb {
    static let writes = [create, set, delete, deleteall]

    private static let dataFlags = [
        Flag("b", "data in Base64"), Flag("x", "data in hexadecimal"),
        Flag("f", "data from a file; - is standard input, unless it has the commands", takesValue: true),
    ]

    static let create = Verb(
        "create", "[-s] [-e] [-c] [-t ttl] [-b|-x|-f file] path [data] [acl]", "Makes a znode.",
        flags: [
            Flag("s", "sequential: the server appends a number"), Flag("e", "ephemeral: ends with this session"),
            Flag("c", "container: goes after its last child"),
            Flag("t", "time to live in milliseconds", takesValue: true),
        ] + dataFlags,
        arguments: 1...3
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let mode = try createMode(call)
        let data = try data(call, call.argument(1), shell) ?? []
        let acl = try call.argument(call.has("f") ? 1 : 2).map(ACLText.parse) ?? ACL.open
        if call.has("f") && call.argument(2) != nil {
            throw ShellError.usage("data comes from -f or stands behind the path")
        }
        let path = try await shell.connected().create(call.path, data: data, mode: mode, acl: acl)
        shell.report.set("created", .string(path))
        // Where zkCli says it.
        shell.note("Created \(path)")
    }

    private static func createMode(_ call: Call) throws(ShellError) -> CreateMode {
        let (s, e, c) = (call.has("s"), call.has("e"), call.has("c"))
        let millis = try call.integer("t", of: Int64.self)
        if c && (e || s) {
            throw .usage("-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.")
        }
        if millis != nil && e { throw .usage("TTLs cannot be used with Ephemeral znodes") }
        if millis != nil && c { throw .usage("TTLs cannot be used with Container znodes") }
        if let millis, !(1...EphemeralType.maximumTTLMillis).contains(millis) {
            throw .usage("ttl must be positive and cannot be larger than: \(EphemeralType.maximumTTLMillis)")
        }
        if let millis { return s ? .ttlSequential(millis: millis) : .ttl(millis: millis) }
        if c { return .container }
        return e ? (s ? .ephemeralSequential : .ephemeral) : (s ? .persistentSequential : .persistent)
    }

    /// The data that a command gives, in whatever form.
    private static func data(
        _ call: Call, _ text: String?, _ shell: isolated Shell
    ) throws(ShellError) -> [UInt8]? {
        guard [call.has("b"), call.has("x"), call.has("f")].filter({ $0 }).count < 2 else {
            throw .usage("data has one form: -b, -x or -f")
        }
        if let file = call.flags["f"] {
            guard file != "-" || !shell.readsInput else {
                throw .usage("standard input has the commands: give data with -f and the name of a file")
            }
            return try file == "-" ? standardInput() : contents(of: file)
        }
        guard let text else { return nil }
        if call.has("x") { return try TextForms.bytes(hexadecimal: text) }
        guard call.has("b") else { return Array(text.utf8) }
        guard let bytes = DataText.fromBase64(text) else { throw .usage("'\(text)' is not Base64") }
        return bytes
    }

    private static func contents(of file: String) throws(ShellError) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: file), let data = try? handle.readToEnd() ?? Data() else {
            throw .usage("cannot read \(file)")
        }
        return Array(data)
    }

    /// All of it. Ctrl-C cancels the task, and a `read` would not notice.
    private static func standardInput() throws(ShellError) -> [UInt8] {
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            guard !Task.isCancelled else { throw .interrupted }
            var polled = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 100) != 0 else { continue }
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count >= 0 else { throw .usage("cannot read standard input: \(String(cString: strerror(errno)))") }
            guard count > 0 else { return all }
            all += bytes[..<count]
        }
    }

    static let set = Verb(
        "set", "[-s] [-v version] [-b|-x|-f file] path data", "Replaces a znode's data.",
        flags: [
            Flag("s", "statistics too"), Flag("v", "only if the znode has this version", takesValue: true),
        ] + dataFlags,
        arguments: 1...2
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        if call.has("f") && call.argument(1) != nil {
            throw ShellError.usage("data comes from -f or stands behind the path")
        }
        guard let data = try data(call, call.argument(1), shell) else { throw ShellError.usage(call.verb.fullUsage) }
        let stat = try await shell.connected().setData(call.path, data, version: try call.version())
        shell.say(stat, asText: call.has("s"))
    }

    static let delete = Verb(
        "delete", "[-v version] path", "Deletes a znode that has no children.",
        flags: [Flag("v", "only if the znode has this version", takesValue: true)], arguments: 1...2
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        var version = try call.version()
        if let old = call.argument(1) {
            shell.console.note(
                "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.")
            guard let number = Int32(old) else { throw ShellError.usage(call.verb.fullUsage) }
            version = number == -1 ? nil : number
        }
        try await shell.connected().delete(call.path, version: version)
    }

    /// More in one request would come near the servers' limit.
    private static let batchBytes = 256 << 10

    static let deleteall = Verb(
        "deleteall", "path [-b batch size]", "Deletes a znode and all below it, children first.",
        flags: [Flag("b", "how many in one transaction, 0: each by itself", takesValue: true)], arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let size = try call.integer("b", of: Int.self) ?? 1000
        guard size >= 0 else { throw ShellError.usage("-b takes a number from 0 on") }
        let client = try await shell.connected()
        let paths = try await Subtree.paths(client, call.path)
        var rest = paths[...]
        var pending = Deque<(count: Int, reply: PendingReply<[OperationResult]>)>()
        var deleted = 0
        while !rest.isEmpty || !pending.isEmpty {
            while pending.count < (size == 0 ? Subtree.window : 4), !rest.isEmpty {
                var batch: [ZooKeeperClient.Operation] = []
                var bytes = 0
                while let path = rest.last, batch.count < max(1, size), bytes < batchBytes {
                    batch.append(.delete(path))
                    bytes += path.utf8.count + 21
                    rest.removeLast()
                }
                pending.append((batch.count, client.submit(.multi(batch))))
            }
            let (count, reply) = pending.removeFirst()
            do {
                _ = try await reply.value
                deleted += count
            } catch {
                // What was sent behind it may still succeed, so that the count is right only once all are back.
                while let (count, reply) = pending.popFirst() {
                    if (try? await reply.value) != nil { deleted += count }
                }
                shell.report.set("deleted", .number(deleted))
                shell.note("Failed to delete some node(s) in the subtree!")
                throw error
            }
        }
        shell.report.set("deleted", .number(deleted))
    }
}
