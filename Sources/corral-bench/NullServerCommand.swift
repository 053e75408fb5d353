import ArgumentParser
import Foundation
import Load

struct NullServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "null-server",
        abstract: "Answers ZooKeeper requests with canned replies: the load generator's ceiling, every server's floor.")

    @Option(help: "Port on 127.0.0.1; 0 picks a free one. It is printed.")
    var port: UInt16 = 0
    @Option(help: "Bytes of the one value it knows; must equal the load's.")
    var valueBytes = 1024

    mutating func run() throws {
        let (port, valueBytes) = (port, valueBytes)
        let server = try finish { () throws(LoadError) in try NullServer(port: port, valueBytes: valueBytes) }
        print("listening on 127.0.0.1:\(server.port)")
        // Whoever started it through a pipe waits for the port.
        fflush(nil)
        server.run()
    }
}
