import Foundation
import TestSupport
import Testing

/// Encrypted connections. The server's end is a proxy's, so that it serves both kinds of servers.
@Suite("the shell over TLS", .serialized, .timeLimit(.minutes(2)))
struct TLSTests {
    /// A certificate for localhost, signed by itself.
    private struct Authority {
        let directory = TemporaryDirectory("tls")
        var certificate: String { directory.file("certificate.pem") }
        var key: String { directory.file("key.pem") }

        init() throws {
            let (code, output) = try ChildProcess.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=corral-test", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    directory.file("key.pem"), "-out", directory.file("certificate.pem"),
                ])
            #expect(code == 0, "\(output)")
        }
    }

    /// Takes TLS connections and forwards them. Its arguments: the server's port, certificate, key, whom to demand a
    /// certificate from. It prints its own port.
    private static let proxy = """
        import socket, ssl, sys, threading
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        if len(sys.argv) > 4:
            context.load_verify_locations(sys.argv[4])
            context.verify_mode = ssl.CERT_REQUIRED
        def copy(source, target):
            try:
                while data := source.recv(65536): target.sendall(data)
            except OSError: pass
            for end in (source, target):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        def serve(raw):
            try: client = context.wrap_socket(raw, server_side=True)
            except OSError: return
            server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            threading.Thread(target=copy, args=(client, server), daemon=True).start()
            copy(server, client)
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """

    private func startProxy(_ arguments: [String], _ scratch: TemporaryDirectory) throws -> (ChildProcess, Int) {
        let process = try ChildProcess("python3", ["-c", Self.proxy] + arguments, output: scratch.file("proxy"))
        #expect(eventually(within: 20) { process.output.hasSuffix("\n") })
        return (process, try #require(Int(process.output.dropLast()), "\(process.output)"))
    }

    @Test func encrypted() throws {
        let server = try ServerUnderTest(.corral)
        let (own, other) = (try Authority(), try Authority())
        let (proxy, port) = try startProxy(
            ["\(server.port)", own.certificate, own.key, other.certificate], server.scratch)
        defer { proxy.signal(SIGKILL) }
        let mine = ["--tls-certificate", other.certificate, "--tls-key", other.key]
        func list(_ host: String, _ options: [String], patience: Int = 1500) throws -> ShellRun.Result {
            try ShellRun.run(
                ["shell", "-s", "\(host):\(port)", "--connect-timeout", "\(patience)"] + options + ["ls", "/"])
        }
        let trusting = ["--tls-ca", own.certificate] + mine
        let fine = try list("localhost", ["--tls"] + trusting, patience: 20_000)
        #expect(fine.output == "[zookeeper]\n", "\(fine)")
        // The certificate does not name the address.
        for verification in ["chain", "none"] {
            let result = try list("127.0.0.1", trusting + ["--tls-verify", verification], patience: 20_000)
            #expect(result.code == 0, "\(result)")
        }
        #expect(try list("127.0.0.1", ["--tls-verify", "none"] + mine, patience: 20_000).code == 0)
        for (host, options) in [
            ("localhost", []), ("localhost", ["--tls"] + mine), ("localhost", ["--tls-ca", other.certificate] + mine),
            ("127.0.0.1", trusting), ("localhost", ["--tls-ca", own.certificate]),
        ] {
            let result = try list(host, options)
            #expect(result.code == 2, "\(options): \(result)")
            // Why, too.
            #expect(result.errors.contains("ms (no session from \(host):\(port): "), "\(result)")
        }
        for options in [
            ["--tls-ca", "/nonexistent"], ["--tls-key", other.key], ["--tls-certificate", own.directory.file("none")],
            ["--tls-certificate", other.certificate], ["--tls-verify", "some"],
        ] {
            #expect(try list("localhost", options).code == 64, "\(options)")
        }
    }
}
