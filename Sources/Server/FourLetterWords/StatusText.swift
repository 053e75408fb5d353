import ServerCore

/// Text of `srvr`, `stat`, `cons`, `conf` and `dirs`.
enum StatusText {
    /// `srvr`; with connections, `stat`.
    static func status(_ report: ServerReport, connections: [ConnectionReport]?) -> String {
        var text = "Zookeeper version: \(report.version)\n"
        if report.mode == .readOnly { text += "READ-ONLY mode; serving only read-only clients\n" }
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
        text += "Mode: \(report.mode.rawValue)\n"
        text += "Node count: \(report.nodeCount)\n"
        return text
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
        serverId=0

        """
    }

    static func directories(_ sizes: DirectorySizes) -> String {
        "datadir_size: \(sizes.dataDirectoryBytes)\nlogdir_size: \(sizes.logDirectoryBytes)\n"
    }
}
