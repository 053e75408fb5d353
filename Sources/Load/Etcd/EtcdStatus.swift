import CPlatform

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a member of an etcd cluster says of itself, through the JSON gateway of its client port.
struct EtcdStatus: Equatable, Sendable {
    var version: String
    var member: UInt64
    /// 0 while the cluster has none.
    var leader: UInt64
    var raftIndex: UInt64
    var raftAppliedIndex: UInt64

    /// nil when there is no answer in time, or none of this kind.
    static func ask(_ server: ServerAddress, timeoutMillis: Int = 1000) -> EtcdStatus? {
        guard let body = post("/v3/maintenance/status", to: server, timeoutMillis: timeoutMillis) else { return nil }
        return EtcdStatus(json: body)
    }

    /// The gateway writes 64-bit numbers as texts and leaves zeros out.
    init?(json: [UInt8]) {
        struct Answer: Decodable {
            struct Header: Decodable {
                var member_id: String?
            }
            var header: Header
            var version: String?
            var leader: String?
            var raftIndex: String?
            var raftAppliedIndex: String?
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(json)), let version = answer.version
        else { return nil }
        func number(_ text: String?) -> UInt64 { text.flatMap { UInt64($0) } ?? 0 }
        self.version = version
        member = number(answer.header.member_id)
        leader = number(answer.leader)
        raftIndex = number(answer.raftIndex)
        raftAppliedIndex = number(answer.raftAppliedIndex)
    }

    /// The body of a successful answer.
    private static func post(_ path: String, to server: ServerAddress, timeoutMillis: Int) -> [UInt8]? {
        guard let descriptor = try? Handshake.connect(server) else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: timeoutMillis / 1000, tv_usec: timeoutMillis % 1000 * 1000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // HTTP/1.0: the answer comes in one piece and ends with the connection.
        var request = Array("POST \(path) HTTP/1.0\r\nHost: \(server)\r\nContent-Length: 2\r\n\r\n{}".utf8)
        guard send(descriptor, &request, request.count, 0) == request.count else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < 1 << 20 {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { break }
            answer += chunk[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard text.hasPrefix("HTTP/"), text.prefix(16).contains(" 200"), let end = text.firstRange(of: "\r\n\r\n")
        else { return nil }
        return Array(text[end.upperBound...].utf8)
    }
}
