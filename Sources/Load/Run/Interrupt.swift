import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ctrl-C and SIGTERM: the first asks the run to finish early and keep what it has, the second ends the program.
public enum Interrupt {
    /// When the first signal came, on the monotonic clock; 0 before.
    private static let firstNanos = Atomic<UInt64>(0)
    /// A terminal and a wrapping `timeout` may both deliver one Ctrl-C: what comes this soon is the same request.
    private static let sameRequestNanos: UInt64 = 500_000_000

    public static var isRequested: Bool { firstNanos.load(ordering: .relaxed) > 0 }

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

    // Runs in a signal handler: atomics, the clock and _exit only.
    private static func raise() {
        let now = corral_monotonic_nanos()
        let (isFirst, first) = firstNanos.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        if !isFirst, now - first > sameRequestNanos { _exit(LoadExitCode.interrupted) }
    }
}
