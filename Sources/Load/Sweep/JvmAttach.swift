import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// HotSpot's attach protocol, as far as a full collection and the heap's size need it: what `jcmd PID GC.run` does,
/// without needing a development kit.
enum JvmAttach {
    /// A diagnostic command's answer; nil when the JVM cannot be attached.
    static func command(_ command: String, pid: Int32) -> String? {
        let socketPath = "/tmp/.java_pid\(pid)"
        if access(socketPath, F_OK) != 0 {
            // The JVM opens its socket on SIGQUIT when it finds this file.
            let trigger = "/tmp/.attach_pid\(pid)"
            let file = corral_open(trigger, O_WRONLY | O_CREAT, 0o600, 0, 0)
            guard file >= 0 else { return nil }
            close(file)
            defer { unlink(trigger) }
            guard kill(pid, SIGQUIT) == 0 else { return nil }
            for _ in 0..<200 where access(socketPath, F_OK) != 0 { usleep(25_000) }
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in socketPath.utf8.enumerated() where index < target.count - 1 { target[index] = byte }
        }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { return nil }
        var request = Array("1\0jcmd\0\(command)\0\0\0".utf8)
        guard send(descriptor, &request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { break }
            answer += chunk[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        return text.hasPrefix("0") ? text : nil
    }

    /// Collects the whole heap; true when the JVM did.
    static func collectFully(pid: Int32) -> Bool { command("GC.run", pid: pid) != nil }

    /// Bytes of the heap in use; nil when the JVM does not tell.
    static func heapUsedBytes(pid: Int32) -> UInt64? {
        guard let text = command("GC.heap_info", pid: pid) else { return nil }
        // " garbage-first heap   total 2097152K, used 41984K [0x…)"
        for line in text.split(separator: "\n") where line.contains("heap") || line.contains("total") {
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "used"), index + 1 < words.count else { continue }
            let digits = words[index + 1].prefix { $0.isNumber }
            if let kilobytes = UInt64(digits) { return kilobytes * 1024 }
        }
        return nil
    }
}
