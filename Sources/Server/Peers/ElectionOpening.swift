import Jute
import Zab

/// The first bytes on a connection to an election port: who connects, and where it can be reached.
///
/// Apache's form: 8 bytes version, 8 bytes server id, 4 bytes length, the election addresses as `host:port`, several
/// (version 2) separated by `|`. Servers before 3.5 send the 8 bytes of their id alone.
struct ElectionOpening: Equatable {
    var server: ServerID
    var addresses: String

    /// One address, and several.
    static let version1: Int64 = -65536
    static let version2: Int64 = -65535
    static let maximumAddressBytes = 2048
    /// What an observer without an id of its own sends as id.
    static let anonymousObserver = ServerID.max

    enum Parsed: Equatable {
        case incomplete
        case whole(ElectionOpening, byteCount: Int)
        case garbage(String)
    }

    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        var reader = JuteReader(bytes)
        guard let version = try? reader.readInt64() else { return .incomplete }
        if version >= 0 { return .whole(ElectionOpening(server: version, addresses: ""), byteCount: 8) }
        guard version == version1 || version == version2 else {
            return .garbage("its first 8 bytes are neither a server id nor a known protocol version (\(version))")
        }
        guard let server = try? reader.readInt64(), let length = try? reader.readInt32() else { return .incomplete }
        guard length > 0, length <= maximumAddressBytes else {
            return .garbage("it announces an election address of \(length) bytes")
        }
        guard bytes.count >= 20 + Int(length) else { return .incomplete }
        let text = String(decoding: bytes[20..<20 + Int(length)], as: UTF8.self)
        guard isAddressList(text) else { return .garbage("its election address is not of the form host:port") }
        return .whole(ElectionOpening(server: server, addresses: text), byteCount: 20 + Int(length))
    }

    /// The text goes into log lines, so it must be as plain as addresses are.
    private static func isAddressList(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return false }
        return text.split(separator: "|", omittingEmptySubsequences: false).allSatisfy { address in
            guard let colon = address.lastIndex(of: ":"), colon > address.startIndex,
                let port = ValueSyntax.decimal(String(address[address.index(after: colon)...]))
            else { return false }
            return (0...65535).contains(port)
        }
    }

    func serialize(announcesAll: Bool) -> [UInt8] {
        let text = Array(addresses.utf8.prefix(Self.maximumAddressBytes))
        var buffer = WireBuffer(capacity: 20 + text.count)
        buffer.append(int64: announcesAll ? Self.version2 : Self.version1)
        buffer.append(int64: server)
        buffer.append(int32: Int32(text.count))
        text.withUnsafeBytes { buffer.append(raw: $0) }
        return Array(buffer.bytes)
    }

    /// How a server announces its own line.
    static func announcement(of server: EnsembleConfiguration.Member, all: Bool) -> String {
        (all ? server.addresses : Array(server.addresses.prefix(1))).map { address in
            address.host.contains(":")
                ? "[\(address.host)]:\(address.electionPort)" : "\(address.host):\(address.electionPort)"
        }.joined(separator: "|")
    }
}
