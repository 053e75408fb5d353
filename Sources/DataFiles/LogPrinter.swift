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
            let found = try LogStream(disk: disk, path: path).forEach(filter, output) { txn, record, reader in
                output.emit(text.line(txn.header, record), text.json(txn.header, record, digest: TxnDigest(reader)))
            }
            code = max(code, found)
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
