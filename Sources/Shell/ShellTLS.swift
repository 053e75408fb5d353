import NIOSSL
import ZooKeeperClient

extension ShellOptions {
    /// How connections are encrypted. Files are PEM.
    public struct TLS: Sendable {
        public enum Verification: String, CaseIterable, Sendable {
            /// The server's certificate must be signed by somebody trusted, and name the host.
            case full
            /// It must be signed by somebody trusted.
            case chain
            /// It may be anybody's: whoever listens in the middle is not noticed.
            case none
        }

        /// Who is trusted; nil: whom the system trusts.
        public var authorities: String?
        /// The shell's own certificate, and those that lead to its authority.
        public var certificate: String?
        /// The key of `certificate`; nil: in the same file.
        public var key: String?
        public var verification = Verification.full

        public init() {}

        /// Reads the files.
        func configuration() throws(ShellError) -> TLSConfiguration {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification =
                switch verification {
                case .full: .fullVerification
                case .chain: .noHostnameVerification
                case .none: .none
                }
            if let authorities {
                configuration.trustRoots = .certificates(
                    try Self.read(authorities) { try NIOSSLCertificate.fromPEMFile($0) })
            }
            if let certificate {
                configuration.certificateChain = try Self.read(certificate) { try NIOSSLCertificate.fromPEMFile($0) }
                    .map { .certificate($0) }
                let key = try Self.read(key ?? certificate) { try NIOSSLPrivateKey(file: $0, format: .pem) }
                configuration.privateKey = .privateKey(key)
            } else if key != nil {
                throw .usage("a TLS key needs its certificate")
            }
            return configuration
        }

        private static func read<Value>(
            _ path: String, _ body: (String) throws -> Value
        ) throws(ShellError) -> Value {
            do { return try body(path) } catch { throw .usage("\(path): \(error)") }
        }
    }
}
