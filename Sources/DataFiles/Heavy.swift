import ZooKeeperProtocol

/// The most frequent keys of a stream, in bounded memory (Metwally's Space-Saving): a key that makes up more than
/// one in `capacity` of the weight is among those kept, and its weight is too high by at most what was there before it.
struct HeavyKeys {
    struct Entry {
        var key: String
        var count: Int
        var bytes: Int
        /// By how much `count` may be too high.
        var excess: Int
    }

    private let capacity: Int
    private var entries: [PathKey: (count: Int, bytes: Int, excess: Int)] = [:]

    init(capacity: Int = 20_000) { self.capacity = capacity }

    mutating func add(_ key: String, bytes: Int) {
        let key = PathKey(key)
        if entries[key] != nil {
            entries[key]!.count += 1
            entries[key]!.bytes += bytes
            return
        }
        var excess = 0
        if entries.count >= capacity { excess = dropLightest() }
        entries[key] = (excess + 1, bytes, excess)
    }

    /// Drops the lighter half at once, so that a new key costs little on average.
    private mutating func dropLightest() -> Int {
        let counts = entries.values.map(\.count).sorted()
        let limit = counts[counts.count / 2]
        entries = entries.filter { $0.value.count > limit }
        return limit
    }

    func heaviest(_ number: Int) -> [Entry] {
        entries.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.prefix(number).map {
            Entry(key: $0.key.text, count: $0.value.count, bytes: $0.value.bytes, excess: $0.value.excess)
        }
    }
}

/// The largest of a stream.
struct Largest<Element> {
    private let limit: Int
    private(set) var elements: [(weight: Int, element: Element)] = []

    init(_ limit: Int) { self.limit = limit }

    /// - Parameter element: made only when it is kept.
    mutating func add(_ weight: Int, _ element: @autoclosure () -> Element) {
        if elements.count >= limit, let last = elements.last, weight <= last.weight { return }
        guard limit > 0 else { return }
        let place = elements.firstIndex { $0.weight < weight } ?? elements.count
        elements.insert((weight, element()), at: place)
        if elements.count > limit { elements.removeLast() }
    }
}
