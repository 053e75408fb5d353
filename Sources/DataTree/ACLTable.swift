import Jute
import ZooKeeperProtocol

/// The interned access control lists of a tree, counted by the znodes that use them.
///
/// Numbers grow and are never given twice, as in Apache's `ReferenceCountedACLCache`. Slot 0 is the open list and
/// slot 1 stands for a number that a fuzzy snapshot mentions but does not define (see `unresolvedSlot`); neither
/// is counted away. Only the tree's owner changes the table; other threads read slots under the tree's lock.
struct ACLTable {
    private struct Slot {
        var set: ACLSet
        var references: Int
        var hash: UInt64
    }

    static let openSlot: UInt32 = 0
    /// A fuzzy snapshot's list of ACLs is written before its znodes, so a znode may name a list that was added
    /// meanwhile. Replaying the log gives that znode its list; until then nobody may touch it.
    static let unresolvedSlot: UInt32 = 1

    private var slots: [Slot]
    private var freeSlots: [UInt32] = []
    private let index = HashIndex()
    private let seed: UInt64
    private var lastId: Int64 = 0
    /// The slot used last: most creations repeat the list of the one before.
    private var recent: UInt32 = 0
    /// Snapshot numbers of the slots, while a snapshot loads.
    private var slotsById: [Int64: UInt32] = [:]

    init(seed: UInt64) {
        self.seed = seed
        let nobody = ACLSet(entries: [ACL(permissions: 0, identity: .anyone)], id: ACLSet.unassignedId)
        slots = [
            Slot(set: .open, references: 0, hash: 0), Slot(set: nobody, references: 0, hash: 0),
        ]
    }

    func destroy() { index.destroy() }

    /// Lists in use, the open one not counted.
    var count: Int { slots.count - 2 - freeSlots.count }

    /// Znodes whose list the snapshot did not define and no replayed transaction has set.
    var unresolvedCount: Int { slots[Int(Self.unresolvedSlot)].references }

    func set(_ slot: UInt32) -> ACLSet { slots[Int(slot)].set }

    func id(_ slot: UInt32) -> Int64 { slots[Int(slot)].set.id }

    private func find(_ wire: UnsafeRawBufferPointer, _ hash: UInt64) -> UInt32? {
        index.find(hash) { slots[Int($0)].set.wire.equals(wire) }
    }

    /// The slot of a list, if a znode has it. Changes nothing: the owner asks while others read.
    func find(_ wire: UnsafeRawBufferPointer) -> UInt32? {
        if recent != 0, slots[Int(recent)].set.wire.equals(wire) { return recent }
        return find(wire, PathHash.hash(wire, seed: seed))
    }

    /// The slot of a list, added when new, with one more use counted. Null is the open list.
    mutating func retain(_ wire: UnsafeRawBufferPointer?) throws(JuteError) -> UInt32 {
        guard let wire else { return Self.openSlot }
        if let slot = find(wire) {
            slots[Int(slot)].references += 1
            recent = slot
            return slot
        }
        let slot = add(try ACLSet(wire: wire, id: lastId + 1))
        lastId += 1
        slots[Int(slot)].references = 1
        recent = slot
        return slot
    }

    private mutating func add(_ set: ACLSet) -> UInt32 {
        let hash = PathHash.hash(set.wire, seed: seed)
        let entry = Slot(set: set, references: 0, hash: hash)
        let slot: UInt32
        if let recycled = freeSlots.popLast() {
            slot = recycled
            slots[Int(slot)] = entry
        } else {
            slot = UInt32(slots.count)
            slots.append(entry)
        }
        index.insert(hash, slot)
        return slot
    }

    mutating func release(_ slot: UInt32) {
        if slot == Self.openSlot { return }
        slots[Int(slot)].references -= 1
        precondition(slots[Int(slot)].references >= 0, "an ACL released more often than used")
        if slots[Int(slot)].references == 0, slot != Self.unresolvedSlot { drop(slot) }
    }

    private mutating func drop(_ slot: UInt32) {
        index.remove(slots[Int(slot)].hash, slot)
        slots[Int(slot)] = Slot(set: .open, references: 0, hash: 0)
        freeSlots.append(slot)
        if recent == slot { recent = 0 }
    }

    /// The table as snapshots have it: a count, then number and list of each.
    func encode(to buffer: inout WireBuffer) {
        let freed = Set(freeSlots)
        let used = (2..<UInt32(max(2, slots.count))).filter { !freed.contains($0) }
            .sorted { slots[Int($0)].set.id < slots[Int($1)].set.id }
        buffer.append(int32: Int32(used.count))
        for slot in used {
            buffer.append(int64: slots[Int(slot)].set.id)
            buffer.append(raw: slots[Int(slot)].set.wire)
        }
    }

    /// Replaces the table by a snapshot's. Uses are counted by `retainLoaded` afterwards.
    mutating func load(from reader: inout JuteReader) throws(JuteError) {
        index.removeAll()
        slots.removeLast(slots.count - 2)
        slots[Int(Self.unresolvedSlot)].references = 0
        freeSlots.removeAll()
        slotsById.removeAll()
        recent = 0
        // Unlike other vectors this count has no null; -1 reads as an empty table.
        let count = try reader.readVectorCount(minimumElementSize: 12) ?? 0
        for _ in 0..<count {
            let id = try reader.readInt64()
            guard let wire = try ACLSet.readWire(from: &reader) else { throw .unexpectedNull }
            lastId = max(lastId, id)
            slotsById[id] = add(try ACLSet(wire: wire, id: id))
        }
    }

    /// Counts one use of a list by its number in the snapshot being loaded.
    mutating func retainLoaded(id: Int64) -> UInt32 {
        if id == ACLSet.openId { return Self.openSlot }
        let slot = slotsById[id] ?? Self.unresolvedSlot
        slots[Int(slot)].references += 1
        return slot
    }

    /// Ends a load: drops the lists that no znode uses.
    mutating func finishLoad() {
        slotsById.removeAll()
        let freed = Set(freeSlots)
        for slot in 2..<UInt32(max(2, slots.count)) where slots[Int(slot)].references == 0 && !freed.contains(slot) {
            drop(slot)
        }
    }
}
