/// The reactor's connections by dense id. Owned by the reactor's thread.
struct ConnectionTable {
    private var slots: [Connection?] = []
    private var generations: [UInt32] = []
    private var spareIds: [UInt32] = []

    /// An id and its next generation, for a connection that is then inserted.
    mutating func reserve() -> (id: UInt32, generation: UInt32) {
        if let id = spareIds.popLast() {
            generations[Int(id)] &+= 1
            return (id, generations[Int(id)])
        }
        slots.append(nil)
        generations.append(0)
        return (UInt32(slots.count - 1), 0)
    }

    mutating func insert(_ connection: Connection) { slots[Int(connection.id)] = connection }

    mutating func remove(_ connection: Connection) {
        slots[Int(connection.id)] = nil
        spareIds.append(connection.id)
    }

    /// The connection of a key, unless it has gone since the key was noted.
    subscript(key: UInt64) -> Connection? {
        let id = Int(UInt32(truncatingIfNeeded: key))
        guard id < slots.count, let found = slots[id], found.generation == UInt32(key >> 32) else { return nil }
        return found
    }

    func forEach(_ body: (Connection) -> Void) {
        for case let connection? in slots { body(connection) }
    }
}
