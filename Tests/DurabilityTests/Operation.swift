import TestSupport

/// One write of a load session. Whether it was applied can be read off the tree afterwards, for each kind.
enum Operation {
    /// A sequential child of the session's `seq`, its data naming this operation.
    case sequential(id: Int)
    /// Deletes a sequential child whose creation was acknowledged.
    case delete(path: String)
    /// The session's n-th change of its `counter`, from 1: the data is n, so is the version it leaves.
    case set(number: Int)
    /// The session's n-th multi, from 1: creates `a-n` and `b-n`, and sets the data of their parent to n.
    case multi(number: Int)
    /// A refused multi: its last part fails, so nothing of it may ever be seen.
    case refusedMulti(number: Int)
    case ephemeral(number: Int)

    func request(under base: String) -> Request {
        switch self {
        case .sequential(let id):
            return .create("\(base)/seq/n-", data: Array(String(id).utf8), flags: CreateFlag.sequential)
        case .delete(let path): return .delete(path)
        case .set(let number): return .setData("\(base)/counter", data: Array(String(number).utf8))
        case .multi(let number):
            let text = Array(String(number).utf8)
            return .multi([
                .create("\(base)/multi/a-\(number)", data: text), .setData("\(base)/multi", data: text),
                .create("\(base)/multi/b-\(number)", data: text),
            ])
        case .refusedMulti(let number):
            return .multi([.create("\(base)/multi/refused-\(number)"), .delete("\(base)/counter", version: 1 << 30)])
        case .ephemeral(let number): return .create("\(base)/eph/e-\(number)", flags: CreateFlag.ephemeral)
        }
    }

    var mustSucceed: Bool {
        if case .refusedMulti = self { return false }
        return true
    }
}

/// Draws a session's operations and keeps the numbers they carry.
struct OperationSource {
    var random: SeededGenerator
    /// Paths of acknowledged sequential children, to delete some.
    var deletable: [String] = []
    private var nextId = 0
    private var sets = 0
    private var multis = 0
    private var refused = 0
    private var ephemerals = 0

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func next() -> Operation {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35:
            nextId += 1
            return .sequential(id: nextId)
        case 35..<45 where !deletable.isEmpty:
            return .delete(path: deletable.remove(at: Int.random(in: 0..<deletable.count, using: &random)))
        case 35..<70:
            sets += 1
            return .set(number: sets)
        case 70..<88:
            multis += 1
            return .multi(number: multis)
        case 88..<92:
            refused += 1
            return .refusedMulti(number: refused)
        default:
            ephemerals += 1
            return .ephemeral(number: ephemerals)
        }
    }
}
