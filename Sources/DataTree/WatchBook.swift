import Jute
import ZooKeeperProtocol

/// The content of a `WatchTable`. Not thread-safe: the table keeps it behind its lock.
///
/// Records are in arrays and linked by index (0 is none): every watch is in the list of its path and in the list of
/// its watcher. Two hash indices find a path's entry and the watch of a pair, so setting, removing and firing cost
/// the same with one watch or a million.
final class WatchBook {
    struct Entry {
        var path: UnsafeMutableRawPointer?
        var pathLength = 0
        var hash: UInt64 = 0
        var firstWatch: UInt32 = 0
        var dataCount: UInt32 = 0
        var childCount: UInt32 = 0
        var recursiveCount: UInt32 = 0

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: path, count: pathLength) }
    }

    struct Watch {
        var watcher: WatcherID = 0
        var entry: UInt32 = 0
        var nextOfEntry: UInt32 = 0
        var previousOfEntry: UInt32 = 0
        var nextOfWatcher: UInt32 = 0
        var previousOfWatcher: UInt32 = 0
        var data: WatchModes = []
        var child: WatchModes = []
    }

    struct Watcher {
        var firstWatch: UInt32 = 0
        var dataCount: UInt32 = 0
        var childCount: UInt32 = 0
        /// Whether the manager lists this watcher (see `WatchTable.pathsByWatcher`).
        var inData = false
        var inChild = false
        /// The firing round that told this watcher last.
        var round: UInt64 = 0
    }

    var entries: [Entry] = [Entry()]
    var watches: [Watch] = [Watch()]
    var watchers: [Watcher] = []
    private var freeEntries: [UInt32] = []
    private var freeWatches: [UInt32] = []
    private let pathIndex = HashIndex()
    private let pairIndex = HashIndex()
    private let seed: UInt64
    private var data = WatchSummary()
    private var child = WatchSummary()
    /// Watches with the recursive mode; without any, nothing walks up a path.
    private var recursiveCount = 0
    private var round: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    deinit {
        for entry in entries { entry.path?.deallocate() }
        pathIndex.destroy()
        pairIndex.destroy()
    }

    /// Pairs of path and watcher, of either manager.
    var watchCount: Int { pairIndex.count }

    func counts(_ manager: WatchManager) -> WatchSummary { manager == .data ? data : child }

    // MARK: Lookup

    private func findEntry(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> UInt32? {
        pathIndex.find(hash) { entries[Int($0)].bytes.equals(path) }
    }

    private func findEntry(_ path: UnsafeRawBufferPointer) -> UInt32? {
        findEntry(path, PathHash.hash(path, seed: seed))
    }

    private func pairHash(_ entry: UInt32, _ watcher: WatcherID) -> UInt64 {
        PathHash.hash(entry, watcher, seed: seed)
    }

    private func findWatch(_ entry: UInt32, _ watcher: WatcherID) -> UInt32? {
        pairIndex.find(pairHash(entry, watcher)) {
            watches[Int($0)].entry == entry && watches[Int($0)].watcher == watcher
        }
    }

    func modes(_ path: UnsafeRawBufferPointer, _ watcher: WatcherID, _ manager: WatchManager) -> WatchModes {
        guard let entry = findEntry(path), let watch = findWatch(entry, watcher) else { return [] }
        return manager == .data ? watches[Int(watch)].data : watches[Int(watch)].child
    }

    // MARK: Adding

    func add(
        _ path: UnsafeRawBufferPointer, _ watcher: WatcherID, _ manager: WatchManager, _ mode: WatchModes
    ) {
        let hash = PathHash.hash(path, seed: seed)
        let entry = findEntry(path, hash) ?? addEntry(path, hash)
        let watch = findWatch(entry, watcher) ?? addWatch(entry, watcher)
        let old = manager == .data ? watches[Int(watch)].data : watches[Int(watch)].child
        setModes(watch, manager, old.union(mode))
    }

    private func addEntry(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> UInt32 {
        var entry = Entry()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, path.count), alignment: 1)
        if let source = path.baseAddress { memory.copyMemory(from: source, byteCount: path.count) }
        entry.path = memory
        entry.pathLength = path.count
        entry.hash = hash
        let index = Self.store(entry, in: &entries, free: &freeEntries)
        pathIndex.insert(hash, index)
        return index
    }

    private func addWatch(_ entry: UInt32, _ watcher: WatcherID) -> UInt32 {
        while watchers.count <= Int(watcher) { watchers.append(Watcher()) }
        var watch = Watch()
        watch.watcher = watcher
        watch.entry = entry
        watch.nextOfEntry = entries[Int(entry)].firstWatch
        watch.nextOfWatcher = watchers[Int(watcher)].firstWatch
        let index = Self.store(watch, in: &watches, free: &freeWatches)
        if watch.nextOfEntry != 0 { watches[Int(watch.nextOfEntry)].previousOfEntry = index }
        if watch.nextOfWatcher != 0 { watches[Int(watch.nextOfWatcher)].previousOfWatcher = index }
        entries[Int(entry)].firstWatch = index
        watchers[Int(watcher)].firstWatch = index
        pairIndex.insert(pairHash(entry, watcher), index)
        return index
    }

    private static func store<Element>(_ element: Element, in array: inout [Element], free: inout [UInt32]) -> UInt32 {
        if let index = free.popLast() {
            array[Int(index)] = element
            return index
        }
        array.append(element)
        return UInt32(array.count - 1)
    }

    // MARK: Changing

    /// Gives a watch its modes in one manager and keeps every count. The watch stays even without modes.
    private func setModes(_ watch: UInt32, _ manager: WatchManager, _ new: WatchModes) {
        let entry = Int(watches[Int(watch)].entry)
        let watcher = Int(watches[Int(watch)].watcher)
        let old: WatchModes
        switch manager {
        case .data:
            old = watches[Int(watch)].data
            watches[Int(watch)].data = new
        case .child:
            old = watches[Int(watch)].child
            watches[Int(watch)].child = new
        }
        if old.contains(.recursive) != new.contains(.recursive) {
            recursiveCount += new.contains(.recursive) ? 1 : -1
            if new.contains(.recursive) {
                entries[entry].recursiveCount += 1
            } else {
                entries[entry].recursiveCount -= 1
            }
        }
        guard old.isEmpty != new.isEmpty else { return }
        var record = watchers[watcher]
        switch manager {
        case .data:
            Self.count(!new.isEmpty, &data, &entries[entry].dataCount, &record.dataCount, &record.inData)
        case .child:
            Self.count(!new.isEmpty, &child, &entries[entry].childCount, &record.childCount, &record.inChild)
        }
        watchers[watcher] = record
    }

    private static func count(
        _ added: Bool, _ summary: inout WatchSummary, _ ofEntry: inout UInt32, _ ofWatcher: inout UInt32,
        _ listed: inout Bool
    ) {
        if added {
            ofEntry += 1
            ofWatcher += 1
            summary.watches += 1
            if ofEntry == 1 { summary.paths += 1 }
            if !listed { summary.watchers += 1 }
            listed = true
        } else {
            ofEntry -= 1
            ofWatcher -= 1
            summary.watches -= 1
            if ofEntry == 0 { summary.paths -= 1 }
        }
    }

    /// Takes a watcher without watches off a manager's list. Firing does not do this, removing does.
    private func unlist(_ watcher: Int, _ manager: WatchManager) {
        switch manager {
        case .data where watchers[watcher].inData && watchers[watcher].dataCount == 0:
            watchers[watcher].inData = false
            data.watchers -= 1
        case .child where watchers[watcher].inChild && watchers[watcher].childCount == 0:
            watchers[watcher].inChild = false
            child.watchers -= 1
        default: break
        }
    }

    func remove(
        _ path: UnsafeRawBufferPointer, _ watcher: WatcherID, _ manager: WatchManager, _ modes: WatchModes
    ) -> Bool {
        guard let entry = findEntry(path), let watch = findWatch(entry, watcher) else { return false }
        let old = manager == .data ? watches[Int(watch)].data : watches[Int(watch)].child
        let new = old.subtracting(modes)
        if old == new { return false }
        setModes(watch, manager, new)
        unlist(Int(watcher), manager)
        dropIfEmpty(watch)
        return true
    }

    func removeWatcher(_ watcher: WatcherID) {
        guard Int(watcher) < watchers.count else { return }
        while watchers[Int(watcher)].firstWatch != 0 {
            let watch = watchers[Int(watcher)].firstWatch
            setModes(watch, .data, [])
            setModes(watch, .child, [])
            dropIfEmpty(watch)
        }
        unlist(Int(watcher), .data)
        unlist(Int(watcher), .child)
        watchers[Int(watcher)] = Watcher()
    }

    /// Frees a watch without modes, and its path's entry after the last watch.
    private func dropIfEmpty(_ index: UInt32) {
        let watch = watches[Int(index)]
        guard watch.data.isEmpty, watch.child.isEmpty else { return }
        pairIndex.remove(pairHash(watch.entry, watch.watcher), index)
        if watch.nextOfEntry != 0 { watches[Int(watch.nextOfEntry)].previousOfEntry = watch.previousOfEntry }
        if watch.previousOfEntry != 0 {
            watches[Int(watch.previousOfEntry)].nextOfEntry = watch.nextOfEntry
        } else {
            entries[Int(watch.entry)].firstWatch = watch.nextOfEntry
        }
        if watch.nextOfWatcher != 0 { watches[Int(watch.nextOfWatcher)].previousOfWatcher = watch.previousOfWatcher }
        if watch.previousOfWatcher != 0 {
            watches[Int(watch.previousOfWatcher)].nextOfWatcher = watch.nextOfWatcher
        } else {
            watchers[Int(watch.watcher)].firstWatch = watch.nextOfWatcher
        }
        freeWatches.append(index)
        let entry = entries[Int(watch.entry)]
        guard entry.firstWatch == 0 else { return }
        pathIndex.remove(entry.hash, watch.entry)
        entry.path?.deallocate()
        entries[Int(watch.entry)] = Entry()
        freeEntries.append(watch.entry)
    }

    // MARK: Firing

    /// Starts a round: within one, a watcher is told once.
    func beginFiring() { round += 1 }

    /// Tells the watchers of a path in one manager, and the recursive watchers above it.
    func fire(
        _ manager: WatchManager, _ type: EventType, _ path: UnsafeRawBufferPointer, _ zxid: Int64, _ acl: ACLSet?,
        _ fired: inout FiredEvents
    ) {
        var event = FiredEvent(
            watcher: 0, type: type, pathOffset: -1, pathLength: path.count, acl: acl, zxid: zxid)
        if let entry = findEntry(path) { fireEntry(entry, manager, &event, path, &fired) }
        // Only the data manager has recursive watches.
        guard manager == .data, recursiveCount > 0, path.count > 1 else { return }
        var above = path
        while above.count > 1, let slash = above.lastSlash {
            above = path.prefix(length: max(1, slash))
            if let entry = findEntry(above), entries[Int(entry)].recursiveCount > 0 {
                fireRecursive(entry, &event, path, &fired)
            }
        }
    }

    /// The watchers of the very path: standard modes end here.
    private func fireEntry(
        _ entry: UInt32, _ manager: WatchManager, _ event: inout FiredEvent, _ path: UnsafeRawBufferPointer,
        _ fired: inout FiredEvents
    ) {
        var current = entries[Int(entry)].firstWatch
        while current != 0 {
            let watch = watches[Int(current)]
            let modes = manager == .data ? watch.data : watch.child
            if !modes.isEmpty {
                tell(watch.watcher, &event, path, &fired)
                if modes.contains(.standard) {
                    setModes(current, manager, modes.subtracting(.standard))
                    dropIfEmpty(current)
                }
            }
            current = watch.nextOfEntry
        }
    }

    private func fireRecursive(
        _ entry: UInt32, _ event: inout FiredEvent, _ path: UnsafeRawBufferPointer, _ fired: inout FiredEvents
    ) {
        var current = entries[Int(entry)].firstWatch
        while current != 0 {
            let watch = watches[Int(current)]
            if watch.data.contains(.recursive) { tell(watch.watcher, &event, path, &fired) }
            current = watch.nextOfEntry
        }
    }

    private func tell(
        _ watcher: WatcherID, _ event: inout FiredEvent, _ path: UnsafeRawBufferPointer, _ fired: inout FiredEvents
    ) {
        if watchers[Int(watcher)].round == round { return }
        watchers[Int(watcher)].round = round
        if event.pathOffset < 0 { event.pathOffset = fired.addPath(path) }
        event.watcher = watcher
        fired.add(event)
    }

    // MARK: Reports

    func watchersByPath(_ manager: WatchManager) -> [(path: [UInt8], watchers: [WatcherID])] {
        var report: [(path: [UInt8], watchers: [WatcherID])] = []
        for entry in entries {
            guard (manager == .data ? entry.dataCount : entry.childCount) > 0 else { continue }
            var ids: [WatcherID] = []
            var current = entry.firstWatch
            while current != 0 {
                let watch = watches[Int(current)]
                if !(manager == .data ? watch.data : watch.child).isEmpty { ids.append(watch.watcher) }
                current = watch.nextOfEntry
            }
            report.append(([UInt8](entry.bytes), ids))
        }
        return report
    }

    func pathsByWatcher(_ manager: WatchManager) -> [(watcher: WatcherID, paths: [[UInt8]])] {
        var report: [(watcher: WatcherID, paths: [[UInt8]])] = []
        for (id, watcher) in watchers.enumerated() {
            guard manager == .data ? watcher.inData : watcher.inChild else { continue }
            var paths: [[UInt8]] = []
            var current = watcher.firstWatch
            while current != 0 {
                let watch = watches[Int(current)]
                if !(manager == .data ? watch.data : watch.child).isEmpty {
                    paths.append([UInt8](entries[Int(watch.entry)].bytes))
                }
                current = watch.nextOfWatcher
            }
            report.append((WatcherID(id), paths))
        }
        return report
    }
}
