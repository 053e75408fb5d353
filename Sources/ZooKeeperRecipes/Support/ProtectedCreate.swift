import Foundation
import ZooKeeperClient

/// The name of a znode that its creator can find again when the answer to its creation was lost: a unique part, in
/// the form that Curator gives it (`_c_<uuid>-`) or kazoo (`<uuid>` without signs).
struct ProtectedName: Sendable {
    let guid: String
    /// Without the number that the server appends.
    let name: String

    init(_ naming: ContenderNaming) {
        let uuid = UUID().uuidString.lowercased()
        switch naming.style {
        case .curator:
            guid = "_c_\(uuid)-"
            name = "\(guid)\(naming.marker)"
        case .kazoo:
            guid = uuid.filter { $0 != "-" }
            name = "\(guid)\(naming.marker)"
        }
    }

    init(marker: String) { self.init(ContenderNaming(style: .curator, marker: marker)) }

    func isMine(_ other: String) -> Bool { other.contains(guid) }
}

extension ZooKeeper {
    /// Creates a sequential znode exactly once, whatever happens to connections meanwhile; one that only its creator or
    /// the session's end removes.
    ///
    /// - Parameter parentMode: how the znodes above come to be when they are missing.
    func createProtected(
        _ name: ProtectedName, in parent: String, data: [UInt8], mode: CreateMode, acl: [ACL], parentMode: CreateMode
    ) async throws(RecipeError) -> CreatedNode {
        let path = Paths.child(name.name, of: parent)
        var mayExist = false
        do throws(RecipeError) {
            while true {
                if mayExist, let found = try await find(name, in: parent) { return found }
                do {
                    return try await createAndStat(path, data: data, mode: mode, acl: acl)
                } catch {
                    if error.outcome == .unknown { mayExist = true }
                    if error.reason == .server(.noNode) {
                        try await ensure(parent, mode: parentMode, acl: acl)
                    } else {
                        try await recover(from: error, path: path)
                    }
                }
            }
        } catch {
            if mayExist { await removeForCertain(name, in: parent) }
            throw error
        }
    }

    /// The znode of this name, if it was created.
    private func find(_ name: ProtectedName, in parent: String) async throws(RecipeError) -> CreatedNode? {
        try await settle(at: parent)
        let names = try await childrenIfThere(parent)
        guard let own = names.first(where: name.isMine) else { return nil }
        let path = Paths.child(own, of: parent)
        guard let stat = try await repeating(.exists(path), at: path) else { return nil }
        return CreatedNode(path: path, stat: stat)
    }
}
