import ServerCore

/// Text of `srvr`, `stat`, `cons`, `conf` and `dirs`.
enum StatusText {
    /// `srvr`; with connections, `stat`.
    static func status(_ report: ServerReport, connections: [ConnectionReport]?) -> String {
        var text = "Zookeeper version: \(report.version)\n"
        if report.currentMode == .readOnly { text += "READ-ONLY mode; serving only read-only clients\n" }
        if let connections {
            text += "Clients:\n"
            for connection in connections { text += line(connection, brief: true) + "\n" }
            text += "\n"
        }
        let latency = report.requests.requestLatency
        text +=
            "Latency min/avg/max: \(latency.minMillis)/\(JavaText.double(latency.averageMillis))/\(latency.maxMillis)\n"
        text += "Received: \(report.requests.packetsReceived)\n"
        text += "Sent: \(report.requests.packetsSent)\n"
        text += "Connections: \(report.aliveConnections)\n"
        text += "Outstanding: \(report.outstandingRequests)\n"
        text += "Zxid: 0x\(JavaText.hex(report.zxid))\n"
        text += "Mode: \(report.currentMode.rawValue)\n"
        text += "Node count: \(report.nodeCount)\n"
        if let sizes = report.replication?.leadership?.proposalSizes {
            text += "Proposal sizes last/min/max: \(sizes.last)/\(sizes.least)/\(sizes.greatest)\n"
        }
        return text + problem(report)
    }

    /// Corral's own line, behind all of Apache's; empty when all is well.
    static func problem(_ report: ServerReport) -> String {
        report.problemText.map { "Problem: \($0)\n" } ?? ""
    }

    static func connections(_ connections: [ConnectionReport]) -> String {
        connections.map { line($0, brief: false) + "\n" }.joined() + "\n"
    }

    private static func line(_ connection: ConnectionReport, brief: Bool) -> String {
        var text = " \(connection.endpoint)[\(String(connection.interestOperations, radix: 16))]"
        text += "(queued=\(connection.outstandingRequests),recved=\(connection.packetsReceived)"
        text += ",sent=\(connection.packetsSent)"
        if !brief, let session = connection.session {
            text += ",sid=0x\(JavaText.hex(session.id)),lop=\(session.lastOperation)"
            text += ",est=\(session.establishedWallMillis),to=\(session.timeoutMillis)"
            if session.lastCxid >= 0 { text += ",lcxid=0x\(JavaText.hex(session.lastCxid))" }
            text += ",lzxid=0x\(JavaText.hex(session.lastZxid)),lresp=\(session.lastResponseMillis)"
            text += ",llat=\(session.lastLatencyMillis),minlat=\(session.minLatencyMillis)"
            text += ",avglat=\(session.averageLatencyMillis),maxlat=\(session.maxLatencyMillis)"
        }
        return text + ")"
    }

    /// Directories are the `version-2` below the configured ones, absolute.
    static func configuration(_ configuration: ServerConfiguration, sizes: DirectorySizes) -> String {
        """
        clientPort=\(configuration.clientPort ?? -1)
        secureClientPort=-1
        dataDir=\(WorkingDirectory.absolute(configuration.dataDirectory))/version-2
        dataDirSize=\(sizes.dataDirectoryBytes)
        dataLogDir=\(WorkingDirectory.absolute(configuration.dataLogDirectory))/version-2
        dataLogSize=\(sizes.logDirectoryBytes)
        tickTime=\(configuration.tickTimeMillis)
        maxClientCnxns=\(configuration.maxClientConnectionsPerAddress)
        minSessionTimeout=\(configuration.minSessionTimeoutMillis)
        maxSessionTimeout=\(configuration.maxSessionTimeoutMillis)
        clientPortListenBacklog=\(configuration.clientPortListenBacklog)
        serverId=\(configuration.ensemble?.myID ?? 0)

        """ + membership(configuration)
    }

    /// What `conf` tells of an ensemble; like Apache's, its last line is not ended.
    private static func membership(_ configuration: ServerConfiguration) -> String {
        guard let ensemble = configuration.ensemble else { return "" }
        let addresses = ensemble.myself.addresses
        return """
            initLimit=\(ensemble.initLimitTicks)
            syncLimit=\(ensemble.syncLimitTicks)
            electionAlg=\(configuration.electionAlgorithm)
            electionPort=\(addresses.map { String($0.electionPort) }.joined(separator: "|"))
            quorumPort=\(addresses.map { String($0.quorumPort) }.joined(separator: "|"))
            peerType=\(ensemble.role == .observer ? 1 : 0)
            membership:\u{20}
            \(ensemble.memberListText)
            """
    }

    static func directories(_ sizes: DirectorySizes) -> String {
        "datadir_size: \(sizes.dataDirectoryBytes)\nlogdir_size: \(sizes.logDirectoryBytes)\n"
    }
}
