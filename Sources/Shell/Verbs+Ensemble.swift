import Foundation
import JSONText
import ZooKeeperClient

extension Verb {
    static let ensemble = [config, reconfig]

    static let config = Verb(
        "config", "[-c] [-w] [-s]", "Who the ensemble's servers are.",
        flags: [Flag("c", "as a connect string"), Flag("w", "watch"), Flag("s", "statistics too")], arguments: 0...0
    ) { call, shell in
        let client = try await shell.connected()
        let node: NodeData
        if call.has("w") {
            let (value, watch) = try await client.getConfigAndWatch()
            shell.follow(watch, .data, watch.path)
            node = value
        } else {
            node = try await client.getConfig()
        }
        show(node, call, shell)
    }

    private static func show(_ node: NodeData, _ call: Call, _ shell: isolated Shell) {
        let text = String(decoding: node.data, as: UTF8.self)
        let (version, servers) = clientAddresses(text)
        shell.report.set("config", .string(text))
        shell.report.set("version", version.isEmpty ? .null : .string("0x" + version))
        shell.report.set("servers", .strings(servers))
        shell.say(call.has("c") ? "\(version) \(servers.joined(separator: ","))" : text)
        shell.say(node.stat, asText: call.has("s"))
    }

    /// The version and the client addresses of `server.N=host:port:port:role;address:port` lines.
    static func clientAddresses(_ text: String) -> (version: String, servers: [String]) {
        var version = ""
        var servers: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals].trimmingCharacters(in: .whitespaces)
            let value = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            if key == "version" { version = value }
            guard key.hasPrefix("server."), let semicolon = value.lastIndex(of: ";") else { continue }
            let address = value[value.index(after: semicolon)...]
            servers.append(address.contains(":") ? String(address) : "0.0.0.0:\(address)")
        }
        return (version, servers)
    }

    static let reconfig = Verb(
        "reconfig",
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | "
            + "[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        "Changes who the ensemble's servers are.",
        flags: [
            Flag("s", "statistics too"), Flag("v", "only from this version (hexadecimal)", takesValue: true),
            Flag("file", "a file with all members", takesValue: true), Flag("members", "all members", takesValue: true),
            Flag("add", "servers that join", takesValue: true), Flag("remove", "ids that leave", takesValue: true),
        ],
        arguments: 0...0
    ) { call, shell in
        let isWhole = call.has("file") || call.has("members")
        let isChange = call.has("add") || call.has("remove")
        guard isWhole || isChange else { throw ShellError.usage(call.verb.fullUsage) }
        guard !isWhole || !isChange else {
            throw ShellError.usage(
                "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental"
                    + " modes is not allowed)")
        }
        guard !call.has("file") || !call.has("members") else {
            throw ShellError.usage("Can't use -file and -members together (conflicting non-incremental modes)")
        }
        var version: Int64 = -1
        if let text = call.flags["v"] {
            let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
            guard let number = Int64(digits, radix: 16) else {
                throw ShellError.usage("-v must be followed by a long (configuration version)")
            }
            version = number
        }
        let members = try call.flags["file"].map(membersOfFile) ?? call.flags["members"]?.lowercased()
        let node = try await shell.connected().reconfigure(
            joining: call.flags["add"]?.lowercased(), leaving: call.flags["remove"]?.lowercased(), members: members,
            fromVersion: version)
        shell.say("Committed new configuration:")
        show(node, call, shell)
    }

    /// The lines of a configuration file that say who the members are.
    private static func membersOfFile(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ShellError.usage("cannot read \(path)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { line in ["server.", "group.", "weight."].contains { line.hasPrefix($0) } }
        guard !lines.isEmpty else { throw ShellError.usage("\(path) names no server") }
        return lines.joined(separator: "\n")
    }
}
