import JSONText
import Jute
import TxnLog
import ZooKeeperProtocol

/// `corral log compare`: whether two logs hold the same history, as those of an ensemble's members do. In bounded
/// memory.
public struct LogComparison {
    public var filter: ToolFilter
    /// Whether what only one of the two has before the other begins or after it ends counts as no difference.
    public var onlyCommonRange: Bool
    /// How many differences are printed; all are counted.
    public var limit: Int

    public init(filter: ToolFilter = ToolFilter(), onlyCommonRange: Bool = false, limit: Int = 10) {
        self.filter = filter
        self.onlyCommonRange = onlyCommonRange
        self.limit = limit
    }

    /// One side of a comparison: a log, and the transaction it stands at.
    private final class Side {
        let name: String
        let stream: LogStream
        private(set) var txn: LogStream.Txn?
        private(set) var damage: [String] = []
        private let filter: ToolFilter

        init(_ disk: any Disk, _ path: String, _ filter: ToolFilter) throws(ToolError) {
            name = path
            stream = try LogStream(disk: disk, path: path)
            self.filter = filter
            try advance()
        }

        func advance() throws(ToolError) {
            repeat {
                txn = try stream.nextTxn { item in
                    switch item {
                    case .damage(let damage): self.damage.append(damage.description)
                    case .foreign(let file): self.damage.append("\(file) does not start as a log does")
                    case .begin, .txn, .blank, .end: break
                    }
                }
            } while txn.map { !filter.admits(zxid: $0.header.zxid) } ?? false
        }
    }

    /// What was found.
    struct Tally {
        var same = 0
        var different = 0
        /// In the range that both have.
        var onlyLeft = 0
        var onlyRight = 0
        /// Before the other begins, or after it ends.
        var outsideLeft = 0
        var outsideRight = 0
        var firstDifference: Int64?
        var printed = 0
    }

    /// - Returns: the exit code.
    public func run(
        _ disk: any Disk, _ leftPath: String, _ rightPath: String, _ output: ToolOutput
    ) throws(ToolError) -> Int32 {
        defer { output.flush() }
        let left = try Side(disk, leftPath, filter)
        let right = try Side(disk, rightPath, filter)
        var tally = Tally()
        // Before it, the other has not begun.
        let start = max(left.txn?.header.zxid ?? .max, right.txn?.header.zxid ?? .max)
        while left.txn != nil || right.txn != nil {
            switch (left.txn, right.txn) {
            case (let a?, let b?) where a.header.zxid == b.header.zxid:
                compare(a, b, &tally, output)
                try left.advance()
                try right.advance()
            case (let a?, let b) where b == nil || a.header.zxid < b!.header.zxid:
                let isOutside = b == nil || a.header.zxid < start
                if isOutside { tally.outsideLeft += 1 } else { tally.onlyLeft += 1 }
                missing(a, in: right.name, isOutside: isOutside, &tally, output)
                try left.advance()
            case (let a, let b?):
                let isOutside = a == nil || b.header.zxid < start
                if isOutside { tally.outsideRight += 1 } else { tally.onlyRight += 1 }
                missing(b, in: left.name, isOutside: isOutside, &tally, output)
                try right.advance()
            default: preconditionFailure("one side has a transaction")
            }
        }
        for damage in left.damage + right.damage { output.remark(damage) }
        let isSame =
            tally.different + tally.onlyLeft + tally.onlyRight == 0
            && (onlyCommonRange ? tally.same > 0 : tally.outsideLeft + tally.outsideRight == 0)
            && left.damage.isEmpty && right.damage.isEmpty
        conclude(tally, left.name, right.name, isSame, output)
        return isSame ? ToolExit.fine : ToolExit.found
    }

