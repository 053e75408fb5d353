import JSONText
import ZooKeeperClient

extension Verb {
    static let control = [getAcl, setAcl, addauth, whoami]

    static let getAcl = Verb(
        "getAcl", "[-s] path", "Who may do what with a znode.", flags: [Flag("s", "statistics too")], arguments: 1...1
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let found = try await shell.connected().getACL(call.path)
        shell.report.set("acl", ACLText.json(found.acl))
        for line in ACLText.lines(found.acl) { shell.say(line) }
        shell.say(found.stat, asText: call.has("s"))
    }

    static let setAcl = Verb(
        "setAcl", "[-s] [-v version] [-R] path acl", "Sets who may do what: scheme:id:perms[,...], perms of cdrwa.",
        flags: [
            Flag("s", "statistics too"), Flag("v", "only if the ACL has this version", takesValue: true),
            Flag("R", "all znodes below too"),
        ],
        arguments: 2...2
    ) { call, shell in
        shell.report.set("path", .string(call.path))
        let acl = try ACLText.parse(call.argument(1)!)
        let version = try call.version()
        let client = try await shell.connected()
        guard call.has("R") else {
            let stat = try await client.setACL(call.path, acl, version: version)
            return shell.say(stat, asText: call.has("s"))
        }
        let paths = try await Subtree.paths(client, call.path)
        var failure: ZooKeeperError?
        var changed = 0
        for start in stride(from: 0, to: paths.count, by: Subtree.window) {
            let replies = paths[start..<min(start + Subtree.window, paths.count)].map { path in
                client.submit(.setACL(path, acl, version: version))
            }
            for reply in replies {
                do throws(ZooKeeperError) {
                    _ = try await reply.value
                    changed += 1
                } catch {
                    // One below that is gone meanwhile needs no ACL.
                    if error.reason == .server(.noNode) && error.path != call.path { continue }
                    shell.note(ShellError(error).message)
                    failure = failure ?? error
                }
            }
        }
        shell.report.set("changed", .number(changed))
        if let failure { throw failure }
    }

    static let addauth = Verb(
        "addauth", "scheme auth", "Presents a credential, now and on every later connection of the session.",
        arguments: 1...2
    ) { call, shell in
        shell.report.set("scheme", .string(call.path))
        let secret = Array((call.argument(1) ?? "").utf8)
        try await shell.connected().authenticate(Credential(scheme: call.path, secret: secret))
    }

    static let whoami = Verb("whoami", "", "Who the server takes this session for.", arguments: 0...0) { _, shell in
        let identities = try await shell.connected().whoAmI()
        shell.report.set(
            "identities",
            .array(
                identities.map {
                    .object([.init("scheme", .string($0.scheme)), .init("user", .string($0.user))])
                }))
        shell.say("Auth scheme: User")
        for identity in identities { shell.say("\(identity.scheme): \(identity.user)") }
    }
}
