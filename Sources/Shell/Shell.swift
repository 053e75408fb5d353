import JSONText
import NIOSSL
import ZooKeeperClient

/// The shell without its terminal: a session, and commands carried out one after the other.
actor Shell {
    let options: ShellOptions
    let console: Console
    /// Whether changes of the session's state are announced, as zkCli's watcher does.
    let announcesStates: Bool
    /// Whether standard input has the commands.
    let readsInput: Bool
    private let tls: TLSConfiguration?
    private(set) var client: ZooKeeper?
    private(set) var connectString: ConnectString
    private var stateTask: Task<Void, Never>?
    private var trouble = TroubleLog()
    /// What the JSON object of the command under way says.
    var report = Report()
    var watches = WatchBook()
    var printsWatches = true
    private(set) var history: [String] = []
    private(set) var hasQuit = false

    init(
        _ options: ShellOptions, console: Console, announcesStates: Bool = false, readsInput: Bool = false
    ) throws(ShellError) {
        self.options = options
        self.console = console
        self.announcesStates = announcesStates
        self.readsInput = readsInput
        tls = try options.tls?.configuration()
        do { connectString = try ConnectString(options.server) } catch { throw ShellError(error) }
    }

    // MARK: Commands

    /// Carries out one command; its result and its error are printed. Nil when it succeeded.
    @discardableResult
    func execute(_ words: [String]) async -> ShellError? {
        report = Report()
        var failure: ShellError?
        do {
            try await run(words)
        } catch {
            failure = ShellError(error)
        }
        if options.format == .json { printReport(words, failure) }
        console.flush()
        if let failure, options.format == .text { console.note(failure.message, .error) }
        updatePrompt()
        return failure
    }

    func run(_ words: [String]) async throws {
        guard let name = words.first else { return }
        guard let verb = Verb.named(name) else {
            throw ShellError(.usage, code: "Usage", "Command not found: \(name) (try 'help')")
        }
        try await verb.body(try Call(verb, words.dropFirst(), console: console), self)
    }

    /// Carries out a line that was typed or read from a pipe. Nil when it succeeded.
    func execute(line: String) async -> ShellError? {
        let words = CommandLineWords(line)
        guard !words.words.isEmpty else { return nil }
        history.append(line)
        guard words.isComplete else {
            return refuse(words.words, .usage("a quote is not closed"))
        }
        return await execute(words.words)
    }

    /// Says what is wrong with a line that is no command.
    @discardableResult
    func refuse(_ words: [String], _ failure: ShellError) -> ShellError? {
        report = Report()
        if options.format == .json {
            printReport(words, failure)
        } else {
            console.note(failure.message, .error)
        }
        console.flush()
        updatePrompt()
        return failure
    }

    private func printReport(_ words: [String], _ failure: ShellError?) {
        var members: [JSONValue.Member] = [
            .init("command", .string(words.first ?? "")), .init("ok", .bool(failure == nil)),
        ]
        members += report.members
        if let failure {
            var error: [JSONValue.Member] = [.init("code", .string(failure.code))]
            if let number = failure.number { error.append(.init("number", .number(number))) }
            error.append(.init("message", .string(failure.message)))
            if let path = failure.path { error.append(.init("path", .string(path))) }
            members.append(.init("error", .object(error)))
        }
        console.line(JSONValue.object(members).text)
    }

    // MARK: Printing

    var isText: Bool { options.format == .text }

    /// A line of the command's text form.
    func say(_ text: @autoclosure () -> String) {
        if isText { console.line(text()) }
    }

    /// The statistics, in JSON always, as text when asked for.
    func say(_ stat: Stat, asText: Bool = true) {
        report.set("stat", TextForms.statJSON(stat))
        guard isText && asText else { return }
        for (label, value) in TextForms.stat(stat) { console.line(label: "\(label) = ", value) }
    }

    /// A line for people, that scripts reading standard output should not see.
    func note(_ text: @autoclosure () -> String) {
        if isText { console.note(text()) }
    }

    // MARK: The session

    /// Begins to look for a session, in place of the one there is.
    func connect(to text: String?) async throws {
        if let text { connectString = try ConnectString(text) }
        await close()
        var configuration = ClientConfiguration(connectString)
        configuration.sessionTimeout = .milliseconds(options.timeoutMillis)
        configuration.requestTimeout = .milliseconds(max(options.timeoutMillis, options.connectTimeoutMillis))
        configuration.allowsReadOnly = options.isReadOnly
        configuration.tls = tls
        configuration.credentials = options.credentials
        trouble = TroubleLog()
        configuration.logger = trouble.logger
        let client = try ZooKeeper(configuration)
        self.client = client
        let states = client.states
        stateTask = Task { [weak self] in
            for await state in states { await self?.entered(state) }
        }
        updatePrompt()
    }

    /// The session, once there is a connection.
    func connected() async throws -> ZooKeeper {
        if client == nil && !isClosed { try await connect(to: nil) }
        guard let client, !client.state.isFinal else { throw ShellError.notConnected }
        if !client.state.isConnected {
            do {
                try await client.waitUntilConnected(within: .milliseconds(options.connectTimeoutMillis))
            } catch {
                guard error.reason == .connectionLoss else { throw error }
                throw ShellError(
                    .connection, code: "ConnectionLoss",
                    "Not connected: no session with \(connectString) within \(options.connectTimeoutMillis) ms"
                        + (trouble.text.map { " (\($0))" } ?? ""))
            }
        }
        return client
    }

    private var isClosed = false

    /// Ends the session; its ephemeral znodes are deleted.
    func close() async {
        stateTask?.cancel()
        stateTask = nil
        watches.removeAll()
        guard let client else { return }
        self.client = nil
        // A server that does not answer is left to find out by itself.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await client.close() }
            group.addTask { try? await Task.sleep(for: .seconds(3)) }
            await group.next()
            group.cancelAll()
        }
    }

    /// `close`: without a session until `connect`.
    func closeForGood() async {
        await close()
        isClosed = true
        updatePrompt()
    }

    func reopen(_ text: String?) async throws {
        isClosed = false
        try await connect(to: text)
    }

    func quit() { hasQuit = true }

    private func entered(_ state: SessionState) {
        updatePrompt()
        if state.isFinal { watches.removeAll() }
        guard announcesStates && printsWatches, let name = Self.keeperState(state) else { return }
        if isText {
            announceWatch("WatchedEvent state:\(name) type:None path:null zxid: -1")
        } else {
            console.announce(
                JSONValue.object([.init("event", .string("session")), .init("state", .string(name))]).text + "\n")
        }
    }

    func announceWatch(_ text: String) {
        console.announce("\n" + console.styled("WATCHER::", .event) + "\n\n\(text)\n")
    }

    /// Apache's names (`Watcher.Event.KeeperState`); nil for what its clients do not announce.
    private static func keeperState(_ state: SessionState) -> String? {
        switch state {
        case .connecting: nil
        case .connected: "SyncConnected"
        case .connectedReadOnly: "ConnectedReadOnly"
        case .suspended: "Disconnected"
        case .expired: "Expired"
        case .authenticationFailed: "AuthFailed"
        case .closed: "Closed"
        }
    }

    private func updatePrompt() {
        guard announcesStates else { return }
        let state: String
        let style: Console.Style
        switch client?.state {
        case .connected: (state, style) = ("CONNECTED", .good)
        case .connectedReadOnly: (state, style) = ("CONNECTEDREADONLY", .uncertain)
        case .connecting, .suspended: (state, style) = ("CONNECTING", .uncertain)
        case .authenticationFailed: (state, style) = ("AUTH_FAILED", .error)
        case .expired, .closed, nil: (state, style) = ("CLOSED", .error)
        }
        console.prompt = "[zk: \(connectString)(\(console.styled(state, style))) \(history.count)] "
    }

    // MARK: History

    /// Puts the line that is done again in the place of the one that asked for it.
    func replaceLastLine(with line: String) {
        if !history.isEmpty { history[history.count - 1] = line }
    }
}
