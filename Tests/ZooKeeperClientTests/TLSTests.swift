import NIOSSL
import TestSupport
import Testing
import ZooKeeperClient

/// Encrypted connections. The server's end is a proxy's, so that it serves both kinds of servers.
@Suite("TLS", .serialized)
struct TLSTests {
    struct OpenSSLFailed: Error {
        var output: String
    }

    /// A certificate for 127.0.0.1, signed by itself.
    struct Authority {
        let directory = TemporaryDirectory("tls")
        let certificate: NIOSSLCertificate
        let key: NIOSSLPrivateKey

        init() throws {
            let (certificateFile, keyFile) = (directory.file("certificate.pem"), directory.file("key.pem"))
            let (code, output) = try ChildProcess.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=corral-test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", keyFile, "-out", certificateFile,
                ])
            guard code == 0 else { throw OpenSSLFailed(output: output) }
            certificate = try NIOSSLCertificate.fromPEMFile(certificateFile)[0]
            key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        }

        func serverContext(clientsFrom authority: Authority? = nil) throws -> NIOSSLContext {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
            if let authority {
                configuration.trustRoots = .certificates([authority.certificate])
                configuration.certificateVerification = .noHostnameVerification
            }
            return try NIOSSLContext(configuration: configuration)
        }

        func clientConfiguration() -> TLSConfiguration {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates([certificate])
            return configuration
        }
    }

    @Test("a session over TLS, by address and by name, which survives a break", arguments: Vendor.underTest)
    func session(vendor: Vendor) async throws {
        let authority = try Authority()
        let proxy = try await TestProxy(to: LiveServer.shared(vendor).port, tls: try authority.serverContext())
        for host in ["127.0.0.1", "localhost"] {
            var configuration = try await LiveServer.shared(vendor).configuration()
            configuration.connectString = try ConnectString("\(host):\(proxy.port)")
            configuration.tls = authority.clientConfiguration()
            let root = LiveServer.freshPath("tls")
            try await within { [configuration] in
                let client = try await ZooKeeper.connect(configuration)
                let data = [UInt8](repeating: 7, count: 500_000)
                try await client.create(root, data: data, mode: .ephemeral)
                let reads = (0..<20).map { _ in client.submit(.getData(root)) }
                for read in reads { #expect(try await read.value.data == data) }
                proxy.cut()
                try await client.wait(for: .suspended)
                try await client.wait(for: .connected)
                #expect(try await client.exists(root)?.ephemeralOwner == client.identity?.id)
                await client.close()
            }
        }
    }

    @Test("each side refuses a stranger")
    func strangers() async throws {
        let (authority, other) = (try Authority(), try Authority())
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port, tls: try authority.serverContext(clientsFrom: authority))
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        for isClientKnown in [true, false] {
            for isServerKnown in [true, false] {
                let signer = isClientKnown ? authority : other
                var tls = (isServerKnown ? authority : other).clientConfiguration()
                tls.certificateChain = [.certificate(signer.certificate)]
                tls.privateKey = .privateKey(signer.key)
                configuration.tls = tls
                let limit = isClientKnown && isServerKnown ? Duration.seconds(10) : .milliseconds(500)
                let client = try? await ZooKeeper.connect(configuration, within: limit)
                #expect((client != nil) == (isClientKnown && isServerKnown))
                await client?.close()
            }
        }
    }
}
