/// The digest section of a snapshot: the tree's digest after one transaction.
public struct SnapshotDigest: Equatable, Sendable {
    /// The transaction after which the digest held; 0 when the server had none.
    public var zxid: Int64
    /// The digest's algorithm; Apache 3.9 writes 2.
    public var version: Int32
    public var value: Int64

    public init(zxid: Int64, version: Int32 = 2, value: Int64) {
        self.zxid = zxid
        self.version = version
        self.value = value
    }
}

/// What follows the tree in a snapshot. Servers before 3.6 write neither, before 3.9 no zxid.
public struct SnapshotTrailer: Equatable, Sendable {
    public var digest: SnapshotDigest?
    /// The last transaction applied when the snapshot was finished.
    public var lastProcessedZxid: Int64?

    public init(digest: SnapshotDigest? = nil, lastProcessedZxid: Int64? = nil) {
        self.digest = digest
        self.lastProcessedZxid = lastProcessedZxid
    }
}

/// Sizes of a snapshot's parts.
///
/// A snapshot is: the file header; the sessions (count, then id and timeout of each); the ACL table; the nodes in
/// pre-order, each its path (the root's is empty) and record; the path "/" as the end mark. Then come up to three
/// seals, each the Adler-32 of all bytes before it and the string "/": one after the tree, one after the digest
/// section, one after the zxid section.
enum SnapshotFormat {
    /// A checksum (8 bytes) and the string "/" (5 bytes).
    static let sealSize = 13
    static let endMarkSize = 5
    static let sessionSize = 12
    /// What a node has behind its data: the ACL's number and the statistics.
    static let nodeTailSize = 8 + 60
    /// zxid, version, value.
    static let digestSize = 20
    static let zxidSize = 8
    /// Header, no session, no ACL, end mark, one seal.
    static let minimumSize = FileHeader.size + 4 + 4 + endMarkSize + sealSize
}
