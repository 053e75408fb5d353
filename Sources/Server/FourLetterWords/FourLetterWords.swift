import Synchronization

/// Answers four-letter words, in the format of Apache ZooKeeper 3.9.
///
/// Holds nothing but the whitelist and the trace mask; what it tells comes from the `ServerReportSource`.
public final class FourLetterWords: Sendable {
    /// What words that need a running server say without one.
    static let notServing = "This ZooKeeper instance is not currently serving requests\n"
    /// Apache's initial trace mask: requests, session and server packets, JMX and warnings.
    static let initialTraceMask: Int64 = 306

    private let whitelist: FourLetterWordWhitelist
    private let traceMask = Atomic<Int64>(FourLetterWords.initialTraceMask)

    public init(whitelist: FourLetterWordWhitelist) {
        self.whitelist = whitelist
    }

    /// The answer, after which the connection is closed; nil when the four bytes are not a word.
    ///
    /// - Parameters:
    ///   - code: the first four bytes of the connection, big-endian.
    ///   - argument: the `FourLetterWord.argumentLength` bytes after them.
    public func answer(code: UInt32, argument: [UInt8] = [], source: any ServerReportSource) -> String? {
        guard let word = FourLetterWord(code: code) else { return nil }
        guard whitelist.allows(word) else {
            return "\(word.rawValue) is not executed because it is not in the whitelist.\n"
        }
        switch word {
        case .ruok: return "imok"
        case .gtmk: return String(traceMask.load(ordering: .relaxed))
        case .stmk: return setTraceMask(argument)
        case .envi: return EnvironmentText.text()
        case .isro: return isReadOnly(source)
        case .hash where !source.isServing: return String(Self.notServing.dropLast())
        default: return source.isServing ? serverAnswer(to: word, source) : idleAnswer(to: word, source)
        }
    }

    private func setTraceMask(_ argument: [UInt8]) -> String {
        guard argument.count == 8 else { return "" }
        let mask = Int64(bitPattern: argument.reduce(0) { $0 << 8 | UInt64($1) })
        traceMask.store(mask, ordering: .relaxed)
        return String(mask)
    }

    private func isReadOnly(_ source: any ServerReportSource) -> String {
        guard source.isServing else { return "null" }
        return source.serverReport().currentMode == .readOnly ? "ro" : "rw"
    }

    /// Apache's one line, and under it what keeps the server from serving, if it is known.
    private func idleAnswer(to word: FourLetterWord, _ source: any ServerReportSource) -> String {
        let report: (ServerReport) -> String
        switch word {
        case .srvr, .stat: report = StatusText.problem
        case .mntr: report = MonitorText.problem
        default: return Self.notServing
        }
        return Self.notServing + report(source.serverReport())
    }

    private func serverAnswer(to word: FourLetterWord, _ source: any ServerReportSource) -> String {
        switch word {
        case .srvr: StatusText.status(source.serverReport(), connections: nil)
        case .stat: StatusText.status(source.serverReport(), connections: source.connectionReports())
        case .cons: StatusText.connections(source.connectionReports())
        case .mntr: MonitorText.text(source.serverReport())
        case .conf: StatusText.configuration(source.configuration, sizes: source.directorySizes())
        case .dirs: StatusText.directories(source.directorySizes())
        case .dump:
            DumpText.text(
                isTracking: source.serverReport().isSessionTracker, sessions: source.sessionReports(),
                ephemerals: source.ephemeralReports(), connections: source.connectionExpiryReports())
        case .wchs: WatchText.summary(source.watchSummary())
        case .wchc: WatchText.bySession(source.watchesBySession())
        case .wchp: WatchText.byPath(source.watchesByPath())
        case .hash: source.digestReports().map { "\(JavaText.hex($0.zxid)): \($0.digest)\n" }.joined()
        case .srst: reset(source.resetServerStatistics, "Server stats reset.\n")
        case .crst: reset(source.resetConnectionStatistics, "Connection stats reset.\n")
        case .ruok, .gtmk, .stmk, .envi, .isro: preconditionFailure("\(word) is answered without the server")
        }
    }

    private func reset(_ action: () -> Void, _ answer: String) -> String {
        action()
        return answer
    }
}
