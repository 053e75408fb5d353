import TestSupport
import ZooKeeperProtocol

/// Fills a server with something of everything that a data directory can hold.
enum SampleTree {
    /// - Returns: two sessions, connections broken and not closed, that own `mine-0` and `mine-1`.
    static func write(port: Int, requests: Int, seed: UInt64, under base: String = "/sample") throws
        -> [SessionTicket]
    {
        var random = SeededGenerator(seed: seed)
        let client = try ProtocolClient(port: port, timeoutMillis: 60_000)
        guard try client.authenticate(scheme: "digest", "user:password").error == 0 else {
            throw ProtocolClient.Failure.server(ErrorCode.authFailed.rawValue)
        }
        try client.create(base)
        try special(client, base)
        for _ in 0..<requests {
            let path = "\(base)/n\(Int.random(in: 0..<150, using: &random))"
            let size = random.pick([0, 1, 10, 100, 1000, 5000])
            let data = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size)
            // Refusals are wanted: their error records are part of the log.
            _ = try client.call(request(path, data, &random))
        }
        let sessions = try (0..<2).map { number in
            let owner = try ProtocolClient(port: port, timeoutMillis: 60_000)
            try owner.create("\(base)/mine-\(number)", flags: CreateFlag.ephemeral)
            try owner.create("\(base)/mine-too-", flags: CreateFlag.ephemeralSequential)
            owner.drop()
            return owner.session
        }
        try client.close()
        return sessions
    }

    private static func request(_ path: String, _ data: [UInt8], _ random: inout SeededGenerator) -> Request {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: return .create(path, data: data)
        case 30..<40: return .create("\(path)/child-", data: data, flags: CreateFlag.sequential)
        case 40..<60: return .setData(path, data: data, version: random.pick([-1, -1, 0, 3]))
        case 60..<70: return .delete(path)
        case 70..<80: return .setACL(path, acl: random.pick(acls))
        case 80..<85:
            return .create(path, acl: random.pick(acls), flags: CreateFlag.container, opcode: .createContainer)
        case 85..<90:
            return .create(path, flags: CreateFlag.ttl, opcode: .createTTL, ttlMillis: 3_600_000)
        default:
            return .multi([
                .create("\(path)x", data: data), .setData(path, data: data), .check(path, version: -1),
                .delete("\(path)x"), .create("\(path)y"),
            ])
        }
    }

    private static let acls: [[ACL]] = [
        ACL.open,
        [ACL(permissions: 31, identity: Identity(scheme: "auth", id: "")), ACL(permissions: 1, identity: .anyone)],
        [
            ACL(permissions: 31, identity: .anyone),
            ACL(permissions: 3, identity: Identity(scheme: "ip", id: "10.0.0.0/8")),
        ],
    ]

    /// What chance would rarely make.
    private static func special(_ client: ProtocolClient, _ base: String) throws {
        try client.perform(.create("\(base)/null", data: nil))
        try client.create("\(base)/large", data: [UInt8](repeating: 7, count: 900_000))
        try client.create("\(base)/ünïcode-字")
        try client.create("\(base)/quota-here")
        try client.create("/zookeeper/quota\(base)")
        try client.create("/zookeeper/quota\(base)/quota-here")
        try client.create(
            "/zookeeper/quota\(base)/quota-here/zookeeper_limits", data: Array("count=100,bytes=100000".utf8))
        try client.create("/zookeeper/quota\(base)/quota-here/zookeeper_stats")
        try client.create("\(base)/quota-here/counted", data: [1, 2, 3])
        try client.create("\(base)/deep")
        var path = "\(base)/deep"
        for level in 0..<60 {
            path += "/\(level)"
            try client.create(path)
        }
        // A parent whose counter has gone on past its children.
        try client.create("\(base)/counted")
        for _ in 0..<5 {
            try client.perform(.delete(try client.create("\(base)/counted/s-", flags: CreateFlag.sequential)))
        }
    }
}
