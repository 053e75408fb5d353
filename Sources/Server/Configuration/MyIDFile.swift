/// The file `myid` in the data directory: a server's own number, on its first line.
enum MyIDFile: Equatable {
    case missing(path: String)
    /// Unreadable, or not a number.
    case malformed(String)
    case number(Int64, path: String)

    static func read(dataDirectory: String) -> MyIDFile {
        let path = dataDirectory + (dataDirectory.hasSuffix("/") ? "myid" : "/myid")
        let bytes: [UInt8]
        switch FileReading.bytes(of: path) {
        case .success(let content): bytes = content
        case .failure(let failure):
            // A data directory still to be made, too, has no such file.
            guard failure.isMissingFile else { return .malformed("\(path) cannot be read: \(failure)") }
            return .missing(path: path)
        }
        let line = String(
            decoding: bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        guard let id = ValueSyntax.decimal(line) else {
            return .malformed("\(path): expected the server's number, found \"\(line)\"")
        }
        return .number(Int64(id), path: path)
    }

    var number: Int64? {
        guard case .number(let id, _) = self else { return nil }
        return id
    }
}
