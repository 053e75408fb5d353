import Foundation
import Logging

/// The end of the process for a reason that nothing can be done about.
enum ServerExit {
    /// What cannot be survived.
    enum Reason {
        case diskFailed

        var code: Int32 {
            switch self {
            case .diskFailed: ExitCode.diskFailed
            }
        }
    }

    /// Says why and ends the process at once: what is in memory must not outlive what is on the disk.
    static func fatal(_ reason: Reason, _ message: String, _ logger: Logger) -> Never {
        logger.critical("\(message)")
        exit(reason.code)
    }
}
