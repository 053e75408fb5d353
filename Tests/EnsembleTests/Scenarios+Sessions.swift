import Foundation
import TestSupport
import ZooKeeperProtocol

/// Watches, sessions and what belongs to them, across servers.
extension Scenarios {
    func watches() throws {
        try members[0].client().create("/watched")
        for (writer, watcher) in pairs {
            let left = try writer.client()
            let right = try watcher.client()
            try catchUp(left, writer)
            try catchUp(right, watcher)
            let path = "/watched/\(writer.id)-\(watcher.id)"
            try expect(try right.call(.exists(path, watch: true)), .noNode, "exists")
            try right.perform(.getChildren("/watched", watch: true))
            try left.create(path)
            var events = [try right.nextEvent(), try right.nextEvent()]
            events.sort { $0.type < $1.type }
            try expect(
                events.map(\.path) == [path, "/watched"]
                    && events.map(\.type) == [EventType.nodeCreated.rawValue, EventType.nodeChildrenChanged.rawValue],
                "server \(watcher.id): \(events)")
            // No read may show the change before its event.
            try right.perform(.getData(path, watch: true))
            try left.perform(.setData(path, data: [9]))
            let deadline = Date().addingTimeInterval(10)
            while right.events.isEmpty {
                let (data, _) = try right.call(.getData(path)).dataAndStat()
                try expect(
                    data.isEmpty || !right.events.isEmpty, "server \(watcher.id) showed a change before its event")
                try expect(Date() < deadline, "server \(watcher.id): no event")
            }
            try expect(try right.nextEvent().type == EventType.nodeDataChanged.rawValue, "data event")
            try right.perform(.addWatch(path, .persistentRecursive))
            try left.create("\(path)/c")
            try left.perform(.delete("\(path)/c"))
            try expect(try right.nextEvent().path == "\(path)/c", "recursive watch: creation")
            try expect(try right.nextEvent().type == EventType.nodeDeleted.rawValue, "recursive watch: deletion")
            try left.close()
            try right.close()
        }
    }

    func ephemerals() throws {
        try members[0].client().create("/ephemeral")
        for owner in members {
            let client = try owner.client()
            try catchUp(client, owner)
            let path = "/ephemeral/\(owner.id)"
            try client.create(path, flags: CreateFlag.ephemeral)
            for other in members {
                let (_, stat) = try currentData(path, on: other).dataAndStat()
                try expect(stat.ephemeralOwner == client.session.id, "server \(other.id): another owner")
            }
            try client.close()
            for other in members { try expect(try currentData(path, on: other), .noNode, "after the session's end") }
        }
    }

    /// A session that falls silent ends everywhere, and not too early.
    func expiry() throws {
        try members[0].client().create("/expiry")
        var silent: [(path: String, since: Date)] = []
        for owner in members {
            let client = try owner.client(timeoutMillis: 3000)
            try catchUp(client, owner)
            try client.create("/expiry/\(owner.id)", flags: CreateFlag.ephemeral)
            client.drop()
            silent.append(("/expiry/\(owner.id)", Date()))
        }
        let watcher = try members[members.count - 1].client()
        for (path, since) in silent {
            var goneAfter: TimeInterval = 0
            let isGone = try eventually(within: 30) {
                try catchUp(watcher, members[members.count - 1])
                goneAfter = Date().timeIntervalSince(since)
                return try watcher.call(.exists(path)).error == ErrorCode.noNode.rawValue
            }
            try expect(isGone, "\(path) outlives its session")
            try expect(goneAfter > 2, "\(path) went after \(goneAfter) s of 3")
        }
        for member in members {
            for (path, _) in silent { try expect(try currentData(path, on: member), .noNode, "after expiry") }
        }
        try watcher.close()
    }

    /// A session goes from server to server with its ephemeral node.
    func moves() throws {
        var latest = try members[0].client()
        try latest.create("/moves", flags: CreateFlag.ephemeral)
        let ticket = latest.session
        latest.socket.disconnect()
        for (_, target) in pairs {
            let client = try comeBack(to: target, from: latest)
            try expect(client.session.id == ticket.id, "server \(target.id) gave another session")
            let (_, stat) = try client.call(.getData("/moves")).dataAndStat()
            try expect(stat.ephemeralOwner == ticket.id, "server \(target.id): the node has another owner")
            try client.perform(.setData("/moves", data: [UInt8(target.id)], version: stat.version))
            latest = client
            // Sometimes without an end of the connection, as when a client's machine loses its network.
            if target.id % 2 == 0 { client.socket.disconnect() } else { client.drop() }
        }
        let last = try comeBack(to: members[0], from: latest)
        try last.close()
        for member in members {
            try expect(try currentData("/moves", on: member), .noNode, "after the end of the session")
            try expectRefused(ticket, on: member, "a closed session was taken up")
        }
    }

