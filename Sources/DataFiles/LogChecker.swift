import JSONText
import Jute
import TxnLog
import ZooKeeperProtocol

/// `corral log check`: whether a server could rely on these files. Reads them all, in bounded memory.
public struct LogChecker {
    public init() {}

    enum Severity: String {
        /// Looks odd, and loses nothing.
        case note
        case damage
    }

    /// One thing that was found.
    struct Finding {
        var severity: Severity
        var kind: String
        var file: String
        var offset: Int?
        var message: String

        var json: JSONValue {
            var members: [JSONValue.Member] = [
                .init("severity", .string(severity.rawValue)), .init("kind", .string(kind)),
                .init("file", .string(file)),
            ]
            if let offset { members.append(.init("offset", .number(offset))) }
            return .object(members + [.init("message", .string(message))])
        }
    }

    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ paths: [String], _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        var code = ToolExit.fine
        for path in paths {
            var pass = LogCheckPass(snapshots: ToolFiles.snapshotZxids(disk, path))
            let stream = try LogStream(disk: disk, path: path)
            while let item = try stream.next() { pass.take(item) }
            pass.finish()
            for finding in pass.findings { output.emit("\(finding.severity): \(finding.message)", finding.json) }
            if pass.isDamaged { code = ToolExit.found }
            output.emit(pass.summary(path), pass.summaryJSON(path))
        }
        return code
    }
}

/// What one directory or file is found to hold.
struct LogCheckPass {
    private let snapshots: [Int64]
    private(set) var findings: [LogChecker.Finding] = []
    /// Beyond this, findings are counted only: one broken file may have as many as transactions.
    private static let maximumFindings = 1000
    private(set) var damages = 0
    private var files = 0
    private var transactions = 0
    private var first: Int64?
    private var last: Int64?
    private var torn: LogStream.Damage?

    init(snapshots: [Int64]) { self.snapshots = snapshots }

    var isDamaged: Bool { damages > 0 }

    private mutating func report(
        _ severity: LogChecker.Severity, _ kind: String, _ file: String, _ offset: Int?, _ message: String
    ) {
        if severity == .damage { damages += 1 }
        guard findings.count < Self.maximumFindings else { return }
        findings.append(
            LogChecker.Finding(severity: severity, kind: kind, file: file, offset: offset, message: message))
    }

    mutating func take(_ item: LogStream.Item) {
        switch item {
        case .begin: files += 1
        case .end: break
        case .blank(let file):
            report(.note, "blank", file, nil, "\(file) is blank: made and never written to")
        case .foreign(let file):
            report(.damage, "foreign", file, 0, "\(file) does not start as a log does")
        case .damage(let damage):
            settleTorn(next: nil, file: nil)
            if damage.isTorn {
                torn = damage
            } else {
                report(.damage, "corrupt", damage.file, damage.offset, damage.description)
            }
        case .txn(let txn): take(txn)
        }
    }

    private mutating func take(_ txn: LogStream.Txn) {
        let zxid = txn.header.zxid
        settleTorn(next: zxid, file: txn.file)
        transactions += 1
        if first == nil { first = zxid }
        defer { last = max(last ?? zxid, zxid) }
        readRecord(txn)
        guard let last else { return }
        let (now, before) = (Notation.hexadecimal(zxid), Notation.hexadecimal(last))
        if zxid <= last {
            // Apache logs a request that it could not parse as an error under the zxid before it.
            if zxid == last && txn.header.type == OpCode.error.rawValue { return }
            report(
                .damage, "order", txn.file, txn.offset,
                "\(txn.file), byte \(txn.offset): zxid \(now) comes after \(before)")
        } else if !ZxidOrder.follows(last, zxid) {
            let cover = snapshots.filter { $0 >= last && ($0 >= zxid || ZxidOrder.follows($0, zxid)) }.min()
            let message = "\(txn.file), byte \(txn.offset): zxid \(now) follows \(before), what is between is missing"
            if let cover {
                report(
                    .note, "gap", txn.file, txn.offset,
                    message + "; snapshot.\(DataFileName.hexadecimal(cover)) makes up for it")
            } else {
                report(.damage, "gap", txn.file, txn.offset, message)
            }
        }
    }

    private mutating func readRecord(_ txn: LogStream.Txn) {
        var reader = JuteReader(txn.body)
        guard case .unreadable(_, let why) = TxnRecord(type: txn.header.type, from: &reader) else { return }
        let zxid = Notation.hexadecimal(txn.header.zxid)
        report(
            .damage, "unreadable", txn.file, txn.offset,
            "\(txn.file), byte \(txn.offset): transaction \(zxid) has a right checksum and is unreadable: \(why)")
    }

    /// A torn end in the middle loses nothing when the next file goes on with the very next transaction.
    private mutating func settleTorn(next zxid: Int64?, file: String?) {
        guard let torn else { return }
        self.torn = nil
        if let zxid, let file, last.map({ ZxidOrder.follows($0, zxid) || zxid <= $0 }) ?? true {
            report(
                .note, "torn", torn.file, torn.offset,
                "\(torn.file) ends at byte \(torn.offset) with an unfinished record; \(file) goes on without a gap")
        } else {
            report(.damage, "torn", torn.file, torn.offset, torn.description)
        }
    }

    mutating func finish() {
        settleTorn(next: nil, file: nil)
    }

    private var range: String {
        guard let first, let last else { return "" }
        return ", \(Notation.hexadecimal(first)) to \(Notation.hexadecimal(last))"
    }

    func summary(_ path: String) -> String {
        let verdict = damages == 0 ? "fine" : "damaged (\(Notation.count(damages, "finding")))"
        let counts = "\(Notation.count(files, "file")), \(Notation.count(transactions, "transaction"))"
        return "\(path): \(verdict), \(counts)\(range)"
    }

    func summaryJSON(_ path: String) -> JSONValue {
        .object([
            .init("path", .string(path)), .init("ok", .bool(damages == 0)), .init("damages", .number(damages)),
            .init("files", .number(files)), .init("transactions", .number(transactions)),
            .init("firstZxid", first.map { JSONValue.hexadecimal($0) } ?? .null),
            .init("lastZxid", last.map { JSONValue.hexadecimal($0) } ?? .null),
        ])
    }
}
