import CPlatform
import Glibc

/// Why the transport could not do what the operator asked for. The descriptions are meant for the operator.
public enum TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another process listens on the port.
    case addressInUse(address: String, port: UInt16)
    /// The address is not one of this machine.
    case addressNotAvailable(address: String, port: UInt16)
    /// The operating system refuses the port (usually: below 1024 without the right to).
    case permissionDenied(address: String, port: UInt16)
    /// The host name or address means nothing.
    case unknownAddress(address: String, detail: String)
    /// Descriptors have run out; accepting pauses until some are free.
    case tooManyOpenFiles
    /// Any other failure of a system call.
    case system(call: String, errno: Int32)

    public var description: String {
        switch self {
        case .addressInUse(let address, let port):
            "port \(port) on \(address) is in use by another process: stop that process (ss -ltnp shows it) "
                + "or choose another port"
        case .addressNotAvailable(let address, let port):
            "cannot listen on \(address) port \(port): this machine has no such address; "
                + "use one that `ip address` lists, or none to listen on all"
        case .permissionDenied(let address, let port):
            "no permission to listen on \(address) port \(port): use a port above 1023, "
                + "or grant the right to bind low ports"
        case .unknownAddress(let address, let detail):
            "cannot resolve the address \(address): \(detail)"
        case .tooManyOpenFiles:
            "too many open files: accepting connections pauses; raise the limit (ulimit -n) or limit the connections"
        case .system(let call, let code):
            "\(call) failed: \(String(cString: strerror(code))) (errno \(code))"
        }
    }
}
