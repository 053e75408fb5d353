import Foundation
import Testing

@testable import Load

/// ClickHouse Keeper by path of its program, of which there is no package: its configuration, and how it is started,
/// with a program of its name that is Corral's server in truth.
struct KeeperTests {
    private func configuration(fsync: Bool = true) -> KeeperConfiguration {
        KeeperConfiguration(
            id: 2, clientPort: 12_345, dataDirectory: "/some/<place>",
            servers: [.init(id: 1, port: 11), .init(id: 2, port: 22), .init(id: 3, port: 33)], fsync: fsync)
    }

    /// The texts of XML without attributes, by the names of the elements around them below the outermost.
    private static func texts(_ xml: String) throws -> [String: [String]] {
        struct NotXML: Error {
            var place: String
        }
        var texts: [String: [String]] = [:]
        var path: [String] = []
        for part in xml.split(separator: "<").dropFirst(xml.hasPrefix("<") ? 0 : 1) {
            let pieces = part.split(separator: ">", omittingEmptySubsequences: false)
            guard pieces.count == 2, let name = pieces.first.map(String.init) else { throw NotXML(place: "\(part)") }
            if name.hasPrefix("/") {
                guard path.popLast() == String(name.dropFirst()) else { throw NotXML(place: name) }
            } else {
                path.append(name)
            }
            let text = pieces[1].replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
            if !text.allSatisfy(\.isWhitespace) {
                texts[path.dropFirst().joined(separator: "."), default: []].append(String(text))
            }
        }
        guard path.isEmpty else { throw NotXML(place: path.joined(separator: ".")) }
        return texts
    }

    @Test("the file is XML with every setting, every server, and writes forced to disk")
    func file() throws {
        let configuration = configuration()
        let texts = try Self.texts(configuration.text)
        for (name, value) in configuration.settings {
            #expect(texts[name]?.joined() == value, "\(name)")
        }
        let raft = "keeper_server.raft_configuration.server"
        #expect(texts["\(raft).id"] == ["1", "2", "3"] && texts["\(raft).port"] == ["11", "22", "33"])
        #expect(texts["\(raft).hostname"] == ["127.0.0.1", "127.0.0.1", "127.0.0.1"])
        #expect(texts["keeper_server.coordination_settings.force_sync"] == ["true"])
        #expect(texts["keeper_server.four_letter_word_white_list"] == ["ruok,srvr,mntr"])
        #expect(self.configuration(fsync: false).settings["keeper_server.coordination_settings.force_sync"] == "false")
    }

    @Test("without a path, with a wrong one, or among others, it is refused before anything starts")
    func refusals() throws {
        var options = ServerOptions(corralPath: "c", benchPath: "b", dataRoot: "d")
        var error = try #require(throws: LoadError.self) { try ManagedServer.checkStartable(.keeper, options: options) }
        guard case .usage = error else { throw error }
        #expect("\(error)".contains("--keeper /path/to/clickhouse-keeper"))
        options.keeperPath = "/nowhere/clickhouse-keeper"
        error = try #require(throws: LoadError.self) { try ManagedServer.checkStartable(.keeper, options: options) }
        #expect("\(error)".contains("/nowhere/clickhouse-keeper"))
        #expect(throws: LoadError.self) { try EnsembleOptions(kinds: [.corral, .keeper, .corral], server: options) }
        #expect(throws: LoadError.self) {
            try EnsembleOptions(kinds: [.keeper, .keeper, .keeper], server: options, settings: ["tickTime": "100"])
        }
        var plan = SweepPlan()
        plan.servers = [.keeper]
        plan.ensembleServers = 3
        try plan.validate()
        plan.observers = 1
        #expect(throws: LoadError.self) { try plan.validate() }
    }

    @Test("an ensemble's servers have a file each, with the same servers and their own ports")
    func ensemble() throws {
        let directory = try TemporaryDirectory()
        var options = ServerOptions(corralPath: "c", benchPath: "b", dataRoot: directory.path)
        options.keeperPath = "/bin/true"
        let ensemble = try ManagedEnsemble(
            EnsembleOptions(kinds: [.keeper, .keeper, .keeper], server: options))
        let files = try ensemble.members.map { member in
            #expect(member.configurationPath.hasSuffix("server-\(member.id)/keeper_config.xml"))
            return try String(contentsOfFile: member.configurationPath, encoding: .utf8)
        }
        for (member, file) in zip(ensemble.members, files) {
            #expect(file.contains("<server_id>\(member.id)</server_id>"))
            #expect(file.contains("<tcp_port>\(member.address.port)</tcp_port>"))
            for other in ensemble.members { #expect(file.contains("<port>\(other.quorumPort)</port>")) }
        }
        let launch = try ManagedServer.launch(
            .keeper, options: options, configurationPath: "some.xml", settings: [:])
        #expect(launch.description.commandLine == ["/bin/true", "--config-file=some.xml"])
    }

    @Test("it is started with its file, and serves once it answers ruok, not when it opens sessions")
    func started() throws {
        let directory = try TemporaryDirectory()
        let corral = CommandTests.product("corral")
        let place = "\(directory.path)/bin"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        // Of the name that needs to be told which part to play.
        let program = "\(place)/clickhouse"
        let text = """
            #!/bin/sh
            echo "$@" > '\(place)/arguments'
            file="${2#--config-file=}"
            value() { sed -n "s:.*<$1>\\(.*\\)</$1>.*:\\1:p" "$file" | head -1; }
            options="server --standalone --data-dir $(value log_storage_path) --client-port $(value tcp_port)"
            timeout 1.5 '\(corral)' $options --set clientPortAddress=127.0.0.1 --set 4lw.commands.whitelist=srvr
            touch '\(place)/second'
            exec '\(corral)' $options --set clientPortAddress=127.0.0.1 --set 4lw.commands.whitelist=ruok,srvr,mntr
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: program + ".text"))
        // Written by another process: a child forked beside this test could hold a file of ours open, which then could
        // not be started.
        try Process.run(
            URL(fileURLWithPath: "/usr/bin/install"), arguments: ["-m", "755", program + ".text", program]
        ).waitUntilExit()
        var options = ServerOptions(corralPath: "", benchPath: "", dataRoot: "\(directory.path)/data")
        options.keeperPath = program
        let server = try ManagedServer(.keeper, options: options)
        defer { server.stop() }
        #expect(FileManager.default.fileExists(atPath: "\(place)/second"), "it did not answer ruok yet")
        let arguments = try String(contentsOfFile: "\(place)/arguments", encoding: .utf8)
        let file = "\(options.dataRoot)/keeper-\(server.address.port)/keeper_config.xml"
        #expect(arguments == "keeper --config-file=\(file)\n")
        #expect(server.description.durability == "fsync" && server.description.version != "unknown")
        #expect(FourLetterWord.ask("ruok", of: server.address) == "imok")
    }
}
