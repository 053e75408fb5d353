/// The identifier of one server of an ensemble: N of `server.N` and of its `myid` file.
public typealias ServerID = Int64

/// A transaction's place in the one order: 32 bits of epoch, 32 of counter within it.
public enum Zxid {
    public static func epoch(of zxid: Int64) -> Int64 { zxid >> 32 & 0xffff_ffff }
    public static func counter(of zxid: Int64) -> Int64 { zxid & 0xffff_ffff }
    public static func make(epoch: Int64, counter: Int64) -> Int64 { epoch << 32 | counter & 0xffff_ffff }
    /// The last zxid an epoch can hold.
    public static func isLast(_ zxid: Int64) -> Bool { counter(of: zxid) == 0xffff_ffff }
}
