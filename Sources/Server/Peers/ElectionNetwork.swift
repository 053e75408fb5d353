import CPlatform
import Jute
import Logging
import ServerCore
import Transport
import Zab

/// The election ports: one connection to each other server, opened when there is something to say.
///
/// The rule that keeps it at one is Apache's: of two servers the one with the larger id connects. A smaller one that
/// wants a connection opens one, says who it is, and ends it; the larger one then connects, even if it believes it has
/// a connection, because the other side does not know of that any more. Of each message only the newest unsent one is
/// kept, and the newest one sent is sent again on a new connection, because it may be lost with the old one.
///
/// The owner's thread only, within turns.
final class ElectionNetwork {
    private(set) var settings: PeerSettings
    let complaints: Complaints
    private unowned let reactor: Reactor
    private let hosts: ResolvedHosts
    private let ports: PeerPorts
    var events: (any PeerEvents)?
    private(set) var members: [ServerID: ElectionMember] = [:]
    private var openings: [Opening] = []
    private var opening: [UInt8] = []
    private var nextAnonymousID: ServerID = -1

    /// An incoming connection that has not said who it is.
    private final class Opening {
        let connection: Connection
        let deadlineNanos: UInt64
        init(_ connection: Connection, deadlineNanos: UInt64) {
            self.connection = connection
            self.deadlineNanos = deadlineNanos
        }
    }

    /// Apache refuses longer ones.
    static let maximumMessageBytes = 512 * 1024
    private static let maximumOpenings = 64
    private static let maximumAnonymous = 64
    /// How long a larger server may take to connect after it has been asked to. Asking again makes it drop what it has
    /// just opened.
    private static let answerMillis = 250
    /// So often it is asked before that is worth a word.
    private static let patientAsks = 10
    /// A message younger than this is sent again when its connection is lost.
    private static let resentNanos: UInt64 = 10_000_000_000
    /// One attempt takes no longer, even if it might: TCP repeats an unanswered opening at growing intervals, and after
    /// a cut network has healed the next one should not be far.
    private static let attemptMillis = 1000
    /// How long what is sent may stay unacknowledged; then a new connection is better than the old one.
    private static let unacknowledgedMillis = 2000

    /// Binds the own election ports and listens.
    init(
        settings: PeerSettings, reactor: Reactor, hosts: ResolvedHosts, logger: Logger
    ) throws(ServerStartError) {
        self.settings = settings
        self.reactor = reactor
        self.hosts = hosts
        complaints = Complaints(logger: logger)
        ports = try PeerPorts(.election, settings: settings, reactor: reactor, listens: true, logger: logger)
        for (index, port) in ports.ports.enumerated() {
            let own = self.settings.servers.firstIndex { $0.id == settings.ownID }!
            self.settings.servers[own].addresses[index].electionPort = Int(port)
        }
        setServers(self.settings.servers)
    }

    /// The own server line's ports as bound.
    var boundPorts: [UInt16] { ports.ports }

    /// Takes other servers' lines, or changed ones. The own one stays.
    func setServers(_ servers: [EnsembleConfiguration.Member]) {
        guard let own = settings.ownServer else { return }
        settings.servers = servers.map { $0.id == own.id ? own : $0 }
        opening = ElectionOpening(
            server: own.id,
            addresses: ElectionOpening.announcement(of: own, all: settings.announcesAllAddresses)
        ).serialize(announcesAll: settings.announcesAllAddresses)
        for server in servers where server.id != own.id {
            if let member = members[server.id] {
                member.route = .election(server)
            } else {
                members[server.id] = ElectionMember(id: server.id, route: .election(server))
            }
        }
        for (id, member) in members where id >= 0 && !servers.contains(where: { $0.id == id }) {
            members[id] = nil
            drop(member)
        }
    }

    // MARK: sending

    /// Sends to one server, connecting if need be. What goes to the own id is dropped: a server knows its own vote.
    func send(_ bytes: [UInt8], to server: ServerID) {
        guard let member = members[server] else { return }
        member.unsent = bytes
        if member.link != nil { return transmit(member) }
        member.wantsLink = true
        if member.attempt == nil && member.retryNanos == .max { attempt(member) }
    }

