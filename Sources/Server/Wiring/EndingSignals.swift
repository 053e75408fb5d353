import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// SIGTERM and SIGINT, turned into calls on a thread of their own.
///
/// The signals are blocked and waited for, so one that comes before anybody waits is kept and not lost. A dispatch
/// source, set up in the background, misses those that come just after the server has said that it serves.
enum EndingSignals {
    /// From now on, for as long as the process lives. To be called before other threads are started, which inherit
    /// the mask.
    static func handle(_ ended: @escaping @Sendable (_ number: Int32) -> Void) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        let code = pthread_sigmask(SIG_BLOCK, &signals, nil)
        precondition(code == 0, "pthread_sigmask: \(code)")
        let thread = Thread { [signals] in
            var awaited = signals
            while true {
                var number: Int32 = 0
                if sigwait(&awaited, &number) == 0 { ended(number) }
            }
        }
        thread.name = "corral-signals"
        thread.start()
    }
}
