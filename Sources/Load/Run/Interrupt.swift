import CSystem
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Ctrl-C and SIGTERM: the first asks the run to finish early and keep what it has, the second ends the program.
public enum Interrupt {
    private static let count = Atomic<Int>(0)

    public static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    /// Installs the handlers; call once, early.
    public static func install() {
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interrupt.raise() }
            sigaction(number, &action, nil)
        }
        signal(SIGPIPE, SIG_IGN)
        // A parent may have started this program with these blocked.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    // Runs in a signal handler: one atomic and _exit only.
    private static func raise() {
        if count.add(1, ordering: .relaxed).oldValue > 0 { _exit(LoadExitCode.interrupted) }
    }
}
