/// What Apache checks and derives once all keys are read, in its order.
struct ConfigurationRules {
    var configuration: ServerConfiguration
    private(set) var problems: [ConfigurationProblem] = []
    private var myID: MyIDFile?

    init(configuration: ServerConfiguration) {
        self.configuration = configuration
    }

    mutating func apply() {
        applyDiskRules()
        applyClientPortRules()
        applyTimeoutRules()
        if configuration.juteMaxBufferExtraBytes == -1 {
            configuration.juteMaxBufferExtraBytes = max(1024, configuration.juteMaxBufferBytes)
        } else if configuration.juteMaxBufferExtraBytes < 1024 {
            adjust("jute.maxbuffer.extrasize", "jute.maxbuffer.extrasize is raised to 1024, the least possible")
            configuration.juteMaxBufferExtraBytes = 1024
        }
        if configuration.readOnlyModeEnabled { configuration.fourLetterWords.allow(.isro) }
        if configuration.skipACL { adjust("skipACL", "skipACL=yes: every client may read and change every node") }
        applyEnsembleRules()
    }

    private mutating func applyDiskRules() {
        if configuration.autopurgeSnapRetainCount < 3 {
            adjust("autopurge.snapRetainCount", "autopurge.snapRetainCount is raised to 3, the least possible")
            configuration.autopurgeSnapRetainCount = 3
        }
        if configuration.snapCount < 2 {
            adjust("snapCount", "snapCount is raised to 2, the least possible")
            configuration.snapCount = 2
        }
        if !configuration.forceSync {
            adjust("forceSync", "forceSync=no is UNSAFE: acknowledged writes are lost when the machine fails")
        }
        if configuration.dataDirectory.isEmpty && !isGiven("dataDir") { fail("dataDir", "dataDir is not set") }
        if configuration.dataLogDirectory.isEmpty { configuration.dataLogDirectory = configuration.dataDirectory }
    }

    private mutating func applyTimeoutRules() {
        if configuration.minSessionTimeoutMillis == -1 {
            configuration.minSessionTimeoutMillis = configuration.tickTimeMillis * 2
        }
        if configuration.maxSessionTimeoutMillis == -1 {
            configuration.maxSessionTimeoutMillis = configuration.tickTimeMillis * 20
        }
        let (least, most) = (configuration.minSessionTimeoutMillis, configuration.maxSessionTimeoutMillis)
        guard least > most else { return }
        // Blamed is what was given.
        if isGiven("minSessionTimeout") {
            fail(
                "minSessionTimeout",
                "minSessionTimeout (\(least) ms) must not be larger than maxSessionTimeout (\(most) ms)")
        } else {
            fail(
                "maxSessionTimeout",
                "maxSessionTimeout (\(most) ms) must not be smaller than minSessionTimeout (\(least) ms)")
        }
    }

    /// Where clients and servers would be told apart by nothing.
    private mutating func checkOwnPorts() {
        guard let port = configuration.clientPort, port != 0,
            let own = configuration.servers.first(where: { $0.id == configuration.myID })
        else { return }
        for address in own.addresses where !isOtherAddress(address.host) {
            let ports = [("quorum", address.quorumPort), ("election", address.electionPort)]
            for (name, other) in ports where other == port {
                fail("clientPort", "clientPort \(port) is also the \(name) port of server.\(own.id)")
            }
        }
    }

    private mutating func applyClientPortRules() {
        readMyID()
        if let myID = configuration.myID, let own = configuration.servers.first(where: { $0.id == myID }),
            let port = own.clientPort
        {
            if let given = configuration.clientPort, given != port || isOtherAddress(own.clientHost) {
                fail(
                    "clientPort",
                    "clientPort \(given) differs from the client address of server.\(myID), port \(port)")
            }
            configuration.clientPort = port
            configuration.clientPortAddress = own.clientHost
        }
        checkOwnPorts()
        guard configuration.clientPort == nil, !isGiven("clientPort") else { return }
        let suffix = configuration.clientPortAddress == nil ? "" : ", though clientPortAddress is"
        fail("clientPort", "clientPort is not set\(suffix)")
    }

    /// Whether the configured address is a specific one other than the server line's.
    private func isOtherAddress(_ host: String?) -> Bool {
        guard let given = configuration.clientPortAddress, given != "0.0.0.0", given != "::" else { return false }
        return given != host
    }

    private mutating func readMyID() {
        guard !configuration.dataDirectory.isEmpty else { return }
        let file = MyIDFile.read(dataDirectory: configuration.dataDirectory)
        myID = file
        configuration.myID = file.number
        if case .malformed(let text) = file { fail("dataDir", text) }
    }

    private mutating func applyEnsembleRules() {
        // Without a data directory the start fails anyway.
        guard let myID else { return }
        var rules = EnsembleRules(configuration: configuration, myID: myID)
        configuration.ensemble = rules.resolve()
        problems += rules.problems
    }

    /// Whether the key was given; if its field is still empty, its value was refused already.
    private func isGiven(_ key: String) -> Bool {
        configuration.origins[key] != nil
    }

    private mutating func fail(_ key: String, _ text: String) {
        problems.append(.init(kind: .error, origin: configuration.origin(of: key), key: key, text: text))
    }

    private mutating func adjust(_ key: String, _ text: String) {
        problems.append(.init(kind: .adjusted, origin: configuration.origin(of: key), key: key, text: text))
    }
}
