import JSONText
import ZooKeeperClient

/// Access control lists as zkCli reads and writes them: `scheme:id:perm[,…]`, permissions as letters of `cdrwa`.
enum ACLText {
    private static let letters: [(letter: Character, bit: Int32)] = [
        ("c", Permission.create), ("d", Permission.delete), ("r", Permission.read), ("w", Permission.write),
        ("a", Permission.admin),
    ]

    static func permissions(_ bits: Int32) -> String {
        String(letters.filter { bits & $0.bit != 0 }.map(\.letter))
    }

    /// zkCli leaves out entries and letters that it does not understand; here they are errors, because a list that is
    /// not the one asked for protects nothing.
    static func parse(_ text: String) throws(ShellError) -> [ACL] {
        var list: [ACL] = []
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let first = entry.firstIndex(of: ":"), let last = entry.lastIndex(of: ":"), first < last else {
                throw .usage("\(entry) does not have the form scheme:id:perm")
            }
            var bits: Int32 = 0
            for letter in entry[entry.index(after: last)...] {
                guard let known = letters.first(where: { $0.letter == letter }) else {
                    throw .usage("Unknown perm type: \(letter)")
                }
                bits |= known.bit
            }
            let id = String(entry[entry.index(after: first)..<last])
            list.append(ACL(permissions: bits, identity: Identity(scheme: String(entry[..<first]), id: id)))
        }
        return list
    }

    /// zkCli's two lines an entry.
    static func lines(_ list: [ACL]) -> [String] {
        list.flatMap { ["'\($0.identity.scheme),'\($0.identity.id)", ": \(permissions($0.permissions))"] }
    }

    static func json(_ list: [ACL]) -> JSONValue {
        .array(
            list.map { entry in
                .object([
                    .init("scheme", .string(entry.identity.scheme)), .init("id", .string(entry.identity.id)),
                    .init("permissions", .string(permissions(entry.permissions))),
                ])
            })
    }
}
