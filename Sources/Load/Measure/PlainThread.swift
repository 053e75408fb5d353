#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Threads for blocking work.
enum PlainThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs a body on a thread of its own, which nobody waits for.
    static func start(_ body: @escaping @Sendable () -> Void) throws(LoadError) {
        let context = Unmanaged.passRetained(Body(body)).toOpaque()
        var handle = pthread_t()
        let status = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, context)
        guard status == 0 else {
            Unmanaged<Body>.fromOpaque(context).release()
            throw .environment("cannot start a thread: \(String(cString: strerror(status)))")
        }
        pthread_detach(handle)
    }
}
