import JSONText
import ZooKeeperClient

extension Verb {
    static let watching = [addWatch, removewatches, printwatches]

    private static let modes: [(name: String, mode: AddWatchMode)] = [
        ("PERSISTENT", .persistent), ("PERSISTENT_RECURSIVE", .persistentRecursive),
    ]

    static let addWatch = Verb(
        "addWatch",
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
        "Sets a watch that stays.", flags: [Flag("m", "mode", takesValue: true)], arguments: 1...1
    ) { call, shell in
        let wanted = (call.flags["m"] ?? "PERSISTENT_RECURSIVE").uppercased()
        guard let (name, mode) = modes.first(where: { $0.name == wanted }) else {
            throw ShellError.usage(call.verb.fullUsage)
        }
        shell.report.set("path", .string(call.path))
        shell.report.set("mode", .string(name))
        let watch = try await shell.connected().addWatch(call.path, mode)
        shell.follow(watch, mode == .persistent ? .persistent : .persistentRecursive, call.path)
    }

    static let removewatches = Verb(
        "removewatches", "path [-c|-d|-p|-r|-a] [-l]", "Removes this session's watches on a path.",
        flags: [
            Flag("c", "those on children"), Flag("d", "those on data"), Flag("p", "persistent ones"),
            Flag("r", "persistent recursive ones"), Flag("a", "all (the default)"),
            Flag("l", "here at least, when there is no server"),
        ],
        arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let types: [(String, WatcherType)] = [
            ("c", .children), ("d", .data), ("p", .persistent), ("r", .persistentRecursive),
        ]
        let type = types.first { call.has($0.0) }?.1 ?? .any
        let kinds = shell.watches.kinds(call.path, type)
        do {
            try await shell.connected().removeWatches(call.path, type)
        } catch {
            guard call.has("l"), ShellError(error).kind == .connection else { throw error }
        }
        shell.watches.remove(kinds, call.path)
        shell.announceRemoved(kinds, call.path)
    }

    static let printwatches = Verb(
        "printwatches", "on|off", "Whether events are printed.", arguments: 0...1
    ) { call, shell in
        if let word = call.argument(0) {
            guard word == "on" || word == "off" else { throw ShellError.usage(call.verb.fullUsage) }
            shell.printsWatches = word == "on"
        } else {
            shell.say("printwatches is \(shell.printsWatches ? "on" : "off")")
        }
        shell.report.set("printwatches", .bool(shell.printsWatches))
    }
}
