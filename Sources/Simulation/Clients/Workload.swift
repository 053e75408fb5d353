/// What the clients of one run ask for: a few znodes, so that they meet.
struct Workload {
    var registers = 4
    var ephemerals = 2
    /// Shares of the kinds of operations.
    var weights = Weights()
    /// Requests a client may have outstanding.
    var depth = 4
    var thinkNanos: UInt64 = 20 * Span.millisecond
    /// Digits of a value, so that snapshots and histories are long enough to be interrupted.
    var valueDigits = 0

    struct Weights {
        var create = 10
        var createEphemeral = 6
        var createSequential = 6
        var setData = 20
        var setDataVersion = 12
        var delete = 6
        var deleteSequential = 3
        var multi = 6
        var getData = 20
        var exists = 8
        var getChildren = 6
        var syncAndRead = 6
        var syncReadWrite = 6
        var closeSession = 1
        var watchChance = 0.4

        var list: [Int] {
            [
                create, createEphemeral, createSequential, setData, setDataVersion, delete, deleteSequential, multi,
                getData, exists, getChildren, syncAndRead, syncReadWrite,
                closeSession,
            ]
        }
    }

    static let sequenceParent = "/s"
    /// Made by the first client before anything else, and never deleted.
    static let parents = ["/r", "/e", sequenceParent]

    func register(_ index: Int) -> String { "/r/\(index)" }
    func ephemeral(_ index: Int) -> String { "/e/\(index)" }

    static func random(_ dice: inout Dice) -> Workload {
        var load = Workload()
        load.registers = dice.int(1...5)
        load.ephemerals = dice.int(1...3)
        load.depth = dice.pick([1, 1, 2, 4, 8, 16])
        load.thinkNanos = dice.pick([10, 30, 100, 200]) * Span.millisecond
        load.valueDigits = dice.pick([0, 0, 0, 100, 1000])
        // Swarm: leaving kinds out makes others meet more often.
        func maybe(_ weight: Int) -> Int { dice.chance(0.25) ? 0 : weight * dice.int(1...3) }
        load.weights.create = max(2, maybe(10))
        load.weights.createEphemeral = maybe(6)
        load.weights.createSequential = maybe(6)
        load.weights.setData = maybe(20)
        load.weights.setDataVersion = maybe(12)
        load.weights.delete = maybe(6)
        load.weights.deleteSequential = maybe(3)
        load.weights.multi = maybe(6)
        load.weights.getData = maybe(20)
        load.weights.exists = maybe(8)
        load.weights.getChildren = maybe(6)
        load.weights.syncAndRead = maybe(6)
        load.weights.syncReadWrite = maybe(10)
        load.weights.closeSession = dice.chance(0.5) ? 1 : 0
        load.weights.watchChance = dice.pick([0, 0.2, 0.6])
        return load
    }

    /// What a client asks next: mostly one operation. `versions` is what it saw last of each register.
    func next(_ dice: inout Dice, value: inout Int, versions: [Int32], created: [String]) -> [Operation.Kind] {
        func fresh() -> Int {
            value += 1
            return value
        }
        func watch(_ dice: inout Dice) -> Bool { dice.chance(weights.watchChance) }
        let index = dice.int(0...registers - 1)
        let path = register(index)
        let version = versions[index]
        let anyPath = dice.chance(0.75) ? path : ephemeral(dice.int(0...ephemerals - 1))
        switch dice.weighted(weights.list) {
        case 0: return [.create(path: path, value: fresh(), flags: 0)]
        case 1: return [.create(path: ephemeral(dice.int(0...ephemerals - 1)), value: fresh(), flags: 1)]
        case 2:
            return [.create(path: Self.sequenceParent + "/n-", value: fresh(), flags: dice.chance(0.4) ? 3 : 2)]
        case 3: return [.setData(path: anyPath, value: fresh(), version: -1)]
        case 4: return [.setData(path: path, value: fresh(), version: version)]
        case 5: return [.delete(path: anyPath, version: dice.chance(0.5) && anyPath == path ? version : -1)]
        case 6:
            guard let one = created.last else { return [.sync] }
            return [.delete(path: one, version: -1)]
        case 7: return [multi(&dice, index, version, fresh)]
        case 8: return [.getData(path: anyPath, watch: watch(&dice))]
        case 9: return [.exists(path: anyPath, watch: watch(&dice))]
        case 10:
            return [.getChildren(path: dice.chance(0.7) ? Self.sequenceParent : "/r", watch: watch(&dice))]
        case 11: return [.sync, .getData(path: path, watch: false)]
        case 12:
            return [
                .sync, .getData(path: path, watch: false), .setData(path: path, value: fresh(), version: -1), .sync,
                .getData(path: path, watch: false),
            ]
        default: return [.closeSession]
        }
    }

    private func multi(_ dice: inout Dice, _ index: Int, _ version: Int32, _ fresh: () -> Int) -> Operation.Kind {
        let one = register(index)
        let two = register((index + 1) % registers)
        switch dice.int(0...3) {
        case 0:
            return .multi([
                .setData(path: one, value: fresh(), version: -1), .setData(path: two, value: fresh(), version: -1),
            ])
        case 1:
            return .multi([
                .check(path: one, version: version), .setData(path: one, value: fresh(), version: version),
                .setData(path: two, value: fresh(), version: -1),
            ])
        case 2:
            return .multi([
                .delete(path: one, version: -1), .create(path: one, value: fresh()),
                .setData(path: two, value: fresh(), version: -1),
            ])
        default:
            // Its last step fails more often than not: nothing of it may be seen.
            return .multi([.setData(path: one, value: fresh(), version: -1), .create(path: two, value: fresh())])
        }
    }
}
