import DataTree
import Jute
import ZooKeeperProtocol

/// SplitMix64: the same seed gives the same transactions everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Valid transactions on a small, crowded set of paths, kept in step with a model.
struct RandomTxns {
    struct Txn {
        var type: OpCode
        var record: [UInt8]
        var session: Int64
        /// What each operation of a multi should answer; empty otherwise.
        var multi: [ErrorCode] = []
        var error: ErrorCode = .ok
    }

    var model = TreeModel()
    var random: SeededGenerator
    var zxid: Int64 = 0

    private static let names = ["a", "b", "c", "d", "é", "a-longer-name-of-a-znode"]
    private static let sessions: [Int64] = [1, 2, 3, 0x1234_5678_9abc]
    private static let acls: [[ACL]?] = [
        ACL.open, nil, [ACL(permissions: Permission.read, identity: .anyone)], [],
        [
            ACL(permissions: Permission.all, identity: Identity(scheme: "digest", id: "u:p")),
            ACL(permissions: Permission.read, identity: .anyone),
        ],
        [ACL(permissions: Permission.write, identity: Identity(scheme: "ip", id: "10.0.0.0/8"))],
    ]

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    private var time: Int64 { TreeDriver.time(zxid) }

    private mutating func randomPath() -> String {
        let depth = Int.random(in: 1...4, using: &random)
        return (0..<depth).map { _ in "/" + Self.names.randomElement(using: &random)! }.joined()
    }

    private mutating func randomData() -> [UInt8]? {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return nil
        case 1: return []
        case 2: return (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        default: return (0..<Int.random(in: 1...12, using: &random)).map { UInt8($0 + 65) }
        }
    }

    mutating func next() -> Txn {
        zxid += 1
        let session = Self.sessions.randomElement(using: &random)!
        switch Int.random(in: 0..<20, using: &random) {
        case 0: return closeSession(session)
        case 1..<4: return multi(session)
        default:
            let (type, record) = operation(session: session, inMulti: false)
            return Txn(type: type, record: record, session: session)
        }
    }

    private mutating func closeSession(_ session: Int64) -> Txn {
        let paths = model.ephemerals(of: session).sorted()
        for path in paths { model.delete(path, zxid: zxid) }
        // An older server wrote no list.
        let listed = Bool.random(using: &random)
        return Txn(type: .closeSession, record: listed ? TxnWriter.closeSession(paths) : [], session: session)
    }

    private mutating func multi(_ session: Int64) -> Txn {
        let before = model
        var operations: [(OpCode, [UInt8])] = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            operations.append(operation(session: session, inMulti: true))
        }
        guard !operations.isEmpty, Int.random(in: 0..<4, using: &random) == 0 else {
            let answers = operations.map { _ in ErrorCode.ok }
            return Txn(type: .multi, record: TxnWriter.multi(operations), session: session, multi: answers)
        }
        // One operation fails in prepare: it and all after it become errors, those before it stay in the record.
        model = before
        let failing = Int.random(in: 0..<operations.count, using: &random)
        var answers: [ErrorCode] = operations.map { _ in .ok }
        for position in failing..<operations.count {
            let code: ErrorCode = position == failing ? .badVersion : .runtimeInconsistency
            // Now and then a server leaves a later operation in the record: it answers the same.
            if position == failing || Bool.random(using: &random) {
                operations[position] = (.error, TxnWriter.error(code))
            }
            answers[position] = code
        }
        return Txn(
            type: .multi, record: TxnWriter.multi(operations), session: session, multi: answers, error: .badVersion)
    }

    private mutating func operation(session: Int64, inMulti: Bool) -> (OpCode, [UInt8]) {
        for _ in 0..<20 {
            let path = randomPath()
            if let node = model.nodes[path] {
                switch Int.random(in: 0..<8, using: &random) {
                case 0..<4 where node.children.isEmpty:
                    model.delete(path, zxid: zxid)
                    let container = node.stat.ephemeralOwner == EphemeralType.containerOwner
                    return (container ? .deleteContainer : .delete, TxnWriter.delete(path))
                case 4, 5:
                    let data = randomData()
                    let version = model.set(path, data, zxid: zxid, time: time)
                    return (.setData, TxnWriter.setData(path, data, version: version))
                case 6 where !inMulti:
                    let acl = Self.acls.randomElement(using: &random)!
                    model.nodes[path]!.acl = acl ?? ACL.open
                    model.nodes[path]!.stat.aversion += 1
                    let version = model.nodes[path]!.stat.aversion
                    return (.setACL, TxnWriter.setACL(path, acl, version: version))
                case 7 where inMulti:
                    return (.check, TxnWriter.check(path, version: node.stat.version))
                default: continue
                }
            }
            guard let parent = model.nodes[TreeModel.split(path).parent] else { continue }
            if case .ephemeral = EphemeralType(owner: parent.stat.ephemeralOwner, extendedTypesEnabled: true) {
                continue
            }
            return create(path, session)
        }
        let data = randomData()
        let version = model.set("/", data, zxid: zxid, time: time)
        return (.setData, TxnWriter.setData("/", data, version: version))
    }

    private mutating func create(_ path: String, _ session: Int64) -> (OpCode, [UInt8]) {
        let data = randomData()
        let acl = Self.acls.randomElement(using: &random)!
        let cversion = model.nextCversion(path)
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            model.create(
                path, data, acl: acl, owner: EphemeralType.containerOwner, zxid: zxid, time: time)
            return (.createContainer, TxnWriter.createContainer(path, data, acl: acl, parentCversion: cversion))
        case 1:
            let millis = Int64.random(in: 1...1_000_000, using: &random)
            model.create(
                path, data, acl: acl, owner: EphemeralType.owner(ttlMillis: millis), zxid: zxid, time: time)
            return (
                .createTTL, TxnWriter.createTTL(path, data, acl: acl, parentCversion: cversion, millis: millis)
            )
        default:
            let ephemeral = Int.random(in: 0..<3, using: &random) == 0
            model.create(path, data, acl: acl, owner: ephemeral ? session : 0, zxid: zxid, time: time)
            let record = TxnWriter.create(
                path, data, acl: acl, ephemeral: ephemeral, parentCversion: cversion)
            return (Bool.random(using: &random) ? .create : .create2, record)
        }
    }
}