    /// Whether header and record are the same; digests are compared where both have them.
    private func compare(_ a: LogStream.Txn, _ b: LogStream.Txn, _ tally: inout Tally, _ output: ToolOutput) {
        var (readA, readB) = (JuteReader(a.body), JuteReader(b.body))
        let (recordA, recordB) = (
            TxnRecord(type: a.header.type, from: &readA), TxnRecord(type: b.header.type, from: &readB)
        )
        var what: String?
        if a.header != b.header {
            what = "headers"
        } else if recordA != recordB {
            what = "records"
        } else if case .unreadable = recordA, !a.body.elementsEqual(b.body) {
            what = "records"
        } else if let digestA = TxnDigest(readA), let digestB = TxnDigest(readB), digestA != digestB {
            what = "digests"
        }
        guard let what else {
            tally.same += 1
            return
        }
        tally.different += 1
        note(a.header.zxid, &tally)
        guard tally.printed < limit else { return }
        tally.printed += 1
        let text = TxnText(showsData: false)
        output.emit(
            "\(Notation.hexadecimal(a.header.zxid)): the \(what) differ\n  \(a.file), byte \(a.offset): "
                + text.line(a.header, recordA) + digest(readA)
                + "\n  \(b.file), byte \(b.offset): " + text.line(b.header, recordB) + digest(readB),
            .object([
                .init("difference", .string(what)), .init("zxid", .hexadecimal(a.header.zxid)),
                .init("left", text.json(a.header, recordA, digest: TxnDigest(readA))),
                .init("right", text.json(b.header, recordB, digest: TxnDigest(readB))),
            ]))
    }

    private func digest(_ reader: JuteReader) -> String {
        TxnDigest(reader).map { " digest \(Notation.hexadecimal(Int64(bitPattern: $0.value)))" } ?? ""
    }

    private func note(_ zxid: Int64, _ tally: inout Tally) {
        tally.firstDifference = min(tally.firstDifference ?? zxid, zxid)
    }

    private func missing(
        _ txn: LogStream.Txn, in name: String, isOutside: Bool, _ tally: inout Tally, _ output: ToolOutput
    ) {
        // What lies outside of the common range is told as a number.
        if isOutside {
            if !onlyCommonRange { note(txn.header.zxid, &tally) }
            return
        }
        note(txn.header.zxid, &tally)
        guard tally.printed < limit else { return }
        tally.printed += 1
        var reader = JuteReader(txn.body)
        let record = TxnRecord(type: txn.header.type, from: &reader)
        let text = TxnText(showsData: false)
        output.emit(
            "\(Notation.hexadecimal(txn.header.zxid)): missing in \(name)\n  \(txn.file), byte \(txn.offset): "
                + text.line(txn.header, record),
            .object([
                .init("difference", .string("missing")), .init("zxid", .hexadecimal(txn.header.zxid)),
                .init("in", .string(name)), .init("txn", text.json(txn.header, record, digest: TxnDigest(reader))),
            ]))
    }

    private func conclude(
        _ tally: Tally, _ left: String, _ right: String, _ isSame: Bool, _ output: ToolOutput
    ) {
        var text = isSame ? "the same" : "different"
        if let zxid = tally.firstDifference { text += ", first at \(Notation.hexadecimal(zxid))" }
        text += ": \(Notation.count(tally.same, "transaction")) the same, \(tally.different) different"
        for (name, only, outside) in [
            (left, tally.onlyLeft, tally.outsideLeft), (right, tally.onlyRight, tally.outsideRight),
        ] where only + outside > 0 {
            text += ", \(only) only in \(name)"
            if outside > 0 { text += " and \(outside) beyond what the other covers" }
        }
        output.emit(
            text,
            .object([
                .init("same", .bool(isSame)), .init("sameTransactions", .number(tally.same)),
                .init("different", .number(tally.different)), .init("onlyLeft", .number(tally.onlyLeft)),
                .init("onlyRight", .number(tally.onlyRight)), .init("beyondLeft", .number(tally.outsideLeft)),
                .init("beyondRight", .number(tally.outsideRight)),
                .init("firstDifference", tally.firstDifference.map { JSONValue.hexadecimal($0) } ?? .null),
            ]))
    }
}
