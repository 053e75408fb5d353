import Jute
import Testing
import ZooKeeperProtocol

@testable import ZooKeeperClient

@Suite("The session machine")
struct SessionMachineTests {
    // MARK: Handshake

    @Test("asks for a new session, then comes back to it with what it has seen")
    func handshake() throws {
        var driver = MachineDriver()
        let firstAsked = driver.open()
        let first = try #require(firstAsked)
        #expect(first.sessionId == 0 && first.timeoutMillis == 9000 && !first.readOnly && first.lastZxidSeen == 0)
        #expect(driver.machine.state == .connecting && !driver.machine.sends)
        driver.answerHandshake(id: 77, timeoutMillis: 6000)
        #expect(driver.posted == [.connected])
        #expect(driver.effects.last == .sendSubmitted)
        #expect(driver.machine.identity.timeoutMillis == 6000)

        let read = driver.send(.sync())
        driver.reply(xid: 1, zxid: 55)
        #expect(read.now != nil)
        driver.breakConnection()
        #expect(driver.posted == [.suspended])

        let secondAsked = driver.open()
        let second = try #require(secondAsked)
        #expect(second.sessionId == 77 && second.lastZxidSeen == 55)
        #expect(second.password == Array(repeating: 9, count: 16) && second.timeoutMillis == 9000)
        driver.answerHandshake(id: 77, timeoutMillis: 6000)
        #expect(driver.posted == [.connected])
    }

    @Test("a session from elsewhere is resumed")
    func resuming() throws {
        var settings = MachineDriver.settings()
        settings.resuming = SessionIdentity(id: 5, password: [1, 2], timeoutMillis: 4000, lastZxid: 9)
        var driver = MachineDriver(settings)
        let requestAsked = driver.open()
        let request = try #require(requestAsked)
        #expect(request.sessionId == 5 && request.password == [1, 2] && request.lastZxidSeen == 9)
        #expect(request.timeoutMillis == 4000)
    }

    @Test("a timeout of zero means that the session is no more")
    func refused() {
        var driver = MachineDriver()
        driver.connect()
        let read = driver.send(.getData("/a"))
        driver.breakConnection()
        #expect(read.error?.reason == .connectionLoss && read.error?.outcome == .unknown)
        driver.open()
        driver.answerHandshake(id: 0, timeoutMillis: 0)
        #expect(driver.posted == [.expired])
        #expect(driver.effects.contains(.seal(.sessionExpired)))
        #expect(driver.machine.nextDeadlineNanos == nil)
    }

