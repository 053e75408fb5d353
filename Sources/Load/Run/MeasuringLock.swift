import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Two measurements at once each measure half a machine, and two of one label write into one directory.
public enum MeasuringLock {
    private struct State {
        var machine: FileLock?
        var label: FileLock?
        var neighbour: String?
    }

    private static let state = Mutex(State())

    /// Who else measured on this machine when this process began to, if that was wanted.
    static var neighbour: String? { state.withLock { $0.neighbour } }

    /// Takes the machine for this process, until it ends.
    ///
    /// - Parameters:
    ///   - what: is measured, for others.
    ///   - besideOthers: goes on when somebody else has it; results then say so.
    public static func takeMachine(for what: String, besideOthers: Bool) throws(LoadError) {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let path = (directory.isEmpty ? "/tmp" : directory) + "/corral-bench.lock"
        switch try FileLock.take(path, saying: describe(what)) {
        case .taken(let lock): state.withLock { $0.machine = lock }
        case .held(let holder):
            guard besideOthers else {
                throw .environment(
                    "another measurement runs on this machine: \(holder); two at once measure half a machine each. "
                        + "Wait for it, or go on regardless with --beside-others, which the result then says")
            }
            state.withLock { $0.neighbour = holder }
        }
    }

    /// Takes a result's place for this process, until it ends.
    public static func takeLabel(
        output: String, experiment: String, label: String
    ) throws(LoadError) {
        let place = try ResultFiles.path(output: output, experiment: experiment, label: label)
        try ResultFiles.makeDirectory("\(output)/\(experiment)")
        let path = "\(output)/\(experiment)/.\(label).lock"
        switch try FileLock.take(path, saying: describe("\(experiment) --label \(label)")) {
        case .taken(let lock): state.withLock { $0.label = lock }
        case .held(let holder):
            throw .environment("\(place) is being written by another run: \(holder); give another --label, or wait")
        }
    }

    /// Gives both back: a program's exit runs no `deinit`, and would leave the files.
    public static func giveBack() {
        state.withLock {
            $0.machine = nil
            $0.label = nil
        }
    }

    private static func describe(_ what: String) -> String {
        "\(what) (process \(getpid()), since \(ResultFiles.timestamp()))"
    }
}
