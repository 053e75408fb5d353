import Foundation
import ZooKeeperClient

/// Where the instances of services are: each is an ephemeral znode `/services/<service>/<its own name>` that holds its
/// address, so it is there as long as the instance's session.
struct ServiceRegistry: Sendable {
    let client: ZooKeeper

    /// Makes an address known, for as long as the client's session lives.
    func announce(_ service: String, at address: String) async throws {
        for path in ["/services", path(of: service)] {
            try await create(path, mode: .persistent)
        }
        // A name that nobody else has: should the connection break before the answer comes, the create can be
        // repeated, and "there already" means that it was done.
        try await create("\(path(of: service))/\(UUID().uuidString)", data: Array(address.utf8), mode: .ephemeral)
    }

    /// Calls with the addresses of a service's instances, now and after each change; ends with the session.
    func follow(_ service: String, _ changed: ([String]) -> Void) async throws {
        // The watch is there before the first look, and tells of everything behind it.
        let watch = try await repeating { () async throws(ZooKeeperError) in
            try await client.addWatch(path(of: service), .persistentRecursive)
        }
        var last: [String]?
        while true {
            let addresses = try await repeating { () async throws(ZooKeeperError) in try await instances(of: service) }
            if addresses != last { changed(addresses) }
            last = addresses
            guard try await watch.next() != nil else { return }
            // Several changes at once need one look.
            while watch.hasEvent { _ = try await watch.next() }
        }
    }

    /// The addresses at this moment, sorted.
    func instances(of service: String) async throws(ZooKeeperError) -> [String] {
        let path = path(of: service)
        let names: [String]
        do {
            names = try await client.getChildren(path)
        } catch {
            guard error.reason == .server(.noNode) else { throw error }
            return []
        }
        // All are asked for at once.
        let replies = names.map { client.submit(.getData("\(path)/\($0)")) }
        var addresses: [String] = []
        for reply in replies {
            do {
                addresses.append(String(decoding: try await reply.value.data, as: UTF8.self))
            } catch {
                // It has gone meanwhile.
                guard error.reason == .server(.noNode) else { throw error }
            }
        }
        return addresses.sorted()
    }

    private func path(of service: String) -> String { "/services/\(service)" }

    private func create(_ path: String, data: [UInt8] = [], mode: CreateMode) async throws {
        try await repeating { () async throws(ZooKeeperError) in
            do throws(ZooKeeperError) {
                try await client.create(path, data: data, mode: mode)
            } catch {
                guard error.reason == .server(.nodeExists) else { throw error }
            }
        }
    }

    /// Repeats what may be done twice until it was not cut short by the loss of a connection.
    private func repeating<Result>(
        _ body: () async throws(ZooKeeperError) -> Result
    ) async throws(ZooKeeperError) -> Result {
        while true {
            do throws(ZooKeeperError) {
                return try await body()
            } catch {
                guard error.reason == .connectionLoss else { throw error }
            }
        }
    }
}
