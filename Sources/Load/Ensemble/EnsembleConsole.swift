import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Carries out commands on an ensemble, from standard input and from a socket in its directory. Used from one thread.
public final class EnsembleConsole {
    private let ensemble: ManagedEnsemble
    private let socket: ControlSocket?
    private let print: (String) -> Void
    private var pending: [UInt8] = []

    public static let help = """
        status                        the servers and their roles
        leader                        who leads
        kill N | term N               SIGKILL or SIGTERM to server N
        restart N [corral|apache]     stop server N if it runs, start it on its directory, as that kind from now on
        pause N | resume N            SIGSTOP or SIGCONT to server N
        wait                          until every server serves and is in step with the leader
        quit                          stop all (end of input and Ctrl-C do the same)
        """

    /// - Parameter print: receives answers to standard input's commands.
    public init(_ ensemble: ManagedEnsemble, print: @escaping (String) -> Void) {
        self.ensemble = ensemble
        self.print = print
        socket = try? ControlSocket(directory: ensemble.directory)
    }

    /// Where `ensemble-control` finds this ensemble; nil when the directory's path is too long for a socket.
    public var controlDirectory: String? { socket == nil ? nil : ensemble.directory }

    /// Works until `quit`, the end of the input, or an interrupt.
    public func run() {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !Interrupt.isRequested {
            var waiting = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0)]
            if let socket { waiting.append(pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)) }
            guard poll(&waiting, nfds_t(waiting.count), 200) > 0 else { continue }
            if waiting.count > 1, waiting[1].revents != 0, let socket {
                var quits = false
                socket.serve { line in
                    let answer = self.answer(line)
                    quits = answer == nil
                    return answer ?? "stopping"
                }
                if quits { return }
            }
            guard waiting[0].revents != 0 else { continue }
            let count = read(0, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            pending += chunk[..<count]
            while let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                guard let text = answer(line) else { return }
                if !text.isEmpty { print(text) }
            }
        }
    }

    /// Carries one command out. nil for `quit`.
    func answer(_ line: String) -> String? {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let command = words.first else { return "" }
        if command == "quit" || command == "exit" { return nil }
        do {
            return try carryOut(command, Array(words.dropFirst()))
        } catch {
            return "error: \(error)"
        }
    }

    private func carryOut(_ command: String, _ arguments: [String]) throws(LoadError) -> String {
        func target() throws(LoadError) -> EnsembleMember {
            guard let text = arguments.first, let id = Int(text) else {
                throw .usage("'\(command)' needs the id of a server")
            }
            return try ensemble.member(id)
        }
        func running() throws(LoadError) -> EnsembleMember {
            let member = try target()
            guard member.isRunning else { throw .usage("server \(member.id) is not running") }
            return member
        }
        switch command {
        case "help", "?": return Self.help
        case "status": return ensemble.table()
        case "leader":
            guard let leader = ensemble.leader else { return "no leader" }
            return "\(leader.id) \(leader.kind.rawValue) \(leader.address)"
        case "kill":
            let member = try running()
            member.kill()
            member.waitUntilGone()
            return "killed \(member.id)"
        case "term":
            let member = try running()
            member.stop()
            return "ended \(member.id)"
        case "pause":
            let member = try running()
            member.pause()
            return "paused \(member.id)"
        case "resume":
            let member = try running()
            member.resume()
            return "resumed \(member.id)"
        case "restart":
            let member = try target()
            var kind: ServerKind?
            if arguments.count > 1 {
                kind = ServerKind(rawValue: arguments[1])
                guard kind == .corral || kind == .apache else { throw .usage("'\(arguments[1])': corral or apache") }
            }
            member.stop()
            try ensemble.start(member, as: kind)
            return "started \(member.id) as \(member.kind.rawValue), pid \(member.pid ?? 0)"
        case "wait":
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
            return "all serve"
        default:
            throw .usage("'\(command)' is no command; 'help' lists them")
        }
    }
}

extension ManagedEnsemble {
    /// The servers as a table.
    public func table() -> String {
        var rows = [["id", "kind", "pid", "client", "quorum", "election", "role"]]
        for member in members {
            rows.append([
                "\(member.id)", member.kind.rawValue, member.pid.map { "\($0)" } ?? "-", "\(member.address)",
                "\(member.quorumPort)", "\(member.electionPort)", member.role().rawValue,
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { padded($0, $1, left: true) }.joined(separator: "  ")
            return cells.trimmingWhitespace
        }.joined(separator: "\n")
    }
}
