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

/// What a run finds at the place of its result: neither taken for the new one nor lost.
public struct EarlierResult {
    private struct Heading: Decodable {
        var schema: String?
        var status: RunStatus?
        var startedAt: String?
    }

    private let directory: String
    private let heading: Heading?
    private let isEmpty: Bool

    /// - Parameter directory: of the result, which need not be there.
    public init(in directory: String) {
        self.directory = directory
        heading = FileManager.default.contents(atPath: "\(directory)/summary.json").flatMap {
            try? JSONDecoder().decode(Heading.self, from: $0)
        }
        isEmpty = TextFile.names(in: directory).allSatisfy { $0 == "." || $0 == ".." }
    }

    /// Whether an interrupted run, or one that failed, left this: `--resume` can go on with it.
    public var isUnfinished: Bool {
        guard let heading else { return !isEmpty }
        return heading.status == .partial || heading.schema == Self.failedSchemaName
    }

    /// Of a summary that only says why there is no result.
    public static let failedSchemaName = "corral-bench/failed"

    /// Clears the place for a new run. To be called when nothing else can be refused: a whole result, or whatever it
    /// may be that lies there without a summary, gets another name; a partial one is removed.
    ///
    /// - Returns: what became of it, for the user; nil when nothing was there.
    public func setAside() throws(LoadError) -> String? {
        guard !isEmpty else { return nil }
        if heading != nil, isUnfinished {
            let begun = heading?.startedAt.map { ", begun \($0)," } ?? ""
            guard (try? FileManager.default.removeItem(atPath: directory)) != nil else {
                throw .environment("cannot remove the unfinished result in \(directory)")
            }
            return "an unfinished result\(begun) in \(directory) is replaced (--resume would have gone on with it)"
        }
        let time = ResultFiles.timestamp().filter { $0 != "-" && $0 != ":" }
        var place = "\(directory)-before-\(time)"
        var number = 2
        while access(place, F_OK) == 0 {
            place = "\(directory)-before-\(time)-\(number)"
            number += 1
        }
        guard rename(directory, place) == 0 else {
            throw .environment("cannot move \(directory) aside: \(String(cString: strerror(errno)))")
        }
        return "the earlier result of this label is now in \(place)"
    }
}
