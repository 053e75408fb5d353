import Load
import Yams

/// The fields of one mapping in an experiment file, taken one by one: what is of the wrong kind, out of range or taken
/// by nobody is refused with its file and line.
public struct FileFields {
    let file: String
    /// What `paperPoints` may name; nil: they are not there to be looked at.
    private let knownPoints: Set<String>?
    private var nodes: [String: Node]
    private let lines: [String: Int]

    /// - Parameters:
    ///   - text: YAML, a mapping at its top.
    ///   - scale: the name of a mapping whose fields win over those beside it, such as `quick`.
    ///   - scales: all such names; the others are left out.
    ///   - knownPoints: what `paperPoints` may name; nil takes all.
    init(
        text: String, file: String, scale: String, scales: [String], knownPoints: Set<String>? = nil
    ) throws(LoadError) {
        self.file = file
        self.knownPoints = knownPoints
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw .usage("\(file): no YAML: \(error)")
        }
        guard case .mapping(let top)? = node else { throw .usage("\(file): an experiment is a mapping of fields") }
        var nodes = try Self.fields(top, file)
        let own = nodes[scale]
        for name in scales { nodes[name] = nil }
        if let own {
            guard case .mapping(let fields) = own else {
                throw .usage("\(file):\(own.mark?.line ?? 0): '\(scale)' is a mapping of fields")
            }
            nodes.merge(try Self.fields(fields, file)) { _, chosen in chosen }
        }
        self.nodes = nodes
        lines = nodes.mapValues { $0.mark?.line ?? 0 }
    }

    private init(_ mapping: Node.Mapping, file: String) throws(LoadError) {
        self.file = file
        knownPoints = nil
        nodes = try Self.fields(mapping, file)
        lines = nodes.mapValues { $0.mark?.line ?? 0 }
    }

    private static func fields(_ mapping: Node.Mapping, _ file: String) throws(LoadError) -> [String: Node] {
        var fields: [String: Node] = [:]
        for (key, value) in mapping {
            guard let name = key.string else {
                throw .usage("\(file):\(key.mark?.line ?? 0): a field's name is a word")
            }
            guard fields.updateValue(value, forKey: name) == nil else {
                throw .usage("\(file):\(key.mark?.line ?? 0): '\(name)' is given twice")
            }
        }
        return fields
    }

    /// An error about a field that has been taken.
    func refusal(_ name: String, _ text: String) -> LoadError {
        .usage("\(file):\(lines[name] ?? 0): '\(name)' \(text)")
    }

    /// An error about a field that is not there.
    func missing(_ name: String) -> LoadError {
        let line = lines.values.min().map { ":\($0)" } ?? ""
        return .usage("\(file)\(line): '\(name)' is missing")
    }

    private mutating func take(_ name: String) -> Node? { nodes.removeValue(forKey: name) }

    mutating func text(_ name: String) throws(LoadError) -> String? {
        guard let node = take(name) else { return nil }
        guard let text = node.string else { throw refusal(name, "is a text") }
        return text
    }

    mutating func required(_ name: String) throws(LoadError) -> String {
        guard let text = try text(name) else { throw .usage("\(file): '\(name)' is missing") }
        return text
    }

    mutating func flag(_ name: String) throws(LoadError) -> Bool? {
        guard let node = take(name) else { return nil }
        guard let flag = node.bool else { throw refusal(name, "is true or false") }
        return flag
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(LoadError) -> Int? {
        guard let node = take(name) else { return nil }
        guard let number = node.int, range.contains(number) else {
            throw refusal(name, "is a whole number of \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>) throws(LoadError) -> Double? {
        guard let node = take(name) else { return nil }
        guard let number = Self.double(node), range.contains(number) else {
            throw refusal(name, "is a number of \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A list; a single value is a list of one.
    mutating func integers(_ name: String, in range: ClosedRange<Int>) throws(LoadError) -> [Int]? {
        guard let items = try items(name) else { return nil }
        var list: [Int] = []
        for item in items {
            guard let number = item.int, range.contains(number) else {
                throw refusal(name, "lists whole numbers of \(range.lowerBound) to \(range.upperBound)")
            }
            if list.contains(number) { throw refusal(name, "names \(number) twice") }
            list.append(number)
        }
        return list
    }

    mutating func words(_ name: String) throws(LoadError) -> [String]? {
        guard let items = try items(name) else { return nil }
        let words = items.compactMap(\.string)
        guard words.count == items.count else { throw refusal(name, "lists words") }
        if name == "paperPoints", let knownPoints, let unknown = words.first(where: { !knownPoints.contains($0) }) {
            throw refusal(
                name, "names '\(unknown)', which the paper's points do not have; they have "
                    + knownPoints.filter { !$0.contains(":") }.sorted().joined(separator: ", "))
        }
        return words
    }

    /// The CPU time each server may use, in `cpuPercent` and `cpuPeriodMillis`.
    mutating func budget() throws(LoadError) -> CpuBudget? {
        let period = try number("cpuPeriodMillis", in: 1...1000)
        guard let percent = try number("cpuPercent", in: 0.2...6400) else {
            if period != nil { throw refusal("cpuPeriodMillis", "needs cpuPercent") }
            return nil
        }
        return try CpuBudget(percent: percent, periodMicros: period.map { Int($0 * 1000) })
    }

    /// The link of each server: `{rateMegabits: 1000, burstKilobytes: 128}`, either of which may be left out.
    mutating func network() throws(LoadError) -> NetworkPlan? {
        guard let node = take("network") else { return nil }
        guard case .mapping(let mapping) = node else { throw refusal("network", "is a mapping") }
        var own = try FileFields(mapping, file: file)
        let rate = try own.number("rateMegabits", in: NetworkPlan.rateRange) ?? 1000
        let burst = try own.integer("burstKilobytes", in: NetworkPlan.burstRange) ?? NetworkPlan.usualBurstKilobytes
        try own.finish()
        return try NetworkPlan(rateMegabits: rate, burstKilobytes: burst)
    }

    /// Shares of reads in percent: numbers, or ratios such as 10:1.
    mutating func readPercents(_ name: String) throws(LoadError) -> [Double]? {
        guard let items = try items(name) else { return nil }
        var list: [Double] = []
        for item in items {
            guard let text = item.string, let percent = ReadShare.percent(text) else {
                throw refusal(name, "lists percentages of 0 to 100 and ratios such as 10:1")
            }
            list.append(percent)
        }
        return list
    }

    mutating func list<T: RawRepresentable & CaseIterable>(_ name: String) throws(LoadError) -> [T]?
    where T.RawValue == String {
        guard let items = try items(name) else { return nil }
        var list: [T] = []
        for item in items {
            guard let value = item.string.flatMap(T.init(rawValue:)) else {
                throw refusal(name, "lists some of: \(T.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            if list.contains(where: { $0.rawValue == value.rawValue }) {
                throw refusal(name, "names \(value.rawValue) twice")
            }
            list.append(value)
        }
        return list
    }

    /// Settings of servers by name, each checked.
    mutating func texts(_ name: String) throws(LoadError) -> [String: String]? {
        guard let node = take(name) else { return nil }
        guard case .mapping(let mapping) = node else { throw refusal(name, "is a mapping") }
        var texts: [String: String] = [:]
        for (key, value) in mapping {
            guard let word = key.string, let value = value.scalar?.string else {
                throw refusal(name, "maps words to words")
            }
            if let problem = ServerSetting.problem(key: word, value: value) {
                throw .usage("\(file):\(key.mark?.line ?? lines[name] ?? 0): '\(name)' \(problem)")
            }
            guard texts.updateValue(value, forKey: word) == nil else { throw refusal(name, "names '\(word)' twice") }
        }
        return texts
    }

    /// A list of mappings, which may be empty; each is to be finished.
    mutating func mappings(_ name: String) throws(LoadError) -> [FileFields]? {
        guard let node = take(name) else { return nil }
        guard case .sequence(let sequence) = node else { throw refusal(name, "is a list of mappings") }
        var list: [FileFields] = []
        for item in sequence {
            guard case .mapping(let mapping) = item else { throw refusal(name, "is a list of mappings") }
            list.append(try FileFields(mapping, file: file))
        }
        return list
    }

    private mutating func items(_ name: String) throws(LoadError) -> [Node]? {
        guard let node = take(name) else { return nil }
        if case .sequence(let sequence) = node {
            guard !sequence.isEmpty else { throw refusal(name, "is an empty list") }
            return Array(sequence)
        }
        return [node]
    }

    private static func double(_ node: Node) -> Double? { node.float ?? node.int.map(Double.init) }

    /// Refuses what nobody has taken.
    func finish() throws(LoadError) {
        guard let name = nodes.keys.min(by: { (lines[$0]!, $0) < (lines[$1]!, $1) }) else { return }
        throw refusal(name, "is no field of this kind of experiment")
    }
}

/// How shares of reads are written: `66.7`, or `2:1` for two reads to a write.
enum ReadShare {
    static func percent(_ text: String) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        switch parts.count {
        case 1:
            guard let percent = parts[0], (0...100).contains(percent) else { return nil }
            return percent
        case 2:
            guard let reads = parts[0], let writes = parts[1], reads >= 0, writes >= 0, reads + writes > 0,
                (reads + writes).isFinite
            else { return nil }
            return 100 * reads / (reads + writes)
        default: return nil
        }
    }
}
