/// "Did you mean": the known name nearest to a mistyped one.
enum KeySuggestion {
    /// The nearest name within a third of the typed length (at least two edits), or nil.
    static func nearest(to typed: String, among names: some Sequence<String>) -> String? {
        let wanted = Array(typed.lowercased().utf8)
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = editDistance(wanted, Array(name.lowercased().utf8))
            if distance < (best?.distance ?? Int.max) { best = (name, distance) }
        }
        guard let best, best.distance <= max(2, wanted.count / 3), best.distance < wanted.count else { return nil }
        return best.name
    }

    /// Edits (insert, delete, replace, swap of neighbours) from one text to another.
    static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(
                    previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
                if row > 0 && column > 0 && byte == right[column - 1] && left[row - 1] == other {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
