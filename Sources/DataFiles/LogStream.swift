import Jute
import TxnLog
import ZooKeeperProtocol

/// The transactions of several log files, one after the other, with a window over one file in memory. One owner.
public final class LogStream {
    public struct Txn {
        public var file: String
        /// Where the transaction's frame starts.
        public var offset: Int
        /// Of the frame.
        public var size: Int
        public var header: TxnHeader
        /// What follows the header: record, and the digest if there is one. Valid until the next call of `next`.
        public var body: UnsafeRawBufferPointer
    }

    /// The end of a file that is not as it should be.
    public struct Damage: Equatable, Sendable {
        public var file: String
        public var offset: Int
        public var what: String
        public var bytesLeft: Int
        /// Where the first whole transaction lies behind the damage; nil when there is none, as after a write that a
        /// crash interrupted.
        public var nextWhole: Int?

        /// Whether this is how a write that a crash interrupted looks.
        public var isTorn: Bool { nextWhole == nil }
    }

    public enum Item {
        case begin(file: String, size: Int)
        case txn(Txn)
        case damage(Damage)
        /// A file with nothing but zeros, or nothing: made, not yet written to.
        case blank(file: String)
        /// A file that does not start as a log does.
        case foreign(file: String)
        case end(file: String, offset: Int)
    }

    private let disk: any Disk
    private var rest: ArraySlice<String>
    private var reader: LogSegmentReader?
    private var lastZxid: Int64 = 0

    public init(disk: any Disk, files: [String]) {
        self.disk = disk
        rest = files[...]
    }

    /// - Parameter path: a log file, or a directory of them.
    public convenience init(disk: any Disk, path: String) throws(ToolError) {
        self.init(disk: disk, files: try ToolFiles.logs(disk, path))
    }

    /// Nil at the end of the last file.
    public func next() throws(ToolError) -> Item? {
        do throws(DiskError) { return try step() } catch { throw .unreadable("\(error)") }
    }

    private func step() throws(DiskError) -> Item? {
        guard let reader else {
            guard let file = rest.popFirst() else { return nil }
            let opened = try LogSegmentReader(disk: disk, path: file)
            switch opened.start {
            case .blank: return .blank(file: file)
            case .foreign: return .foreign(file: file)
            case .header: break
            }
            reader = opened
            return .begin(file: file, size: opened.fileSize)
        }
        let offset = reader.offset
        switch try reader.next() {
        case .txn(let header, let txn):
            lastZxid = header.zxid
            let body = UnsafeRawBufferPointer(rebasing: txn[TxnHeader.wireSize...])
            return .txn(
                Txn(file: reader.path, offset: offset, size: reader.offset - offset, header: header, body: body))
        case .end:
            self.reader = nil
            return .end(file: reader.path, offset: offset)
        case .damage(let what):
            self.reader = nil
            let survivor = try reader.survivors(above: lastZxid)?.first
            return .damage(
                Damage(
                    file: reader.path, offset: offset, what: what.rawValue, bytesLeft: reader.fileSize - offset,
                    nextWhole: survivor?.offset))
        }
    }

    /// The next transaction, passing over all else.
    func nextTxn(_ onOther: (Item) -> Void = { _ in }) throws(ToolError) -> Txn? {
        while let item = try next() {
            if case .txn(let txn) = item { return txn }
            onOther(item)
        }
        return nil
    }
}
