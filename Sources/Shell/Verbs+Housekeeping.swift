import JSONText
import ZooKeeperClient

extension Verb {
    static let housekeeping = [connect, close, quit, historyVerb, redo, help, version]

    static let connect = Verb(
        "connect", "[host:port]", "Ends the session and begins one, here or with other servers.", arguments: 0...1
    ) { call, shell in
        try await shell.reopen(call.argument(0))
        shell.report.set("server", .string("\(shell.connectString)"))
        // A prompt shows how it goes; a script wants to know now.
        if !shell.announcesStates { _ = try await shell.connected() }
    }

    static let close = Verb("close", "", "Ends the session.", arguments: 0...0) { _, shell in
        await shell.closeForGood()
    }

    static let quit = Verb("quit", "", "Ends the session and the shell.", arguments: 0...0) { _, shell in
        shell.quit()
    }

    static let historyVerb = Verb("history", "", "The last commands, with their numbers.", arguments: 0...0) {
        _, shell in
        let first = max(0, shell.history.count - 11)
        var lines: [JSONValue] = []
        for (index, line) in shell.history.enumerated().dropFirst(first) {
            shell.say("\(index) - \(line)")
            lines.append(.object([.init("number", .number(index)), .init("line", .string(line))]))
        }
        shell.report.set("lines", .array(lines))
    }

    static let redo = Verb("redo", "cmdno", "Does a command again, by its number in the history.", arguments: 1...1) {
        call, shell in
        guard let number = Int(call.path) else { throw ShellError.usage(call.verb.fullUsage) }
        // The last line is the one that asks.
        guard number >= 0, number < shell.history.count - 1 else {
            throw ShellError.usage("Command index out of range")
        }
        let line = shell.history[number]
        let words = CommandLineWords(line).words
        guard words.first != "redo" else { throw ShellError.usage("No redoing redos") }
        shell.replaceLastLine(with: line)
        shell.report.set("line", .string(line))
        try await shell.run(words)
    }

    static let help = Verb("help", "[command]", "The commands, or one with its flags.", arguments: 0...1) {
        call, shell in
        guard let name = call.argument(0) else {
            for verb in all { shell.say("\t\(verb.fullUsage)") }
            return shell.report.set("commands", .strings(all.map(\.fullUsage)))
        }
        guard let verb = Verb.named(name) else { throw ShellError.usage("Command not found: \(name)") }
        shell.say(verb.fullUsage)
        shell.say(verb.summary)
        let width = (verb.flags.map(\.name.count).max() ?? 0) + 1
        for flag in verb.flags {
            shell.say("  -\(flag.name)" + String(repeating: " ", count: width - flag.name.count + 1) + flag.summary)
        }
        shell.report.set("usage", .string(verb.fullUsage))
        shell.report.set("summary", .string(verb.summary))
    }

    static let version = Verb("version", "", "The shell's version.", arguments: 0...0) { _, shell in
        shell.report.set("version", .string(shell.options.version))
        shell.say("ZooKeeper CLI version: \(shell.options.version)")
    }
}
