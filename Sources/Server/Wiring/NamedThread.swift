import CPlatform
import Foundation

/// Threads whose names the system knows too; Foundation keeps them for itself.
public enum NamedThread {
    /// - Parameter name: at most 15 characters are shown.
    public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            corral_name_thread(name)
            body()
        }
        thread.name = name
        thread.start()
    }
}