    /// A client's earlier attempt at another server may be what the leader hears of last (ZOOKEEPER-710): the session
    /// is that server's then, and the connection on which the client goes on must end without a word on its requests.
    func leftBehind() throws {
        try members[0].client().create("/left-behind")
        for (owner, target) in pairs {
            let client = try owner.client()
            try client.perform(.setData("/left-behind", data: [1]))
            let other = try comeBack(to: target, from: client)
            try client.send(.setData("/left-behind", data: [2]))
            try client.send(.setData("/left-behind", data: [3]))
            do {
                let reply = try client.receiveReply()
                throw Broken("server \(owner.id): an answer to a session that has moved: error \(reply.error)")
            } catch ProtocolClient.Failure.closed {
            }
            // Nothing of it was carried out, and the session lives where it is.
            let (data, _) = try other.call(.getData("/left-behind")).dataAndStat()
            try expect(data == [1], "server \(target.id): \(data)")
            try other.perform(.setData("/left-behind", data: [4]))
            // The client comes back as it would, and has its session again.
            let back = try comeBack(to: owner, from: other)
            try expect(back.session.id == client.session.id, "server \(owner.id) gave another session")
            try back.perform(.setData("/left-behind", data: [5]))
            other.drop()
            try back.close()
        }
    }

    /// Takes a session to a server as a client does: again, while the server has not yet seen what the client has.
    /// It counts on past what the earlier connection has sent, or may still send.
    private func comeBack(to member: EnsembleMember, from earlier: ProtocolClient) throws -> ProtocolClient {
        var client: ProtocolClient?
        let isServed = try eventually(within: 10) {
            do {
                client = try ProtocolClient(
                    port: member.clientPort, resuming: earlier.session, lastZxidSeen: earlier.lastZxid,
                    firstXid: earlier.nextXid + 10)
                return true
            } catch ProtocolClient.Failure.closed {
                return false
            }
        }
        guard isServed, let client else { throw Broken("server \(member.id) does not get to what the client has seen") }
        return client
    }

    private func expectRefused(_ ticket: SessionTicket, on member: EnsembleMember, _ what: String) throws {
        do {
            let client = try ProtocolClient(port: member.clientPort, resuming: ticket)
            client.drop()
            throw Broken("server \(member.id): \(what)")
        } catch ProtocolClient.Failure.refusedSession {
            return
        }
    }

    /// Who has the wrong password, or has seen more than the server, is not served.
    func strangers() throws {
        for (home, other) in pairs {
            let client = try home.client()
            var ticket = client.session
            ticket.password = ticket.password.map { ~$0 }
            try expectRefused(ticket, on: other, "a wrong password was taken")
            ticket.password = client.session.password
            do {
                let early = try ProtocolClient(port: other.clientPort, resuming: ticket, lastZxidSeen: Int64.max)
                early.drop()
                throw Broken("server \(other.id) serves a client that has seen more than it")
            } catch ProtocolClient.Failure.closed {
                // The client is to try another server; its session is none the worse for it.
            }
            let back = try ProtocolClient(port: home.clientPort, resuming: client.session)
            try back.close()
        }
    }

    func access() throws {
        for (owner, other) in pairs {
            let client = try owner.client()
            try expect(try client.authenticate(scheme: "digest", "alice:wonder"), .ok, "authenticate")
            let path = "/access-\(owner.id)-\(other.id)"
            let acl = [ACL(permissions: 31, identity: Identity(scheme: "auth", id: ""))]
            try client.perform(.create(path, data: [1], acl: acl))
            try expect(try currentData(path, on: other), .noAuth, "another's node, read through server \(other.id)")
            let friend = try other.client()
            try expect(try friend.authenticate(scheme: "digest", "alice:wonder"), .ok, "authenticate")
            try catchUp(friend, other)
            try friend.perform(.setData(path, data: [2]))
            try friend.perform(.delete(path))
            try friend.close()
            try client.close()
        }
    }

    func largeData() throws {
        for (writer, reader) in pairs {
            let client = try writer.client()
            let path = "/large-\(writer.id)-\(reader.id)"
            let data = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ writer.id) }
            try client.create(path, data: data)
            let (seen, _) = try currentData(path, on: reader).dataAndStat()
            try expect(seen == data, "server \(reader.id) has \(seen.count) bytes")
            try client.perform(.delete(path))
            try client.close()
        }
    }
}
