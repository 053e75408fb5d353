import Foundation
import Jute
import TestSupport
import ZooKeeperProtocol

/// One session that writes with many requests outstanding and remembers what was acknowledged.
///
/// Each value is written once and carries its number, so that a write applied twice, or lost, shows:
/// - the k-th sequential create has data k;
/// - the k-th set of the counter has data k and makes version k.
///
/// Between kills used by one thread at a time.
final class Writer: @unchecked Sendable {
    let name: String
    private(set) var ticket: SessionTicket?
    private(set) var createsSent = 0
    private(set) var setsSent = 0
    /// The names the server gave, by the create's number.
    private(set) var acknowledgedCreates: [Int: String] = [:]
    private(set) var acknowledgedSets = 0
    private var client: ProtocolClient?
    static let window = 100

    var directory: String { "/load/\(name)" }
    var counter: String { "/count-\(name)" }
    var ephemeral: String { "/ephemeral-\(name)" }

    init(name: String) { self.name = name }

    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    func setUp(port: Int) throws {
        let fresh = try ProtocolClient(port: port, timeoutMillis: 60_000)
        ticket = fresh.session
        _ = try fresh.call(.create("/load"))
        try fresh.create(directory)
        try fresh.create(counter)
        try fresh.create(ephemeral, flags: CreateFlag.ephemeral)
        client = fresh
    }

    /// Goes back to the session on a server that was restarted.
    func resume(port: Int) throws {
        guard let ticket else { throw Violation(description: "\(name): no session") }
        let again = try ProtocolClient(port: port, resuming: ticket)
        guard again.session.id == ticket.id, again.session.password == ticket.password else {
            throw Violation(description: "\(name): came back to session \(again.session.id), not \(ticket.id)")
        }
        client = again
    }

    /// Writes until the connection ends.
    func run() throws {
        guard let client else { return }
        var outstanding: [(isCreate: Bool, number: Int)] = []
        while true {
            while outstanding.count < Self.window {
                let isCreate = (createsSent + setsSent) % 3 != 0
                if isCreate {
                    createsSent += 1
                    outstanding.append((true, createsSent))
                    try client.send(
                        .create("\(directory)/n-", data: Array(String(createsSent).utf8), flags: CreateFlag.sequential))
                } else {
                    setsSent += 1
                    outstanding.append((false, setsSent))
                    try client.send(.setData(counter, data: Array(String(setsSent).utf8)))
                }
                if client.socket.isAtEnd { return }
            }
            guard case .reply(let reply) = try client.receive(within: 60) else { return }
            let (isCreate, number) = outstanding.removeFirst()
            guard reply.error == 0 else { throw Violation(description: "\(name): error \(reply.error)") }
            if isCreate {
                acknowledgedCreates[number] = try reply.path()
            } else {
                acknowledgedSets = number
            }
        }
    }

    /// Ends the connection from another thread, as a broken network does.
    func cut() { client?.socket.endBoth() }

    /// Compares what the server has with what it acknowledged. Afterwards what it has counts as acknowledged.
    func verify() throws {
        guard let client else { return }
        let children = try client.perform(.getChildren(directory)).strings()
        let stat = try client.perform(.exists(directory)).stat()
        guard Int(stat.numChildren) == children.count, Int(stat.cversion) == children.count else {
            throw Violation(description: "\(directory): \(children.count) children, but \(stat)")
        }
        var pathsByNumber: [Int: String] = [:]
        for name in children { try client.send(.getData("\(directory)/\(name)")) }
        for name in children {
            let (data, stat) = try client.receiveReply().dataAndStat()
            guard let number = Int(String(decoding: data, as: UTF8.self)), stat.version == 0 else {
                throw Violation(description: "\(directory)/\(name) has data \(data) and \(stat)")
            }
            if let other = pathsByNumber.updateValue("\(directory)/\(name)", forKey: number) {
                throw Violation(description: "create \(number) was applied twice: \(other) and \(directory)/\(name)")
            }
        }
        for (number, path) in acknowledgedCreates where pathsByNumber[number] != path {
            throw Violation(
                description: "create \(number), acknowledged as \(path), is \(pathsByNumber[number] ?? "lost")")
        }
        try verifyOrder(pathsByNumber)
        let (data, counterStat) = try client.perform(.getData(counter)).dataAndStat()
        let value = Int(String(decoding: data, as: UTF8.self)) ?? 0
        guard value >= acknowledgedSets, value <= setsSent, Int(counterStat.version) == value else {
            throw Violation(
                description: "\(counter) is \(value) in version \(counterStat.version); "
                    + "\(acknowledgedSets) acknowledged, \(setsSent) sent")
        }
        let owner = try client.perform(.exists(ephemeral)).stat().ephemeralOwner
        guard owner == ticket?.id else { throw Violation(description: "\(ephemeral) belongs to \(owner)") }
        acknowledgedCreates = pathsByNumber
        acknowledgedSets = value
        // What was sent and never applied will not be: the next writes take the next numbers.
        createsSent = pathsByNumber.keys.max() ?? 0
        setsSent = value
    }

    /// The writes that survived are a prefix of what was sent, in order.
    private func verifyOrder(_ paths: [Int: String]) throws {
        let numbers = paths.keys.sorted()
        guard numbers == Array(numbers.indices.map { $0 + 1 }) else {
            throw Violation(description: "\(directory): a gap among \(numbers.count) creates up to \(numbers.last ?? 0)")
        }
        for (number, path) in paths where path != "\(directory)/n-\(Self.tenDigits(number - 1))" {
            throw Violation(description: "create \(number) is \(path): out of order")
        }
    }

    private static func tenDigits(_ value: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: 10 - text.count) + text
    }
}