    private func transmit(_ member: ElectionMember) {
        guard let link = member.link, let message = member.unsent else { return }
        guard link.pendingOutputBytes == 0 else { return link.notifyWhenDrained(to: 0) }
        member.unsent = nil
        member.lastSent = message
        member.lastSentNanos = reactor.nowNanos
        var header = Int32(message.count).bigEndian
        withUnsafeBytes(of: &header) { link.output.append(raw: $0) }
        message.withUnsafeBytes { link.output.append(raw: $0) }
        link.markDirty()
    }

    func drained(_ connection: Connection) {
        if let member = connection.context as? ElectionMember, member.link === connection { transmit(member) }
    }

    // MARK: connecting

    private func attempt(_ member: ElectionMember) {
        guard member.link == nil, member.attempt == nil, !member.route.stops.isEmpty else { return }
        member.retryNanos = .max
        switch member.route.step(hosts) {
        case .address(let address):
            let connection = reactor.connect(
                to: address, kind: .election,
                timeoutMillis: min(settings.electionConnectMillis, Self.attemptMillis), keepAlive: settings.keepAlive)
            connection.context = member
            member.attempt = connection
        case .resolving:
            break
        case .unreachable(let reason):
            attemptFailed(member, reason: reason)
        }
    }

    private func attemptFailed(_ member: ElectionMember, reason: String) {
        let now = reactor.nowNanos
        complaints.warn(
            "server.\(member.id) cannot be reached on its election port \(member.route.text): \(reason)",
            peer: "server.\(member.id)", nowNanos: now)
        if member.wantsLink { scheduleRetry(member) }
    }

    private func scheduleRetry(_ member: ElectionMember, atLeastMillis: Int = 0) {
        member.scheduleRetry(nowNanos: reactor.nowNanos, atLeastMillis: atLeastMillis)
        reactor.wakePeerHandler(atNanos: member.retryNanos)
    }

    /// A name has been resolved, or cannot be.
    func hostsAnswered() {
        for member in members.values where member.wantsLink && member.retryNanos == .max { attempt(member) }
    }

    func connected(_ connection: Connection) {
        guard let member = connection.context as? ElectionMember, member.attempt === connection else { return }
        member.attempt = nil
        opening.withUnsafeBytes { connection.send(copying: $0) }
        connection.sendNow()
        if member.id > settings.ownID {
            connection.context = nil
            connection.close(afterFlush: true, reason: .requested("the server with the larger id connects"))
            scheduleRetry(member, atLeastMillis: Self.answerMillis)
            noteUnanswered(member)
        } else {
            adopt(connection, for: member)
        }
    }

    /// A larger server has been asked to connect; it does so within milliseconds, if it knows this server's address.
    private func noteUnanswered(_ member: ElectionMember) {
        member.unanswered += 1
        guard member.unanswered > Self.patientAsks else { return }
        let problem = ReplicationProblem.noAnswer(of: member.id, to: settings.ownID)
        events?.peerProblem(problem, of: member.id)
        complaints.warn(problem.text, peer: "server.\(member.id)", nowNanos: reactor.nowNanos)
    }

