import Jute
import TxnLog
import ZooKeeperProtocol

extension LogStream {
    /// Goes through the transactions that a filter admits, and remarks what does not start as a log does or is damaged.
    ///
    /// - Parameters:
    ///   - began: is told the size of each file, in bytes.
    ///   - body: gets each transaction, its record, and a reader that stands behind the record.
    /// - Returns: the exit code.
    func forEach(
        _ filter: ToolFilter, _ output: ToolOutput, began: (Int) -> Void = { _ in },
        _ body: (Txn, TxnRecord, JuteReader) -> Void
    ) throws(ToolError) -> Int32 {
        var code = ToolExit.fine
        while let item = try next() {
            switch item {
            case .begin(_, let size): began(size)
            case .end, .blank: break
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
                body(txn, record, reader)
            }
        }
        return code
    }
}
