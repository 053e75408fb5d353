import Glibc

/// Sizes of directories, as Apache counts them for `dirs` and `conf`.
public enum DirectorySize {
    /// Apparent sizes of all files below a path, in bytes; what vanishes while counting counts nothing.
    public static func bytes(at path: String) -> Int {
        var status = stat()
        guard lstat(path, &status) == 0 else { return 0 }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            if status.st_mode & S_IFMT == S_IFLNK { return stat(path, &status) == 0 ? Int(status.st_size) : 0 }
            return Int(status.st_size)
        }
        guard let directory = opendir(path) else { return 0 }
        defer { closedir(directory) }
        var total = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { total += bytes(at: path + "/" + name) }
        }
        return total
    }
}
