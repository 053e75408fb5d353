import Foundation
import ZooKeeperClient

extension ZooKeeper {
    /// Does something exactly once, whatever happens to connections meanwhile: for changes that others may undo or
    /// overwrite before their author can look for them.
    ///
    /// An ephemeral znode made in the same request tells afterwards whether it took effect.
    ///
    /// - Parameter parent: where that znode is made.
    func applyOnce(
        _ operations: [ZooKeeperClient.Operation], markIn parent: String, acl: [ACL]
    ) async throws(RecipeError) {
        let mark = Paths.child("_c_\(UUID().uuidString.lowercased())", of: parent)
        let request = ZooKeeperRequest.multi(operations + [.create(mark, mode: .ephemeral, acl: acl)])
        var mayBeDone = false
        while true {
            do {
                _ = try await submit(request).value
            } catch {
                if error.outcome == .unknown { mayBeDone = true }
                try await recover(from: error, path: parent)
                guard mayBeDone else { continue }
                try await settle(at: parent)
                mayBeDone = false
                guard try await repeating(.exists(mark), at: mark) != nil else { continue }
            }
            // Nobody needs to wait for that; should it be lost, the session's end does it.
            _ = submit(.delete(mark))
            return
        }
    }
}
