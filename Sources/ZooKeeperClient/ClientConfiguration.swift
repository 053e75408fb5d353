import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// What a client needs to know.
public struct ClientConfiguration: Sendable {
    /// Where the ensemble is, and which subtree the client sees.
    public var connectString: ConnectString
    /// What is asked for; the server decides between its bounds (`SessionIdentity.timeoutMillis`).
    public var sessionTimeout: Duration = .seconds(30)
    /// For one attempt to get a session from one server; nil: the session's timeout divided by the number of servers,
    /// and 10 s at most.
    public var attemptTimeout: Duration?
    /// For each request, from its submission; nil: as long as the session lives.
    public var requestTimeout: Duration?
    /// Whether a server without a quorum will do, until one with a quorum is found.
    public var allowsReadOnly = false
    /// Whether the session counts as expired once no server was heard of for 4/3 of its timeout, so that a client
    /// that is cut off does not believe in its ephemeral znodes for ever.
    public var expiresLocally = true
    /// Presented on every connection.
    public var credentials: [Credential] = []
    /// A session to come back to, instead of a new one.
    public var resuming: SessionIdentity?
    /// With it, connections are encrypted.
    public var tls: TLSConfiguration?
    /// The longest request; the servers' `jute.maxbuffer`.
    public var maximumRequestBytes = 0xfffff
    /// The longest reply.
    public var maximumReplyBytes = 64 << 20
    /// Beyond it, requests fail at once instead of waiting to be sent.
    public var maximumUnsentBytes = 64 << 20
    /// Events that a watch keeps for a slow iteration; of more, only that there is a gap.
    public var maximumPendingEvents = 16_384
    public var logger = Logger(label: "zookeeper.client")
    /// The metrics' dimension `client`; nil for none.
    public var metricsLabel: String?
    /// Where the connection's work is done: one of its threads for each client.
    public var eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

    /// Looks a host up, at each attempt anew; blocks. Tests have their own.
    var lookUp: @Sendable (Endpoint) throws -> [SocketAddress] = Resolver.lookUp

    public init(_ connectString: ConnectString) {
        self.connectString = connectString
    }

    /// - Parameter connectString: `host:port,host:port/chroot`.
    public init(_ connectString: String) throws(ZooKeeperError) {
        self.init(try ConnectString(connectString))
    }

    var machineSettings: SessionMachine.Settings {
        var settings = SessionMachine.Settings()
        settings.chroot = connectString.chroot
        settings.timeoutMillis = Int32(clamping: sessionTimeout.nanoseconds / 1_000_000)
        settings.attemptTimeoutNanos = attemptTimeout?.nanoseconds
        settings.allowsReadOnly = allowsReadOnly
        settings.expiresLocally = expiresLocally
        settings.watchChunkBytes = min(settings.watchChunkBytes, maximumRequestBytes / 2)
        settings.credentials = credentials
        settings.resuming = resuming
        return settings
    }
}

extension Duration {
    /// Clamped to what 64 bits hold.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? Int64.min : Int64.max }
        return whole.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
    }
}
