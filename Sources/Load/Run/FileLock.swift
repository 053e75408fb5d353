import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An advisory lock (flock) on a file of its own, which ends with the process at the latest, however that ends.
public final class FileLock: Sendable {
    public enum Outcome {
        case taken(FileLock)
        /// What the holder said of itself.
        case held(by: String)
    }

    private let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    // Removed while it is held: whoever waits for this very file finds that it has no name any more.
    deinit {
        unlink(path)
        close(descriptor)
    }

    /// - Parameters:
    ///   - path: of the file, in a directory that is there.
    ///   - text: what others are told meanwhile.
    public static func take(_ path: String, saying text: String) throws(LoadError) -> Outcome {
        while true {
            // Not inherited by servers: one that outlives this process must not hold it.
            var descriptor = corral_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666, 0, 0)
            // Somebody else's file can be locked without being written.
            if descriptor < 0, errno == EACCES { descriptor = corral_open(path, O_RDONLY | O_CLOEXEC, 0, 0, 0) }
            guard descriptor >= 0 else {
                throw .environment("cannot open \(path) to lock it: \(String(cString: strerror(errno)))")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let problem = errno
                close(descriptor)
                guard problem == EWOULDBLOCK else {
                    throw .environment("cannot lock \(path): \(String(cString: strerror(problem)))")
                }
                let holder = TextFile.read(path).trimmingWhitespace
                return .held(by: holder.isEmpty ? "another process" : holder)
            }
            var own = stat()
            var named = stat()
            guard fstat(descriptor, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino,
                own.st_dev == named.st_dev
            else {
                close(descriptor)
                continue
            }
            let bytes = Array((text + "\n").utf8)
            if ftruncate(descriptor, 0) == 0 { _ = write(descriptor, bytes, bytes.count) }
            return .taken(FileLock(path: path, descriptor: descriptor))
        }
    }
}
