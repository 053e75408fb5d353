import Foundation
import Load

/// What an experiment has measured so far, a file for each step, so that an interrupted one goes on where it ended.
/// They are gone once its summary has everything. Used from one thread.
final class StepStore<Plan: Codable & Equatable, Step: Codable> {
    /// A step counts again only for the same plan, measured by the same programs with the same servers.
    private struct Record<Content: Codable>: Codable {
        var plan: Plan
        var origin: StepOrigin
        var step: Content
    }

    /// What an experiment has taken so far, over all its sessions.
    private struct Session: Codable {
        var startedAt: String
        var elapsedSeconds: Double
    }

    private let directory: String
    private let plan: Plan
    private let origin: StepOrigin
    private let resumes: Bool
    private let earlier: Session
    private let start = ContinuousClock.now

    /// When the first session began whose steps may count.
    var startedAt: String { earlier.startedAt }
    /// Of all sessions until now; of an earlier one that was killed, until its last step.
    var elapsedSeconds: Double {
        let time = start.duration(to: .now).components
        return earlier.elapsedSeconds + Double(time.seconds) + Double(time.attoseconds) / 1e18
    }

    /// - Parameters:
    ///   - directory: of the experiment's result.
    ///   - resumes: false starts anew, whatever is there.
    init(
        _ plan: Plan, directory: String, environment: EnvironmentRecord, options: ServerOptions, resumes: Bool,
        progress: ProgressReporter? = nil
    ) throws(LoadError) {
        self.directory = StepStorePlace.directory(directory)
        self.plan = plan
        self.resumes = resumes
        origin = StepOrigin(commit: environment.commit, options)
        let now = Session(startedAt: ResultFiles.timestamp(), elapsedSeconds: 0)
        guard resumes else {
            earlier = now
            remove()
            return
        }
        let known: Session? = Self.read("\(self.directory)/\(Self.sessionName)", plan, origin)
        earlier = known ?? now
        if known == nil, StepStorePlace.hasSteps(in: directory) {
            progress?.note(
                "what was measured before is of another plan, other programs or other options: all is measured anew")
        }
    }

    private static var sessionName: String { "session.json" }

    private static func read<Content: Codable>(_ path: String, _ plan: Plan, _ origin: StepOrigin) -> Content? {
        guard let data = FileManager.default.contents(atPath: path),
            let record = try? JSONDecoder().decode(Record<Content>.self, from: data),
            record.plan == plan, record.origin == origin
        else { return nil }
        return record.step
    }

    /// nil: it must be measured.
    func step(_ name: String) -> Step? {
        guard resumes else { return nil }
        return Self.read(path(name), plan, origin)
    }

    func keep(_ step: Step, as name: String) throws(LoadError) {
        try write(step, to: path(name))
        try write(
            Session(startedAt: startedAt, elapsedSeconds: elapsedSeconds), to: "\(directory)/\(Self.sessionName)")
    }

    private func write<Content: Codable>(_ content: Content, to path: String) throws(LoadError) {
        try ResultFiles.makeDirectory(directory)
        try ResultFiles.write(try ResultFiles.json(Record(plan: plan, origin: origin, step: content)), to: path)
    }

    /// Called when the summary is written.
    ///
    /// - Parameter isWhole: it has every step, and there is nothing left to go on with.
    func finish(isWhole: Bool) throws(LoadError) {
        if isWhole { return remove() }
        try write(
            Session(startedAt: startedAt, elapsedSeconds: elapsedSeconds), to: "\(directory)/\(Self.sessionName)")
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    private func path(_ name: String) -> String {
        let plain = name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" }
        return "\(directory)/\(String(plain)).json"
    }
}

/// What a step was measured with, beside its plan.
struct StepOrigin: Codable, Equatable {
    var commit: String
    /// A commit says little of a tree with changes; programs that were built again are other ones.
    var programs: [String]
    var options: ServerOptions

    init(commit: String, _ options: ServerOptions) {
        self.commit = commit
        programs = [options.corralPath, options.benchPath].map(ProgramFile.describe)
        for path in [options.etcdLoadPath, options.keeperPath].compactMap({ $0 }) + options.apacheFiles
        where FileManager.default.fileExists(atPath: path) {
            programs.append(ProgramFile.describe(path))
        }
        self.options = options
        // Where the programs lie does not matter, what they are does.
        self.options.corralPath = ""
        self.options.benchPath = ""
    }
}

extension ServerOptions {
    /// The jars that Java is told of, without wildcards.
    fileprivate var apacheFiles: [String] {
        apacheClassPath.split(separator: ":").map(String.init).filter { !$0.hasSuffix("*") }
    }
}

/// Where steps are kept.
public enum StepStorePlace {
    static func directory(_ result: String) -> String { result + "/steps" }

    /// Whether a result's directory has steps to go on with.
    public static func hasSteps(in result: String) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory(result))) ?? []
        return names.contains { $0.hasSuffix(".json") }
    }
}

/// A sweep that is a step: its files lie in a directory of its own, and this tells whether they are still that sweep's.
struct SweepStep: Codable, Equatable {
    var startedAt: String
    var elapsedSeconds: Double

    init(_ summary: SweepSummary) {
        startedAt = summary.startedAt
        elapsedSeconds = summary.elapsedSeconds
    }

    /// The sweep in a directory, when it is this one, whole and of this plan.
    func summary(_ plan: SweepPlan, in place: String) -> SweepSummary? {
        guard let data = FileManager.default.contents(atPath: "\(place)/summary.json"),
            let summary = try? JSONDecoder().decode(SweepSummary.self, from: data),
            summary.status == .valid, summary.plan == plan, SweepStep(summary) == self
        else { return nil }
        return summary
    }
}

/// A program on disk.
enum ProgramFile {
    /// Its size and when it was built: another build is another text. Without its directory, nobody's business.
    static func describe(_ path: String) -> String {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let size = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
        let built = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(path.split(separator: "/").last ?? ""), \(size) bytes, \(Int64(built * 1000))"
    }

    /// When a file was last changed; nil without one.
    static func changed(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
}
