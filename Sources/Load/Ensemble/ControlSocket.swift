import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A Unix socket in an ensemble's directory: one line in, an answer out, per connection. Used from one thread.
public final class ControlSocket {
    let descriptor: Int32
    private let path: String

    private static func path(in directory: String) -> String { "\(directory)/control.sock" }

    private static func address(_ path: String) throws(LoadError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw .environment("\(path) is too long for a socket's name") }
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in path.utf8.enumerated() { target[index] = byte }
        }
        return address
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32, _ path: String
    ) throws(LoadError) {
        var address = try address(path)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            throw .environment("no ensemble answers at \(path): \(String(cString: strerror(errno)))")
        }
    }

    init(directory: String) throws(LoadError) {
        path = Self.path(in: directory)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        do {
            try Self.call({ bind($0, $1, $2) }, descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        listen(descriptor, 8)
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// Takes one connection: reads its line, answers, closes.
    func serve(_ answer: (String) -> String) {
        let client = accept(descriptor, nil, nil)
        guard client >= 0 else { return }
        defer { close(client) }
        // A server that the command starts must not keep the connection open.
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        Self.limitTime(client, seconds: 2)
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < 1024, recv(client, &byte, 1, 0) == 1, byte != 10 { line.append(byte) }
        let text = Array((answer(String(decoding: line, as: UTF8.self)) + "\n").utf8)
        _ = text.withUnsafeBytes { Glibc.send(client, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    private static func limitTime(_ descriptor: Int32, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    }

    /// Sends a command to the ensemble in a directory. Returns its answer.
    public static func send(_ line: String, to directory: String) throws(LoadError) -> String {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        try call({ connect($0, $1, $2) }, descriptor, path(in: directory))
        limitTime(descriptor, seconds: 120)
        let bytes = Array((line + "\n").utf8)
        guard bytes.withUnsafeBytes({ Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }) > 0
        else { throw .environment("the ensemble in \(directory) does not listen") }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { break }
            answer += chunk[..<count]
        }
        return String(decoding: answer, as: UTF8.self).trimmingWhitespace
    }
}
