import DataTree
import Jute
import ZooKeeperProtocol

/// ACL rules: who may, and what an ACL given by a client becomes.
extension Core {
    /// Whether `credentials` hold any of the permissions under an ACL. As Apache: an empty list permits everything.
    func permits(_ acl: ACLSet, _ permission: Int32, _ credentials: Credentials) -> Bool {
        AccessCheck.permits(
            acl, permission, credentials, skip: configuration.skipACL, providers: providers)
    }

    func check(_ acl: ACLSet, _ permission: Int32, _ credentials: Credentials) throws(ErrorCode) {
        guard permits(acl, permission, credentials) else { throw .noAuth }
    }

    /// An ACL as it is stored: duplicates gone, `auth` replaced by the proven identities, every identity valid.
    func fixUp(_ given: [ACL]?, _ credentials: Credentials) throws(ErrorCode) -> [ACL] {
        guard let given, !given.isEmpty else { throw .invalidACL }
        var seen: Set<ACL> = []
        var fixed: [ACL] = []
        // `auth` multiplies: without a bound, a small request would make a transaction that no tool can read.
        var room = configuration.maximumFrameBytes + configuration.maximumFrameExtraBytes
        for entry in given where seen.insert(entry).inserted {
            if room < 0 { throw .invalidACL }
            defer { room -= fixed.last.map { $0.identity.scheme.utf8.count + $0.identity.id.utf8.count + 12 } ?? 0 }
            switch entry.identity.scheme {
            case RequestACL.nullText: throw .invalidACL
            case "world" where entry.identity.id == RequestACL.nullText,
                "ip" where entry.identity.id == RequestACL.nullText,
                "digest" where entry.identity.id == RequestACL.nullText:
                throw .marshallingError
            case "world" where entry.identity.id == "anyone":
                fixed.append(entry)
            case "auth":
                let proven = credentials.identities.filter { providers.isAuthenticated(scheme: $0.scheme) }
                guard !proven.isEmpty else { throw .invalidACL }
                for identity in proven {
                    fixed.append(ACL(permissions: entry.permissions, identity: identity))
                    room -= identity.scheme.utf8.count + identity.id.utf8.count + 12
                }
            default:
                guard providers.isValid(entry.identity) else { throw .invalidACL }
                fixed.append(entry)
            }
        }
        return fixed
    }
}

/// The check itself, shared by the core and the fronts.
enum AccessCheck {
    @inline(__always)
    static func permits(
        _ acl: ACLSet, _ permission: Int32, _ credentials: Credentials, skip: Bool,
        providers: AuthenticationProviders
    ) -> Bool {
        if acl.worldPermissions & permission != 0 || skip { return true }
        return permitsSlowly(acl, permission, credentials, providers)
    }

    private static func permitsSlowly(
        _ acl: ACLSet, _ permission: Int32, _ credentials: Credentials, _ providers: AuthenticationProviders
    ) -> Bool {
        if acl.entries.isEmpty || credentials.isSuper { return true }
        for entry in acl.entries where entry.permissions & permission != 0 {
            for proven in credentials.identities
            where proven.scheme == entry.identity.scheme
                && providers.matches(proven: proven, aclIdentity: entry.identity)
            {
                return true
            }
        }
        return false
    }
}