    /// Makes a connection the one of a server.
    private func adopt(_ connection: Connection, for member: ElectionMember) {
        if let old = member.link {
            disown(old)
            if member.noteTakeover(nowNanos: reactor.nowNanos) {
                events?.peerProblem(.sharedID(member.id), of: member.id)
                complaints.warn(
                    "connections under id \(member.id) replace each other all the time: do two servers have "
                        + "\(member.id) in their myid?", peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
            }
        }
        if let attempt = member.attempt { disown(attempt) }
        member.attempt = nil
        member.link = connection
        member.linkedNanos = reactor.nowNanos
        member.linkIsProven = false
        member.unanswered = 0
        member.wantsLink = false
        member.retryNanos = .max
        connection.context = member
        connection.limitUnacknowledgedTime(millis: Self.unacknowledgedMillis)
        let older = member.unsent ?? member.lastSent
        member.unsent = nil
        let sentNanos = member.lastSentNanos
        member.lastSent = nil
        events?.electionLinkUp(member.id)
        guard member.link === connection, member.unsent == nil, member.lastSent == nil, let older else { return }
        member.unsent = older
        transmit(member)
        // Sending again does not make it younger, or two servers could go on for ever.
        if member.lastSent != nil && sentNanos != 0 { member.lastSentNanos = sentNanos }
    }

    /// Closes a connection that no longer matters to anybody.
    private func disown(_ connection: Connection) {
        connection.context = nil
        connection.close(afterFlush: false, reason: .requested("another connection takes its place"))
    }

    private func drop(_ member: ElectionMember) {
        if let link = member.link { disown(link) }
        if let attempt = member.attempt { disown(attempt) }
        member.link = nil
        member.attempt = nil
    }

    // MARK: incoming

    func accepted(_ connection: Connection) -> Bool {
        guard openings.count < Self.maximumOpenings else {
            complaints.warn(
                "\(openings.count) connections to the election port have not said who they are; refusing more",
                peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
            return false
        }
        let deadline = reactor.nowNanos + UInt64(settings.openingMillis) * 1_000_000
        let opening = Opening(connection, deadlineNanos: deadline)
        connection.context = opening
        openings.append(opening)
        reactor.wakePeerHandler(atNanos: deadline)
        return true
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        var consumed = 0
        if connection.context is Opening {
            switch ElectionOpening.parse(bytes) {
            case .incomplete:
                return 0
            case .garbage(let what):
                refuse(connection, "an election port got bytes that no server sends: \(what)")
                return bytes.count
            case .whole(let opening, let byteCount):
                identify(connection, opening)
                consumed = byteCount
            }
        }
        guard let member = connection.context as? ElectionMember, member.link === connection else {
            return bytes.count
        }
        return consumed
            + receiveMessages(UnsafeRawBufferPointer(rebasing: bytes[consumed...]), from: connection, of: member)
    }

    private func refuse(_ connection: Connection, _ what: String) {
        openings.removeAll { $0.connection === connection }
        complaints.warn("\(what)", peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
        connection.context = nil
        connection.close(afterFlush: false, reason: .requested("not a server of this ensemble"))
    }

    private func identify(_ connection: Connection, _ opening: ElectionOpening) {
        openings.removeAll { $0.connection === connection }
        let id = opening.server
        if id == ElectionOpening.anonymousObserver { return admitAnonymous(connection) }
        let peer = "\(connection.peerAddress.ip)\(opening.addresses.isEmpty ? "" : " (\(opening.addresses))")"
        if id == settings.ownID {
            events?.peerProblem(.duplicateID(id, at: peer), of: id)
            return refuse(
                connection,
                "a connection to the election port claims our own id \(id) (it announces "
                    + "\(opening.addresses)): another server has the same myid, or the address of another server.N "
                    + "in some configuration is ours")
        }
        guard let member = members[id], id >= 0 else {
            // Without a version this may be anything.
            if opening.addresses.isEmpty {
                return refuse(connection, "an election port got bytes that no server of this ensemble sends")
            }
            events?.peerProblem(.unknownPeer(id, at: peer), of: id)
            return refuse(
                connection,
                "server \(id) (it announces \(opening.addresses)) connects to the election port, but the "
                    + "configuration has no server.\(id): its myid is wrong, or the member lists differ")
        }
        checkAnnouncement(opening, of: member, connection)
        member.resetBackoff()
        if id > settings.ownID { return adopt(connection, for: member) }
        // It has no connection to us that it knows of, and waits for ours.
        disown(connection)
        if let old = member.link {
            member.link = nil
            disown(old)
        }
        member.wantsLink = true
        attempt(member)
    }

    private func admitAnonymous(_ connection: Connection) {
        guard members.values.count(where: { $0.id < 0 }) < Self.maximumAnonymous else {
            return refuse(connection, "too many observers without an id of their own")
        }
        let member = ElectionMember(id: nextAnonymousID, route: PeerRoute([]))
        nextAnonymousID -= 1
        members[member.id] = member
        adopt(connection, for: member)
    }

    /// Unequal member lists are worth a line; names may differ, ports may not.
    private func checkAnnouncement(_ opening: ElectionOpening, of member: ElectionMember, _ connection: Connection) {
        let announced = opening.addresses.split(separator: "|").compactMap {
            $0.split(separator: ":").last.map(String.init)
        }
        guard !announced.isEmpty else { return }
        guard !member.route.stops.contains(where: { announced.contains(String($0.port)) }) else {
            events?.peerInOrder(member.id)
            return
        }
        events?.peerProblem(
            .otherAddress(member.id, says: opening.addresses, listed: member.route.text), of: member.id)
        complaints.warn(
            "server \(member.id) announces the election address \(opening.addresses), but our configuration says "
                + "\(member.route.text): the member lists differ, or two servers have \(member.id) in their myid",
            peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
    }

    private func receiveMessages(
        _ bytes: UnsafeRawBufferPointer, from connection: Connection, of member: ElectionMember
    ) -> Int {
        var position = 0
        while bytes.count - position >= 4 {
            let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self)))
            guard length > 0, length <= Self.maximumMessageBytes else {
                complaints.warn(
                    "server \(member.id) announces an election message of \(length) bytes; the connection is closed",
                    peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
                connection.close(afterFlush: false, reason: .requested("an election message of \(length) bytes"))
                return bytes.count
            }
            guard bytes.count - position - 4 >= length else { break }
            let body = UnsafeRawBufferPointer(rebasing: bytes[position + 4..<position + 4 + length])
            position += 4 + length
            if !member.linkIsProven {
                member.linkIsProven = true
                member.resetBackoff()
            }
            events?.electionMessage(body, from: member.id)
            // The call may have led to another connection.
            guard member.link === connection else { return bytes.count }
        }
        return position
    }

    // MARK: ends

    func closed(_ connection: Connection, reason: CloseReason) {
        let context = connection.context
        connection.context = nil
        if context is Opening {
            openings.removeAll { $0.connection === connection }
            return
        }
        guard let member = context as? ElectionMember else { return }
        if member.attempt === connection {
            member.attempt = nil
            if reason == .stopping { return }
            // The time has been waited already.
            if reason == .connectTimedOut { member.resetBackoff() }
            if member.route.turnAway(hosts) {
                attemptFailed(member, reason: "\(reason)")
            } else {
                member.retryNanos = reactor.nowNanos
                reactor.wakePeerHandler(atNanos: reactor.nowNanos)
            }
        } else if member.link === connection {
            linkLost(member, connection, reason)
        }
    }

    private func linkLost(_ member: ElectionMember, _ connection: Connection, _ reason: CloseReason) {
        member.link = nil
        guard member.id >= 0 else {
            members[member.id] = nil
            return
        }
        guard reason != .stopping else { return }
        defer { events?.electionLinkDown(member.id) }
        let now = reactor.nowNanos
        complaints.note(
            "election connection lost", metadata: ["server": "\(member.id)", "reason": "\(reason)"])
        if !member.linkIsProven && connection.isOutgoing && now < member.linkedNanos + 1_000_000_000 {
            complaints.warn(
                "server.\(member.id) ends our election connections at once: does its configuration have our "
                    + "server.\(settings.ownID)?", peer: "server.\(member.id)", nowNanos: now)
        }
        if member.unsent == nil, let last = member.lastSent, now < member.lastSentNanos + Self.resentNanos {
            member.unsent = last
        }
        if member.unsent != nil {
            member.wantsLink = true
            scheduleRetry(member)
        }
    }

    /// Does what is due.
    func deadlinePassed(nowNanos: UInt64) {
        for opening in openings where nowNanos >= opening.deadlineNanos {
            refuse(opening.connection, "a connection to the election port does not say who it is; closed")
        }
        for member in members.values where nowNanos >= member.retryNanos { attempt(member) }
        rearm()
    }

    private func rearm() {
        for opening in openings { reactor.wakePeerHandler(atNanos: opening.deadlineNanos) }
        for member in members.values { reactor.wakePeerHandler(atNanos: member.retryNanos) }
    }
}
