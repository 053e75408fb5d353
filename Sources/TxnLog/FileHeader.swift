/// The sixteen bytes that every log segment and snapshot starts with: magic, version, database id, big-endian.
struct FileHeader: Equatable {
    static let size = 16
    /// "ZKLG"
    static let logMagic: UInt32 = 0x5a4b_4c47
    /// "ZKSN"
    static let snapshotMagic: UInt32 = 0x5a4b_534e
    static let version: Int32 = 2

    /// What Apache writes into segments: version 2, database 0.
    static let log = FileHeader(magic: logMagic, version: version, databaseId: 0)
    /// What Apache writes into snapshots: version 2, database -1.
    static let snapshot = FileHeader(magic: snapshotMagic, version: version, databaseId: -1)

    var magic: UInt32
    var version: Int32
    var databaseId: Int64

    func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: magic.bigEndian, as: UInt32.self)
        bytes.storeBytes(of: version.bigEndian, toByteOffset: 4, as: Int32.self)
        bytes.storeBytes(of: databaseId.bigEndian, toByteOffset: 8, as: Int64.self)
    }

    init(magic: UInt32, version: Int32, databaseId: Int64) {
        self.magic = magic
        self.version = version
        self.databaseId = databaseId
    }

    init(from bytes: UnsafeRawPointer) {
        magic = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        version = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: Int32.self))
        databaseId = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    }
}
