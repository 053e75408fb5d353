/// The four-letter words of ZooKeeper 3.9.
public enum FourLetterWord: String, Sendable, CaseIterable {
    case conf, cons, crst, dirs, dump, envi, gtmk, hash, isro, mntr, ruok, srst, srvr, stat, stmk, wchc, wchp, wchs

    /// The word as a client sends it: four bytes where a frame's length would stand, big-endian.
    public var code: UInt32 {
        rawValue.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static let byCode: [UInt32: FourLetterWord] =
        Dictionary(uniqueKeysWithValues: allCases.map { ($0.code, $0) })

    /// The word these four bytes spell, or nil: then they are a frame's length.
    public init?(code: UInt32) {
        guard let word = Self.byCode[code] else { return nil }
        self = word
    }

    /// Bytes that follow the word: the mask of `stmk`, a big-endian 64-bit integer.
    public var argumentLength: Int {
        self == .stmk ? 8 : 0
    }
}
