import CPlatform

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes results to disk: `OUTPUT/<experiment>/<label>/`.
public enum ResultFiles {
    /// The directory of a result, created. See `path`.
    public static func directory(output: String, experiment: String, label: String) throws(LoadError) -> String {
        let path = try path(output: output, experiment: experiment, label: label)
        try makeDirectory(path)
        return path
    }

    /// The directory of a result, which need not be there.
    ///
    /// - Parameters:
    ///   - experiment: becomes a directory name; letters, digits, `.`, `_`, `-`.
    ///   - label: likewise.
    public static func path(output: String, experiment: String, label: String) throws(LoadError) -> String {
        for (name, text) in [("--experiment", experiment), ("--label", label)] {
            let allowed = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
            guard allowed, !text.isEmpty, !text.hasPrefix(".") else {
                throw .usage("\(name) is made of letters, digits, '.', '_' and '-', not '\(text)'")
            }
        }
        return "\(output)/\(experiment)/\(label)"
    }

    /// A directory with its parents.
    public static func makeDirectory(_ path: String) throws(LoadError) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            prefix += "/\(component)"
            guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else {
                throw .environment("cannot create the directory \(prefix): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Makes a directory, unless it is there, and refuses one in which nothing can be made.
    public static func checkWritable(_ path: String) throws(LoadError) {
        try makeDirectory(path)
        guard access(path, W_OK | X_OK) == 0 else {
            throw .environment("cannot write into \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Writes a whole file by renaming it into place: a reader never sees half a result.
    public static func write(_ text: String, to path: String) throws(LoadError) {
        let temporary = path + ".part"
        let file = corral_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o644, 0, 0)
        func refuse() -> LoadError { .environment("cannot write \(path): \(String(cString: strerror(errno)))") }
        guard file >= 0 else { throw refuse() }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
            if count <= 0 {
                let error = refuse()
                close(file)
                unlink(temporary)
                throw error
            }
            written += count
        }
        guard close(file) == 0, rename(temporary, path) == 0 else { throw refuse() }
    }

    /// JSON with sorted keys, so that equal results are equal bytes.
    public static func json<T: Encodable>(_ value: T) throws(LoadError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        } catch {
            throw .environment("cannot write the result as JSON: \(error)")
        }
    }

    /// Removes what an earlier run of the same name left of repeats that this one did not make.
    static func removeRaw(directory: String, beyond count: Int) {
        var number = count + 1
        while unlink("\(directory)/repeat-\(number).hlog") == 0 {
            unlink("\(directory)/repeat-\(number)-series.csv")
            number += 1
        }
    }

    /// The raw data of one repeat: `<stem>.hlog` (HdrHistogram interval log) and `<stem>-series.csv` (100 ms slices).
    static func writeRaw(_ data: RepeatData, directory: String, stem: String) throws(LoadError) {
        let log = HistogramLog.text(data.intervals, startWallSeconds: data.startWallSeconds)
        try write(log, to: "\(directory)/\(stem).hlog")
        try write(seriesCsv(data.slices), to: "\(directory)/\(stem)-series.csv")
    }

    static func seriesCsv(_ slices: [SeriesSlice]) -> String {
        let names = OperationKind.allCases.map(\.name).joined(separator: ",")
        var lines = ["start_ms,\(names),errors,p50_us,p99_us,max_us"]
        for slice in slices {
            let counts = slice.completed.map { String($0) }.joined(separator: ",")
            let times = [slice.medianNanos, slice.p99Nanos, slice.maximumNanos]
                .map { fixed(Double($0) / 1000, 1) }.joined(separator: ",")
            lines.append("\(slice.startMillis),\(counts),\(slice.errors),\(times)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// "2026-01-31T12:00:00Z".
    public static func timestamp() -> String { Date().formatted(.iso8601) }
}
