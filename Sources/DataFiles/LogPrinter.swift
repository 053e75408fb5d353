import JSONText
import Jute
import TxnLog
import ZooKeeperProtocol

/// `corral log print`.
public struct LogPrinter {
    public var filter: ToolFilter
    public var showsData: Bool

    public init(filter: ToolFilter = ToolFilter(), showsData: Bool = false) {
        self.filter = filter
        self.showsData = showsData
    }

    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ paths: [String], _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        let text = TxnText(showsData: showsData)
        var code = ToolExit.fine
        for path in paths {
            let stream = try LogStream(disk: disk, path: path)
            while let item = try stream.next() {
                switch item {
                case .begin, .end, .blank: break
                case .foreign(let file):
                    output.remark("\(file) does not start as a log does")
                    code = ToolExit.found
                case .damage(let damage):
                    output.remark(damage.description)
                    code = ToolExit.found
                case .txn(let txn):
                    guard filter.admits(zxid: txn.header.zxid), filter.admits(session: txn.header.clientId) else {
                        continue
                    }
                    var reader = JuteReader(txn.body)
                    let record = TxnRecord(type: txn.header.type, from: &reader)
                    if let path = filter.path, !record.concerns(path) { continue }
                    output.emit(
                        text.line(txn.header, record), text.json(txn.header, record, digest: TxnDigest(reader)))
                }
            }
        }
        return code
    }
}

extension LogStream.Damage: CustomStringConvertible {
    public var description: String {
        let rest = Notation.count(bytesLeft, "byte")
        if let nextWhole {
            return "\(file) is corrupt at byte \(offset): \(what), and a whole transaction follows at byte \(nextWhole)"
        }
        return "\(file) has a torn end at byte \(offset), \(rest): \(what); a server cuts it when it starts"
    }
}
