import Crypto
import Foundation
import ZooKeeperProtocol

/// The hash behind the digest scheme, by its Java name. SHA1 is Apache's default.
public enum DigestAlgorithm: String, Sendable {
    case md5 = "MD5"
    case sha1 = "SHA1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"
}

/// The identities a connection has proven. Immutable: a change makes a new value, so that requests in flight keep
/// the identities they were sent under.
public final class Credentials: Sendable {
    public let identities: [Identity]
    /// The super user passes every check.
    public let isSuper: Bool

    public init(_ identities: [Identity]) {
        self.identities = identities
        isSuper = identities.contains { $0.scheme == "super" }
    }

    /// What the server itself acts under.
    public static let none = Credentials([])

    func adding(_ added: [Identity]) -> Credentials {
        var all = identities
        for identity in added where !all.contains(identity) && all.count < CoreLimits.identitiesMax {
            all.append(identity)
        }
        return Credentials(all)
    }
}

/// The authentication schemes that the server knows: ip and digest. `world` and `auth` exist in ACLs only.
public struct AuthenticationProviders: Sendable {
    public let superDigest: String?
    public let digestEnabled: Bool
    public let algorithm: DigestAlgorithm

    public init(superDigest: String?, digestEnabled: Bool, algorithm: DigestAlgorithm) {
        self.superDigest = superDigest
        self.digestEnabled = digestEnabled
        self.algorithm = algorithm
    }

    /// `user:base64(hash("user:password"))`, as the digest scheme names a user.
    public static func digestIdentity(_ userAndPassword: [UInt8], algorithm: DigestAlgorithm) -> String {
        let user = userAndPassword.prefix { $0 != UInt8(ascii: ":") }
        let hash: Data =
            switch algorithm {
            case .md5: Data(Insecure.MD5.hash(data: userAndPassword))
            case .sha1: Data(Insecure.SHA1.hash(data: userAndPassword))
            case .sha256: Data(SHA256.hash(data: userAndPassword))
            case .sha384: Data(SHA384.hash(data: userAndPassword))
            case .sha512: Data(SHA512.hash(data: userAndPassword))
            }
        return String(decoding: user, as: UTF8.self) + ":" + hash.base64EncodedString()
    }

    /// The identities that an auth packet proves; nil when it fails.
    func authenticate(scheme: String, token: [UInt8], remoteAddress: String) -> [Identity]? {
        switch scheme {
        case "ip":
            return [Identity(scheme: "ip", id: remoteAddress)]
        case "digest" where digestEnabled:
            let identity = Self.digestIdentity(token, algorithm: algorithm)
            var proven: [Identity] = []
            if identity == superDigest { proven.append(Identity(scheme: "super", id: "")) }
            proven.append(Identity(scheme: "digest", id: identity))
            return proven
        default:
            return nil
        }
    }

    /// Whether a scheme proves who somebody is; `ip` only tells where from.
    func isAuthenticated(scheme: String) -> Bool { scheme == "digest" && digestEnabled }

    /// Whether an ACL may name this identity.
    func isValid(_ identity: Identity) -> Bool {
        switch identity.scheme {
        case "ip": AddressMask(identity.id) != nil
        case "digest":
            // Java's split(":") drops trailing empty parts, so "a:" has one part and ":b" two.
            digestEnabled && Self.javaSplitCount(identity.id) == 2
        default: false
        }
    }

    static func javaSplitCount(_ text: String) -> Int {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        while parts.count > 1, parts.last!.isEmpty { parts.removeLast() }
        return parts.count
    }

    /// Whether a proven identity satisfies the one an ACL names. Both have the same scheme.
    func matches(proven: Identity, aclIdentity: Identity) -> Bool {
        switch proven.scheme {
        case "ip":
            guard let mask = AddressMask(aclIdentity.id), let address = AddressMask.bytes(of: proven.id) else {
                return false
            }
            return mask.contains(address)
        case "digest": return digestEnabled && proven.id == aclIdentity.id
        default: return false
        }
    }

    /// The user's name as `whoAmI` shows it.
    func userName(of identity: Identity) -> String {
        switch identity.scheme {
        case "ip": identity.id
        case "digest": String(identity.id.prefix { $0 != ":" })
        default: ""
        }
    }
}

/// An address or a network in an `ip` ACL: `a.b.c.d`, IPv6, each with an optional `/bits`.
struct AddressMask {
    let network: [UInt8]
    let bits: Int

    init?(_ expression: String) {
        let parts = expression.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = Self.bytes(of: String(parts[0])) else { return nil }
        var bits = address.count * 8
        if parts.count == 2 {
            guard let given = Int(parts[1]), given >= 0, given <= bits else { return nil }
            bits = given
        }
        self.bits = bits
        network = Self.masked(address, bits)
    }

    func contains(_ address: [UInt8]) -> Bool {
        address.count == network.count && Self.masked(address, bits) == network
    }

    private static func masked(_ address: [UInt8], _ bits: Int) -> [UInt8] {
        var result = address
        for index in result.indices {
            let kept = min(max(bits - index * 8, 0), 8)
            result[index] &= UInt8(truncatingIfNeeded: 0xff00 >> kept)
        }
        return result
    }

    static func bytes(of text: String) -> [UInt8]? {
        if text.contains(":") {
            var address = in6_addr()
            guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
            return withUnsafeBytes(of: &address) { Array($0) }
        }
        var address = in_addr()
        guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return withUnsafeBytes(of: &address) { Array($0) }
    }
}
