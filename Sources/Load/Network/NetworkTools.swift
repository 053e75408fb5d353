/// The programs that make networks: `ip` and `tc` (iproute2), `nsenter` (util-linux).
struct NetworkTools {
    var ipPath = "ip"
    var tcPath = "tc"
    var nsenterPath = "nsenter"

    func check() throws(LoadError) {
        for (name, arguments) in [("ip", [ipPath, "-V"]), ("tc", [tcPath, "-V"]), ("nsenter", [nsenterPath, "-V"])]
        where ChildProcess.capture(arguments) == nil {
            throw .environment("'\(name)' is missing: on Debian 'apt-get install iproute2 util-linux'")
        }
    }

    @discardableResult
    func ip(_ arguments: [String]) throws(LoadError) -> String { try run([ipPath] + arguments) }

    @discardableResult
    func tc(_ arguments: [String]) throws(LoadError) -> String { try run([tcPath] + arguments) }

    /// What a command begins with that is to run in a namespace.
    func entering(_ name: String) -> [String] { [nsenterPath, "--net=/run/netns/\(name)", "--"] }

    private func run(_ command: [String]) throws(LoadError) -> String {
        let (output, status) = ChildProcess.captureAll(command)
        guard status == 0 else {
            let reason = output.split(separator: "\n").first.map(String.init) ?? "exit code \(status)"
            throw .environment("\(command.joined(separator: " ")): \(reason)")
        }
        return output
    }
}
