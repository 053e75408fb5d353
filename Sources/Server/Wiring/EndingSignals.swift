import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// The first SIGTERM or SIGINT, turned into a call on a thread of its own. Those behind it change nothing: the end
/// has begun, and nothing acknowledged may be left undone for a second one.
///
/// The signals are blocked and waited for, so one that comes before anybody waits is kept and not lost. A dispatch
/// source, set up in the background, misses those that come just after the server has said that it serves.
enum EndingSignals {
    /// To be called before other threads are started, which inherit the mask.
    static func handle(_ ended: @escaping @Sendable (_ number: Int32) -> Void) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        let code = pthread_sigmask(SIG_BLOCK, &signals, nil)
        precondition(code == 0, "pthread_sigmask: \(code)")
        NamedThread.start("corral-signals") { [signals] in
            var awaited = signals
            var number: Int32 = 0
            while sigwait(&awaited, &number) != 0 {}
            ended(number)
        }
    }
}
