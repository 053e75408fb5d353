import JSONText
import Jute
import TxnLog
import ZooKeeperProtocol

/// `corral log summary`: what a log is made of, in bounded memory.
public struct LogSummary {
    public var filter: ToolFilter
    /// How many of the largest and busiest are named.
    public var top: Int
    /// Subtrees are told apart by so many names of their path.
    public var depth: Int

    public init(filter: ToolFilter = ToolFilter(), top: Int = 10, depth: Int = 1) {
        self.filter = filter
        self.top = top
        self.depth = depth
    }

    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ paths: [String], _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        var code = ToolExit.fine
        for path in paths {
            var totals = LogTotals(top: top, depth: depth)
            let found = try LogStream(disk: disk, path: path)
                .forEach(filter, output, began: { totals.addFile($0) }) { txn, record, _ in totals.add(txn, record) }
            code = max(code, found)
            if output.isText { totals.print(path, output) } else { output.line(totals.json(path).text) }
        }
        return code
    }
}

/// The sums over one log.
struct LogTotals {
    private let depth: Int
    private let top: Int
    private var files = 0
    private var fileBytes = 0
    private var transactions = 0
    private var bytes = 0
    private var first: TxnHeader?
    private var last: TxnHeader?
    private var times: (earliest: Int64, latest: Int64)?
    private var types: [Int32: (count: Int, bytes: Int)] = [:]
    private var errors: [Int32: Int] = [:]
    private var epochs = 0
    private var subtrees = HeavyKeys()
    private var sessions = HeavyKeys()
    private var largest: Largest<(zxid: Int64, what: String)>

    init(top: Int, depth: Int) {
        self.top = top
        self.depth = depth
        largest = Largest(top)
    }

    mutating func addFile(_ size: Int) {
        files += 1
        fileBytes += size
    }

    mutating func add(_ txn: LogStream.Txn, _ record: TxnRecord) {
        let header = txn.header
        transactions += 1
        bytes += txn.size
        if first == nil { first = header }
        if last.map({ $0.zxid >> 32 != header.zxid >> 32 }) ?? true { epochs += 1 }
        last = header
        times = (min(times?.earliest ?? header.time, header.time), max(times?.latest ?? header.time, header.time))
        types[header.type, default: (0, 0)].count += 1
        types[header.type, default: (0, 0)].bytes += txn.size
        if case .error(let code) = record { errors[code, default: 0] += 1 }
        let paths = record.paths
        for path in paths { subtrees.add(PathText.prefix(path, depth: depth), bytes: txn.size / paths.count) }
        sessions.add(Notation.hexadecimal(header.clientId), bytes: txn.size)
        largest.add(
            txn.size,
            (header.zxid, Notation.operation(header.type) + (paths.first.map { " " + Notation.path($0) } ?? "")))
    }

    private var orderedTypes: [(type: Int32, count: Int, bytes: Int)] {
        types.map { ($0.key, $0.value.count, $0.value.bytes) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    }

    private var seconds: Double { times.map { Double($0.latest - $0.earliest) / 1000 } ?? 0 }

    func print(_ path: String, _ output: ToolOutput) {
        output.line("\(path)")
        output.line("  files          \(files), \(fileBytes) bytes")
        output.line("  transactions   \(transactions), \(bytes) bytes")
        guard let first, let last, let times else { return }
        output.line(
            "  zxids          \(Notation.hexadecimal(first.zxid)) to \(Notation.hexadecimal(last.zxid)), "
                + Notation.count(epochs, "epoch"))
        output.line("  time           \(Notation.time(times.earliest)) to \(Notation.time(times.latest))")
        if seconds > 0 { output.line("  per second     \(Int((Double(transactions) / seconds).rounded()))") }
        output.line("  type             count          bytes")
        for (type, count, bytes) in orderedTypes {
            output.line(
                "    \(Self.left(Notation.operation(type), 14)) \(Self.right(count, 8)) \(Self.right(bytes, 14))")
        }
        for (code, count) in errors.sorted(by: { $0.value > $1.value }) {
            output.line("    refused: \(Self.left(Notation.error(code), 24)) \(count)")
        }
        table("subtrees, by transactions", subtrees.heaviest(top), output)
        table("sessions, by transactions", sessions.heaviest(top), output)
        output.line("  largest transactions")
        for (size, txn) in largest.elements {
            output.line("    \(Self.right(size, 10)) bytes  \(Notation.hexadecimal(txn.zxid)) \(txn.what)")
        }
    }

    private func table(_ title: String, _ entries: [HeavyKeys.Entry], _ output: ToolOutput) {
        output.line("  \(title)")
        for entry in entries {
            let count = (entry.excess > 0 ? "<=" : "") + String(entry.count)
            output.line("    \(Self.right(count, 10)) \(Self.right(entry.bytes, 14)) bytes  \(entry.key)")
        }
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ value: some CustomStringConvertible, _ width: Int) -> String {
        let text = value.description
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }

    func json(_ path: String) -> JSONValue {
        func list(_ entries: [HeavyKeys.Entry], _ name: String) -> JSONValue {
            .array(
                entries.map {
                    .object([
                        .init(name, .string($0.key)), .init("transactions", .number($0.count)),
                        .init("bytes", .number($0.bytes)), .init("excess", .number($0.excess)),
                    ])
                })
        }
        let types = orderedTypes.map { type, count, bytes in
            JSONValue.Member(
                Notation.operation(type), .object([.init("count", .number(count)), .init("bytes", .number(bytes))]))
        }
        let errors = errors.sorted { $0.key > $1.key }.map { code, count in
            JSONValue.Member(Notation.error(code), .number(count))
        }
        let largest = largest.elements.map { bytes, txn in
            JSONValue.object([
                .init("zxid", .hexadecimal(txn.zxid)), .init("bytes", .number(bytes)), .init("what", .string(txn.what)),
            ])
        }
        let members: [JSONValue.Member] = [
            .init("path", .string(path)), .init("files", .number(files)), .init("fileBytes", .number(fileBytes)),
            .init("transactions", .number(transactions)), .init("bytes", .number(bytes)),
            .init("firstZxid", first.map { JSONValue.hexadecimal($0.zxid) } ?? .null),
            .init("lastZxid", last.map { JSONValue.hexadecimal($0.zxid) } ?? .null), .init("epochs", .number(epochs)),
            .init("earliest", times.map { JSONValue.number($0.earliest) } ?? .null),
            .init("latest", times.map { JSONValue.number($0.latest) } ?? .null),
            .init("types", .object(types)), .init("errors", .object(errors)),
            .init("subtrees", list(subtrees.heaviest(top), "path")),
            .init("sessions", list(sessions.heaviest(top), "session")), .init("largest", .array(largest)),
        ]
        return .object(members)
    }
}
