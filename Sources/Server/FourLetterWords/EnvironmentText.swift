import Glibc

/// Text of `envi`: Apache's keys, with what corresponds to them in a process without Java.
enum EnvironmentText {
    static func text() -> String {
        "Environment:\n" + entries().map { "\($0.key)=\($0.value)\n" }.joined()
    }

    static func entries() -> [(key: String, value: String)] {
        var system = utsname()
        uname(&system)
        let memory = memoryMegabytes()
        return [
            ("zookeeper.version", CorralVersion.reported),
            ("host.name", hostName()),
            ("java.version", swiftVersion),
            ("java.vendor", "Corral \(CorralVersion.number) (Swift, no Java)"),
            ("java.home", "<NA>"),
            ("java.class.path", executablePath()),
            ("java.library.path", variable("LD_LIBRARY_PATH") ?? "<NA>"),
            ("java.io.tmpdir", variable("TMPDIR") ?? "/tmp"),
            ("java.compiler", "<NA>"),
            ("os.name", text(&system.sysname)),
            ("os.arch", architecture(text(&system.machine))),
            ("os.version", text(&system.release)),
            ("user.name", userName()),
            ("user.home", userHome()),
            ("user.dir", WorkingDirectory.path ?? "<NA>"),
            ("os.memory.free", "\(memory.free)MB"),
            ("os.memory.max", "\(memory.total)MB"),
            ("os.memory.total", "\(memory.resident)MB"),
        ]
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "Swift 6.4 or later"
        #elseif compiler(>=6.3)
            "Swift 6.3"
        #else
            "Swift 6.2"
        #endif
    }

    /// Java's name of the architecture.
    private static func architecture(_ machine: String) -> String {
        machine == "x86_64" ? "amd64" : machine
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func text<Buffer>(_ buffer: inout Buffer) -> String {
        withUnsafeBytes(of: &buffer) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "<NA>" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func executablePath() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        guard length > 0 else { return "<NA>" }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func userName() -> String {
        guard let entry = getpwuid(getuid()) else { return variable("USER") ?? "<NA>" }
        return String(cString: entry.pointee.pw_name)
    }

    private static func userHome() -> String {
        guard let entry = getpwuid(getuid()) else { return variable("HOME") ?? "<NA>" }
        return String(cString: entry.pointee.pw_dir)
    }

    /// Memory of the machine that is available and in all, and of this process that is resident.
    private static func memoryMegabytes() -> (free: Int, total: Int, resident: Int) {
        (
            kilobytes("/proc/meminfo", "MemAvailable:") >> 10, kilobytes("/proc/meminfo", "MemTotal:") >> 10,
            kilobytes("/proc/self/status", "VmRSS:") >> 10
        )
    }

    private static func kilobytes(_ path: String, _ label: String) -> Int {
        guard case .success(let bytes) = FileReading.bytes(of: path) else { return 0 }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(label) {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        }
        return 0
    }
}
