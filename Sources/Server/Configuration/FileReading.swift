import Glibc

/// Small files read whole.
enum FileReading {
    /// The system's words for why a call failed.
    static func reason(_ code: Int32) -> String {
        String(cString: strerror(code))
    }

    /// The bytes of a file, or why they cannot be had.
    static func bytes(of path: String) -> Result<[UInt8], SystemFailure> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(SystemFailure(errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(SystemFailure(errno))
            }
            if count == 0 { return .success(bytes) }
            bytes += chunk[..<count]
        }
    }
}

/// A failed system call.
struct SystemFailure: Error, CustomStringConvertible {
    var code: Int32

    init(_ code: Int32) {
        self.code = code
    }

    /// The file, or a directory on the way to it, does not exist.
    var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }

    var description: String { FileReading.reason(code) }
}
