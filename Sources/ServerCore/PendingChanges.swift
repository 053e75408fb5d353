import DataTree
import Jute
import RequestQueue
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#endif

/// A znode as it will be once everything prepared has been applied.
struct PendingNode {
    var exists: Bool
    var stat: StatPersisted
    var childCount: Int32
    var dataLength: Int32
    var acl: ACLSet
    /// CRC-32 over path and data; extended by the stat it gives the node's digest. Nil until first needed.
    var prefixChecksum: UInt32?
    var digest: UInt64
    /// The last transaction that changed it.
    var zxid: Int64
    /// A container whose request asked for an ephemeral znode: Apache makes it a container, but lets nobody create a
    /// child below it in the same multi.
    var isContainerMeantEphemeral = false
}

/// The future state: what prepared, not yet applied transactions make of the tree (Apache's outstanding changes).
///
/// A hash table keyed by path bytes, a queue in zxid order that empties it as transactions are applied, and an undo
/// list for a multi that fails half way. Slots keep their path memory when freed, so a steady state allocates nothing.
struct PendingChanges: ~Copyable {
    private struct Slot {
        var hash: UInt64
        var path: UnsafeMutableRawPointer?
        var pathCapacity: Int
        var pathLength: Int
        var node: PendingNode?
    }

    private struct Undo {
        var slot: Int
        var previous: PendingNode?
    }

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    /// Slot number plus one; zero is empty. Linear probing, deletion by shifting back.
    private var table: UnsafeMutablePointer<UInt32>
    private var mask: Int
    private var used = 0
    private var order: [(zxid: Int64, slot: Int)] = []
    private var orderHead = 0
    private var undoLog: [Undo] = []
    private var recordsUndo = false
    /// Keys the hash, so that clients cannot aim collisions.
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        mask = 4095
        table = .allocate(capacity: 4096)
        table.initialize(repeating: 0, count: 4096)
    }

    deinit {
        table.deallocate()
        for slot in slots { free(slot.path) }
    }

    var isEmpty: Bool { used == 0 }

    /// The pending state of a path; nil when nothing pending touches it.
    func node(at path: UnsafeRawBufferPointer) -> PendingNode? {
        if used == 0 { return nil }
        let hash = PathHash.hash(path, seed: seed)
        guard let slot = find(path, hash) else { return nil }
        return slots[slot].node
    }

    /// Stores a node's new future state, due to be dropped once `zxid` has been applied.
    mutating func record(_ node: PendingNode, at path: UnsafeRawBufferPointer) {
        let hash = PathHash.hash(path, seed: seed)
        let slot: Int
        if let known = find(path, hash) {
            slot = known
            if recordsUndo { undoLog.append(Undo(slot: slot, previous: slots[slot].node)) }
        } else {
            slot = insert(path, hash)
            if recordsUndo { undoLog.append(Undo(slot: slot, previous: nil)) }
        }
        slots[slot].node = node
        order.append((node.zxid, slot))
    }

    /// Drops what the transactions up to `zxid` had pending: the tree now says the same.
    mutating func applied(upTo zxid: Int64) {
        while orderHead < order.count, order[orderHead].zxid <= zxid {
            let slot = order[orderHead].slot
            if let node = slots[slot].node, node.zxid <= zxid { remove(slot) }
            orderHead += 1
        }
        if orderHead == order.count {
            order.removeAll(keepingCapacity: true)
            orderHead = 0
        } else if orderHead > 65_536 {
            order.removeFirst(orderHead)
            orderHead = 0
        }
    }

    mutating func beginUndo() {
        precondition(!recordsUndo && undoLog.isEmpty)
        recordsUndo = true
    }

    mutating func endUndo() {
        recordsUndo = false
        undoLog.removeAll(keepingCapacity: true)
    }

    /// Takes back everything recorded since `beginUndo`.
    mutating func rollBack() {
        precondition(recordsUndo)
        for undo in undoLog.reversed() {
            order.removeLast()
            if let previous = undo.previous {
                slots[undo.slot].node = previous
            } else {
                remove(undo.slot)
            }
        }
        undoLog.removeAll(keepingCapacity: true)
    }

    /// Every path with its pending state. For the rare walk of a closing session.
    func forEach(_ body: (UnsafeRawBufferPointer, PendingNode) -> Void) {
        if used == 0 { return }
        for slot in slots {
            guard let node = slot.node else { continue }
            body(UnsafeRawBufferPointer(start: slot.path, count: slot.pathLength), node)
        }
    }

    // MARK: the table

    private func find(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> Int? {
        var index = Int(truncatingIfNeeded: hash) & mask
        while table[index] != 0 {
            let slot = Int(table[index]) - 1
            let matches = slots.withUnsafeBufferPointer { slots in
                slots[slot].hash == hash && slots[slot].pathLength == path.count
                    && (path.count == 0 || memcmp(slots[slot].path!, path.baseAddress!, path.count) == 0)
            }
            if matches { return slot }
            index = (index + 1) & mask
        }
        return nil
    }

    private mutating func insert(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
        if used * 2 >= mask { grow() }
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = slots.count
            slots.append(Slot(hash: 0, path: nil, pathCapacity: 0, pathLength: 0, node: nil))
        }
        if slots[slot].pathCapacity < path.count {
            free(slots[slot].path)
            let capacity = max(64, path.count)
            slots[slot].path = malloc(capacity)!
            slots[slot].pathCapacity = capacity
        }
        if path.count > 0 { memcpy(slots[slot].path!, path.baseAddress!, path.count) }
        slots[slot].pathLength = path.count
        slots[slot].hash = hash
        place(slot, hash)
        used += 1
        return slot
    }

    private func place(_ slot: Int, _ hash: UInt64) {
        var index = Int(truncatingIfNeeded: hash) & mask
        while table[index] != 0 { index = (index + 1) & mask }
        table[index] = UInt32(slot + 1)
    }

    private mutating func remove(_ slot: Int) {
        var hole = Int(truncatingIfNeeded: slots[slot].hash) & mask
        while table[hole] != UInt32(slot + 1) {
            precondition(table[hole] != 0, "a pending slot is missing from its table")
            hole = (hole + 1) & mask
        }
        var index = hole
        while true {
            index = (index + 1) & mask
            if table[index] == 0 { break }
            let home = Int(truncatingIfNeeded: slots[Int(table[index]) - 1].hash) & mask
            // An entry may fill the hole only if its home is not between the hole and itself.
            if (index &- home) & mask >= (index &- hole) & mask {
                table[hole] = table[index]
                hole = index
            }
        }
        table[hole] = 0
        slots[slot].node = nil
        freeSlots.append(slot)
        used -= 1
    }

    private mutating func grow() {
        table.deallocate()
        let capacity = (mask + 1) * 2
        mask = capacity - 1
        table = .allocate(capacity: capacity)
        table.initialize(repeating: 0, count: capacity)
        for slot in slots.indices where slots[slot].node != nil { place(slot, slots[slot].hash) }
    }
}
