import ZooKeeperProtocol

/// Apache's names of a connection's last operation, shown by `cons` as `lop=`.
public enum LastOperation {
    /// Before the first operation.
    public static let none = "NA"
    public static let session = "SESS"

    /// Requests without a name of their own leave `NA`.
    public static func name(of operation: OpCode) -> String {
        switch operation {
        case .ping: "PING"
        case .createSession: session
        case .multi: "MULT"
        case .multiRead: "MLTR"
        case .create, .create2, .createTTL, .createContainer: "CREA"
        case .delete, .deleteContainer: "DELE"
        case .setData: "SETD"
        case .reconfig: "RECO"
        case .setACL: "SETA"
        case .closeSession: "CLOS"
        case .sync: "SYNC"
        case .check: "CHEC"
        case .exists: "EXIS"
        case .getData: "GETD"
        case .setWatches: "SETW"
        case .setWatches2: "STW2"
        case .addWatch: "ADDW"
        case .getACL: "GETA"
        case .getChildren, .getChildren2: "GETC"
        case .getAllChildrenNumber: "GETACN"
        case .checkWatches: "CHKW"
        case .removeWatches: "REMW"
        case .whoAmI: "HOMI"
        case .getEphemerals: "GETE"
        case .notification, .auth, .sasl, .error: none
        }
    }
}