    @Test("attempts end in time, go round all servers, and pause between rounds")
    func attempts() {
        var driver = MachineDriver()
        driver.run { $0.start(now: $1) }
        var tried = driver.connectedTo
        let begin = driver.now
        while tried.count < 7 {
            driver.pass(millis: 10)
            tried += driver.connectedTo
        }
        for round in [tried[0..<3], tried[3..<6]] { #expect(Set(round) == Set(MachineDriver.endpoints)) }
        for (one, next) in zip(tried, tried.dropFirst()) { #expect(one != next) }
        // Each has a third of the session's timeout.
        #expect((18_000...19_000).contains((driver.now - begin) / 1_000_000))
        #expect(driver.machine.state == .connecting)
    }

    @Test("a server that refuses at once is not asked without pause for ever")
    func backOff() {
        var driver = MachineDriver(endpoints: [Endpoint(host: "only")])
        driver.run { $0.start(now: $1) }
        let begin = driver.now
        var attempts = 0
        while driver.now - begin < 10_000_000_000 {
            attempts += 1
            driver.breakConnection()
            guard case .pausing(let until) = driver.machine.phase else {
                Issue.record("\(driver.machine.phase)")
                return
            }
            driver.now = until
            driver.run { $0.tick(now: $1) }
        }
        #expect((12...40).contains(attempts), "\(attempts) attempts in 10 s")
    }

    @Test("late events of an old connection mean nothing")
    func lateEvents() {
        var driver = MachineDriver()
        driver.connect()
        let old = driver.machine.transport
        driver.breakConnection()
        driver.open()
        driver.run { $0.closed(transport: old, now: $1, why: "late") }
        #expect(driver.effects.isEmpty && driver.machine.phase == .handshaking)
        driver.run { $0.opened(transport: old, now: $1) }
        #expect(driver.effects.isEmpty)
        driver.answerHandshake(id: 77, timeoutMillis: 9000)
        #expect(driver.machine.state == .connected)
    }

    // MARK: Time

    @Test("a ping after a third of the timeout without a request, and none without need")
    func heartbeat() {
        var driver = MachineDriver()
        driver.connect()
        let early = driver.pass(millis: 2999)
        #expect(early.isEmpty)
        driver.pass(millis: 1)
        #expect(driver.sentHeaders == [[ReservedXid.ping, OpCode.ping.rawValue]])
        driver.reply(xid: ReservedXid.ping)
        // A request does as well.
        driver.pass(millis: 2000)
        driver.send(.sync())
        driver.reply(xid: 1)
        let again = driver.pass(millis: 2999)
        #expect(again.isEmpty)
        driver.pass(millis: 1)
        #expect(driver.sentHeaders.count == 1)
    }

    @Test("another server after two thirds of silence")
    func silence() {
        var driver = MachineDriver()
        driver.connect()
        let server = driver.machine.server
        let write = driver.send(.setData("/a", []))
        let number = driver.machine.transport
        driver.pass(millis: 5999)
        #expect(driver.machine.state == .connected && write.now == nil)
        driver.pass(millis: 1)
        #expect(driver.effects.contains(.disconnect(transport: number)))
        #expect(driver.posted == [.suspended])
        #expect(write.error == ZooKeeperError(.connectionLoss, outcome: .unknown, operation: .setData, path: "/a"))
        driver.pass(millis: 50)
        #expect(driver.connectedTo.count == 1 && driver.connectedTo.first != server)
    }

    @Test("expires by itself after four thirds of silence, unless told not to", arguments: [true, false])
    func localExpiry(expiresLocally: Bool) {
        var settings = MachineDriver.settings()
        settings.expiresLocally = expiresLocally
        var driver = MachineDriver(settings)
        driver.connect()
        driver.pass(millis: 11_999)
        #expect(driver.machine.state == .suspended)
        driver.pass(millis: 1)
        #expect(driver.machine.state == (expiresLocally ? .expired : .suspended))
        driver.pass(millis: 60_000)
        #expect(driver.machine.state == (expiresLocally ? .expired : .suspended))
    }

    @Test("a client without a session never expires")
    func noExpiryBefore() {
        var driver = MachineDriver()
        driver.run { $0.start(now: $1) }
        driver.pass(millis: 600_000)
        #expect(driver.machine.state == .connecting)
    }

    @Test("a request that has waited long enough fails; its late reply is paired and the next one too")
    func requestTimeout() throws {
        var driver = MachineDriver()
        driver.connect()
        let first = driver.send(.getData("/a"), deadlineAfterMillis: 1000)
        driver.pass(millis: 500)
        let second = driver.send(.exists("/b"), deadlineAfterMillis: 1000)
        driver.pass(millis: 500)
        #expect(first.error?.reason == .requestTimeout && first.error?.outcome == .unknown)
        #expect(first.error?.path == "/a" && second.now == nil)
        driver.reply(xid: 1) { $0.append(bytes: []) }
        driver.reply(xid: 2, error: .noNode)
        #expect(try second.now?.get() == .some(nil))
        #expect(first.error?.reason == .requestTimeout)
        #expect(driver.machine.state == .connected)
    }

    // MARK: Replies

    @Test("who waits for a credential's answer has its time too, with a connection and without")
    func credentialTimeout() {
        for isBroken in [false, true] {
            var driver = MachineDriver()
            driver.connect()
            let credential = Credential(scheme: "digest", secret: [1])
            let reply = driver.send(.authenticate(credential), deadlineAfterMillis: 100)
            if isBroken { driver.breakConnection() }
            driver.pass(millis: 99)
            #expect(reply.now == nil)
            driver.pass(millis: 1)
            #expect(reply.error?.reason == .requestTimeout && reply.error?.outcome == .unknown)
            if isBroken {
                driver.connect()
                #expect(driver.machine.state == .connected)
            }
            // The late answer is that of this credential and not of another.
            let next = driver.send(.authenticate(Credential(scheme: "digest", secret: [2])))
            driver.reply(xid: ReservedXid.auth)
            #expect(next.now == nil)
            driver.reply(xid: ReservedXid.auth)
            #expect(next.now != nil && next.error == nil)
        }
    }

    @Test("a reply out of order breaks the connection")
    func wrongXid() {
        var driver = MachineDriver()
        driver.connect()
        let reads = [driver.send(.sync("/1")), driver.send(.sync("/2"))]
        driver.reply(xid: 2)
        #expect(driver.posted == [.suspended])
        #expect(reads.allSatisfy { $0.error?.reason == .connectionLoss })
    }

    @Test("a malformed body fails its request alone")
    func malformed() {
        var driver = MachineDriver()
        driver.connect()
        let broken = driver.send(.getData("/a"))
        let fine = driver.send(.sync())
        driver.reply(xid: 1) { $0.append(int32: 1000) }
        driver.reply(xid: 2)
        guard case .malformedReply = broken.error?.reason else {
            Issue.record("\(String(describing: broken.now))")
            return
        }
        #expect(fine.error == nil && fine.now != nil && driver.machine.state == .connected)
    }

    @Test("a frame too short for a header breaks the connection")
    func shortFrame() {
        var driver = MachineDriver()
        driver.connect()
        driver.receive { $0.append(int32: 1) }
        #expect(driver.posted == [.suspended])
    }

    @Test("an error code from the future is passed on")
    func unknownCode() {
        var driver = MachineDriver()
        driver.connect()
        let read = driver.send(.getData("/a"))
        driver.receive { ReplyHeader(xid: 1, zxid: 1, error: -999).encode(to: &$0) }
        #expect(read.error?.reason == .unknownServerCode(-999))
    }

    // MARK: The end

    @Test("close waits for its reply, and not for ever")
    func close() {
        var driver = MachineDriver()
        driver.connect()
        let farewell = driver.send(.closeSession)
        driver.run { $0.close(now: $1) }
        #expect(driver.machine.state == .connected)
        driver.reply(xid: 1)
        #expect(driver.posted == [.closed] && farewell.error == nil && farewell.now != nil)

        var patient = MachineDriver(MachineDriver.settings(timeoutMillis: 60_000))
        patient.connect(timeoutMillis: 60_000)
        patient.send(.closeSession)
        patient.run { $0.close(now: $1) }
        patient.pass(millis: 5000)
        #expect(patient.machine.state == .closed)
    }

    @Test("close without a connection ends at once")
    func closeUnconnected() {
        var driver = MachineDriver()
        driver.run { $0.start(now: $1) }
        driver.run { $0.close(now: $1) }
        #expect(driver.posted == [.closed] && driver.effects.contains(.seal(.closed)))
    }

    @Test("a closing session whose connection breaks is closed")
    func closeBroken() {
        var driver = MachineDriver()
        driver.connect()
        driver.send(.closeSession)
        driver.run { $0.close(now: $1) }
        driver.breakConnection()
        #expect(driver.posted == [.closed])
    }

    // MARK: Credentials

    @Test("credentials are presented on every connection, before the watches and all requests")
    func credentials() {
        var settings = MachineDriver.settings()
        settings.credentials = [.digest(user: "a", password: "b")]
        var driver = MachineDriver(settings)
        driver.connect()
        let auth = [ReservedXid.auth, OpCode.auth.rawValue]
        #expect(driver.sentHeaders == [auth])
        driver.reply(xid: ReservedXid.auth)
        let second = driver.send(.authenticate(.digest(user: "c", password: "d")))
        let watched = driver.send(.getChildren("/w"), watch: MachineDriver.sink("/w", .children))
        driver.reply(xid: 2) { $0.append(int32: 0) }
        #expect(second.now == nil && watched.now != nil)
        driver.breakConnection()
        #expect(second.now == nil, "it is presented again, so its answer may still come")
        driver.connect()
        #expect(driver.sentHeaders == [auth, auth, [ReservedXid.setWatches, OpCode.setWatches.rawValue]])
        driver.reply(xid: ReservedXid.auth)
        #expect(second.now == nil)
        driver.reply(xid: ReservedXid.auth)
        #expect(second.now != nil && second.error == nil)
    }

    @Test("a refused credential ends the client")
    func refusedCredential() {
        var driver = MachineDriver()
        driver.connect()
        let read = driver.send(.getData("/a"))
        let auth = driver.send(.authenticate(Credential(scheme: "nonsense", secret: [])))
        driver.reply(xid: ReservedXid.auth, error: .authFailed)
        #expect(auth.error?.reason == .server(.authFailed))
        #expect(read.error?.reason == .authenticationFailed && read.error?.outcome == .unknown)
        #expect(driver.posted == [.authenticationFailed])
    }

    // MARK: A server without a quorum

    @Test("read-only: refused when not wanted")
    func readOnlyRefused() throws {
        var driver = MachineDriver()
        driver.connect(readOnly: true)
        #expect(driver.posted.isEmpty && driver.machine.state == .connecting)
        guard case .pausing = driver.machine.phase else {
            Issue.record("\(driver.machine.phase)")
            return
        }
    }

    @Test("read-only: a server with a quorum is looked for, ever more seldom, and moved to")
    func readOnly() throws {
        var settings = MachineDriver.settings(timeoutMillis: 60_000)
        settings.allowsReadOnly = true
        var driver = MachineDriver(settings)
        let requestAsked = driver.open()
        let request = try #require(requestAsked)
        #expect(request.readOnly)
        driver.answerHandshake(id: 3, timeoutMillis: 60_000, readOnly: true)
        #expect(driver.posted == [.connectedReadOnly])
        var probed: [Endpoint] = []
        for _ in 0..<100 {
            driver.pass(millis: 100)
            for case .probe(let endpoint) in driver.effects { probed.append(endpoint) }
            driver.reply(xid: ReservedXid.ping)
        }
        #expect((5...8).contains(probed.count), "\(probed.count) in 10 s")
        #expect(!probed.contains(try #require(driver.machine.server)) && Set(probed).count == 2)

        driver.run { $0.foundQuorum(at: probed[0], now: $1) }
        #expect(driver.posted == [.connecting])
        driver.pass(millis: 0)
        #expect(driver.connectedTo == [probed[0]])
        let number = driver.machine.transport
        driver.run { $0.opened(transport: number, now: $1) }
        // The session of a server without a quorum is no one else's.
        let frame = try #require(driver.sentFrames.first)
        let second = try frame.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            return try ConnectRequest(from: &reader)
        }
        #expect(second.sessionId == 0)
        driver.answerHandshake(id: 4, timeoutMillis: 60_000)
        #expect(driver.posted == [.connected] && driver.machine.identity.id == 4)
    }
}
