/// How contenders' znodes are named, and so which other libraries' contenders take them for their own kind.
///
/// This library orders *all* children with a sequence number, however they are named. Other libraries know their own
/// names only: Curator's contenders see those named by `curator`, kazoo's those named by `kazoo`, and also Curator's
/// when they are told so (`extra_lock_patterns`). So all users of one lock agree on one naming.
public struct ContenderNaming: Hashable, Sendable {
    enum Style: Hashable, Sendable {
        case curator
        case kazoo
    }

    let style: Style
    /// What stands between the unique part and the number.
    let marker: String

    /// `_c_<uuid>-lock-0000000001`: excludes with Curator's `InterProcessMutex` (and with kazoo's `Lock`, when that
    /// has `extra_lock_patterns=["-lock-"]`).
    public static let curator = ContenderNaming(style: .curator, marker: "lock-")
    /// `<uuid>__lock__0000000001`: excludes with kazoo's `Lock`, `Election` and `WriteLock`.
    public static let kazoo = ContenderNaming(style: .kazoo, marker: "__lock__")

    /// As Curator's `LeaderLatch`.
    static let latch = ContenderNaming(style: .curator, marker: "latch-")
    /// As Curator's `InterProcessSemaphoreV2`.
    static let semaphoreLease = ContenderNaming(style: .curator, marker: "lease-")

    var reader: ContenderNaming {
        style == .curator
            ? ContenderNaming(style: .curator, marker: "__READ__") : ContenderNaming(style: .kazoo, marker: "__rlock__")
    }

    var writer: ContenderNaming {
        style == .curator ? ContenderNaming(style: .curator, marker: "__WRIT__") : self
    }

    /// Whether a name is a reader's: Curator's, kazoo's or the paper's.
    static func isReader(_ prefix: Substring) -> Bool {
        prefix.hasSuffix("__READ__") || prefix.hasSuffix("__rlock__") || prefix == "read-"
    }
}
