import Glibc

/// The process's working directory.
enum WorkingDirectory {
    static var path: String? {
        guard let buffer = getcwd(nil, 0) else { return nil }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    /// A path counted from the working directory, as Java's `File.getAbsolutePath` makes it.
    static func absolute(_ path: String) -> String {
        var bare = Substring(path)
        while bare.count > 1 && bare.hasSuffix("/") { bare = bare.dropLast() }
        guard !bare.hasPrefix("/") else { return String(bare) }
        return "\(Self.path ?? "")/\(bare)"
    }
}
