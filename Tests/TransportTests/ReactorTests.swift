import CPlatform
import Glibc
import Jute
import RequestQueue
import Synchronization
import Testing

@testable import Transport

@Suite("Reactor", .serialized, .timeLimit(.minutes(3)))
struct ReactorTests {
    @Test("frames cut at every byte arrive whole and in order")
    func everySplit() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        let client = try Client(port: server.port)
        let bytes = frame(17, stamp: 1) + frame(0, stamp: 2) + frame(40, stamp: 3)
        var sent = 0
        for cut in 0...bytes.count {
            client.send(bytes[..<cut])
            sent += cut
            // The server has read the first part on its own before the second is sent.
            #expect(cut == 0 || eventually { server.handler.seen.bytesSeen == sent })
            client.send(bytes[cut...])
            sent += bytes.count - cut
            #expect(client.receive(bytes.count) == bytes, "cut at \(cut)")
        }
        for byte in bytes {
            client.send([byte])
            sent += 1
            #expect(eventually { server.handler.seen.bytesSeen == sent })
        }
        #expect(client.receive(bytes.count) == bytes)
    }

    @Test("frames of a megabyte, pipelined and mixed with small ones")
    func largeFrames() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        let client = try Client(port: server.port)
        let bytes = (0..<6).flatMap { frame($0 % 2 == 0 ? 0xf_ffff : 40, stamp: $0) }
        let sender = TestThread { client.send(bytes) }
        #expect(client.receive(bytes.count) == bytes)
        sender.join()
        let kept = LockedValue<Int?>(nil)
        server.handler.perform { handler in
            let sum = handler.connections.values.reduce(0) { $0 + $1.keptBytes + $1.kept.pointee.capacity }
            kept.withLock { $0 = sum }
        }
        #expect(eventually { kept.withLock { $0 } != nil })
        #expect(kept.withLock { $0 } == 0, "memory of large frames stays")
    }

    @Test("an incomplete frame beyond the limit ends its connection, and no other")
    func tooLarge() throws {
        var options = ReactorOptions()
        options.maxKeptBytes = 100_000
        let server = try RunningReactor(options: options)
        defer { server.finish() }
        let good = try Client(port: server.port)
        let bad = try Client(port: server.port)
        bad.send(frame(500_000, stamp: 0).dropLast())
        #expect(eventually { server.handler.seen.closed == [.frameTooLarge] })
        good.send(frame(9, stamp: 1))
        #expect(good.receive(13) == frame(9, stamp: 1))
    }

    @Test("a client that does not read is not read from; memory is bounded, and nothing is lost", arguments: [1, 500])
    func slowReader(amplification: Int) throws {
        var options = ReactorOptions()
        options.outputLimitBytes = 256 * 1024
        let server = try RunningReactor(options: options) {
            $0.onFrame = { connection, payload in
                for _ in 0..<amplification { connection.output.append(buffer: payload) }
            }
        }
        defer { server.finish() }
        let client = try Client(port: server.port, receiveBufferBytes: 256 * 1024)
        let other = try Client(port: server.port)
        let size = 1000
        let requests = amplification == 1 ? 20_000 : 80
        let frames = (0..<64).map { frame(size, stamp: $0) }
        let sender = TestThread { for number in 0..<requests { client.send(frames[number % 64]) } }
        // The sender gets stuck once all buffers are full; meanwhile others are served. Of a reply beyond the limit the
        // kernel may still take so much that less than the limit is left: reading goes on at half of it. And it may
        // drop what it has no memory for in the client's full buffer, with the acknowledgements of the client's own
        // bytes in it, so that nothing moves in either direction until the client has read a little.
        var taken = 0
        var wrong = 0
        func take() {
            if client.receive(size + 4) != frames[taken / amplification % 64] { wrong += 1 }
            taken += 1
        }
        let isStuck = { server.handler.seen.mostPendingOutput > options.outputLimitBytes / 2 }
        for _ in 0..<40 where !eventually(withinMillis: 500, isStuck) && wrong == 0 {
            for _ in 0..<64 { take() }
        }
        #expect(isStuck(), "\(taken) replies were read")
        for number in 0..<100 {
            other.send(frame(9, stamp: number))
            #expect(other.receive(13 * amplification).prefix(13) == frame(9, stamp: number)[...])
        }
        #expect(server.handler.seen.frames - 100 < requests, "the whole input was read")
        while taken < requests * amplification && wrong == 0 { take() }
        sender.join()
        #expect(wrong == 0)
        // One more reply than the limit, or what one turn's input (and what was kept before) turned into.
        let most = server.handler.seen.mostPendingOutput
        #expect(most <= options.outputLimitBytes + (size + 4) * amplification, "\(most) bytes pending")
    }

    @Test("a thousand connections at once, or as many as are allowed")
    func manyConnections() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 8192))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Two descriptors for each; fewer connections where that is not allowed (ulimit -n).
        let many = min(1000, (Int(clamping: limit.rlim_cur) - 400) / 2)
        try #require(many >= 200)
        let server = try RunningReactor()
        defer { server.finish() }
        var clients = try (0..<many).map { _ in try Client(port: server.port) }
        #expect(eventually { server.reactor.connectionCount == many })
        for round in 0..<3 {
            for (number, client) in clients.enumerated() { client.send(frame(40 + round, stamp: number)) }
            for (number, client) in clients.enumerated() {
                #expect(client.receive(44 + round) == frame(40 + round, stamp: number))
            }
        }
        clients.removeSubrange((many / 2)...)
        #expect(eventually { server.reactor.connectionCount == many / 2 })
        #expect(server.handler.seen.closed.allSatisfy { $0 == .peerClosed })
        // Ids are dense: the free ones are used again, with another generation.
        let again = try (0..<100).map { _ in try Client(port: server.port) }
        #expect(eventually { server.reactor.connectionCount == many / 2 + 100 })
        let fine = LockedValue<Bool?>(nil)
        server.handler.perform { handler in
            let all = handler.connections.values
            let isFine = all.allSatisfy { $0.id < many } && all.filter { $0.generation == 1 }.count == 100
            fine.withLock { $0 = isFine }
        }
        #expect(eventually { fine.withLock { $0 } != nil })
        #expect(fine.withLock { $0 } == true)
        withExtendedLifetime(again) {}
    }

    @Test("no connection takes more than its share of a turn")
    func fairness() throws {
        var options = ReactorOptions()
        options.readBytesPerTurn = 8 * 1024
        let server = try RunningReactor(options: options)
        defer { server.finish() }
        let greedy = try Client(port: server.port)
        let modest = try Client(port: server.port)
        let count = 50_000
        let bytes = (0..<100).flatMap { frame(100, stamp: $0) }
        let sender = TestThread { for _ in 0..<(count / 100) { greedy.send(bytes) } }
        let reader = TestThread { for _ in 0..<count { _ = greedy.receive(104) } }
        for number in 0..<200 {
            modest.send(frame(9, stamp: number))
            #expect(modest.receive(13) == frame(9, stamp: number))
        }
        sender.join()
        reader.join()
        #expect(server.handler.seen.mostReceivedInTurn <= 8 * 1024)
        #expect(server.handler.seen.frames == count + 200)
    }

    @Test("paused in mid-batch: the rest is kept, and resumes without new bytes")
    func pauseAndResume() throws {
        let server = try RunningReactor {
            $0.onFrame = { connection, payload in
                connection.output.append(buffer: payload)
                connection.markDirty()
                if payload.count == 5 { connection.pauseReading() }
            }
        }
        defer { server.finish() }
        let client = try Client(port: server.port)
        for round in 0..<20 {
            let first = frame(40, stamp: round) + frame(5, stamp: 9)
            let second = frame(41, stamp: round) + frame(42, stamp: round)
            client.send(first + second)
            #expect(client.receive(first.count) == first)
            let frames = server.handler.seen.frames
            client.send(frame(43, stamp: round))
            // A full turn of the reactor passes while the connection is paused.
            let passed = LockedValue(false)
            server.handler.perform { _ in passed.withLock { $0 = true } }
            #expect(eventually { passed.withLock { $0 } })
            #expect(server.handler.seen.frames == frames)
            server.handler.perform { $0.connections.values.first!.resumeReading() }
            let rest = second + frame(43, stamp: round)
            #expect(client.receive(rest.count) == rest)
        }
    }

    @Test("bytes gathered elsewhere are sent in order, copied or exchanged", arguments: [10, 4095, 4096, 300_000])
    func gatheredOutput(size: Int) throws {
        let gathered = GatheredOutput()
        let server = try RunningReactor {
            $0.onFrame = { connection, payload in
                gathered.buffer.append(buffer: payload)
                connection.send(&gathered.buffer)
                if !gathered.buffer.isEmpty { gathered.leftBehind += 1 }
                connection.output.append(buffer: payload)
            }
        }
        let client = try Client(port: server.port)
        let count = 40
        let frames = (0..<count).map { frame(size, stamp: $0) }
        let sender = TestThread { for one in frames { client.send(one) } }
        var wrong = 0
        for one in frames {
            for _ in 0..<2 where client.receive(one.count) != one { wrong += 1 }
        }
        sender.join()
        server.finish()
        #expect(wrong == 0)
        #expect(gathered.leftBehind == 0)
    }

    @Test("a handler that refuses a read and pauses is asked again after the resume")
    func askedBeforeReading() throws {
        let server = try RunningReactor { handler in
            handler.onMayRead = {
                $0.pauseReading()
                return false
            }
        }
        defer { server.finish() }
        let client = try Client(port: server.port)
        client.send(frame(20, stamp: 1))
        #expect(eventually { server.handler.seen.refusedReads == 1 })
        #expect(server.handler.seen.frames == 0)
        server.handler.perform { handler in
            handler.onMayRead = { _ in true }
            handler.connections.values.first!.resumeReading()
        }
        #expect(client.receive(24) == frame(20, stamp: 1))
    }

    @Test("work left by other threads wakes the reactor every time")
    func noLostWakeUp() throws {
        let server = try RunningReactor()
        defer { server.finish() }
        let done = SharedCounter()
        let threads = (0..<3).map { _ in
            TestThread {
                for _ in 0..<3_000 { server.handler.perform { _ in done.value.wrappingAdd(1, ordering: .relaxed) } }
            }
        }
        for thread in threads { thread.join() }
        #expect(eventually { done.value.load(ordering: .relaxed) == 9_000 })
        // One at a time, so that the reactor sleeps in between; each must arrive before the next is sent.
        for number in 1...500 {
            server.handler.perform { _ in done.value.wrappingAdd(1, ordering: .relaxed) }
            #expect(eventually { done.value.load(ordering: .relaxed) == 9_000 + number })
        }
    }

    @Test("ticks come in time, and an idle reactor does nothing else")
    func ticks() throws {
        var options = ReactorOptions()
        options.tickMillis = 20
        let server = try RunningReactor(options: options)
        defer { server.finish() }
        // Some may have come already, if this thread was kept waiting.
        let first = server.handler.seen.ticks
        let before = corral_monotonic_nanos()
        #expect(eventually { server.handler.seen.ticks >= first + 11 })
        let elapsed = (corral_monotonic_nanos() - before) / 1_000_000
        #expect(elapsed >= 180)
        let seen = server.handler.seen
        #expect(seen.turns <= seen.ticks + 10, "\(seen.turns) turns for \(seen.ticks) ticks")
    }

    @Test("accepted connections are shared among reactors")
    func manyReactors() throws {
        let second = try RunningReactor(listens: false)
        let third = try RunningReactor(listens: false)
        let first = try RunningReactor(others: [second, third])
        defer { for server in [first, second, third] { server.finish() } }
        let clients = try (0..<30).map { _ in try Client(port: first.port) }
        #expect(eventually { [first, second, third].allSatisfy { $0.reactor.connectionCount == 10 } })
        let wrong = SharedCounter()
        let threads = (0..<3).map { share in
            TestThread {
                for round in 0..<200 {
                    for number in stride(from: share, to: 30, by: 3) {
                        clients[number].send(frame(60, stamp: round + number))
                        if clients[number].receive(64) != frame(60, stamp: round + number) {
                            wrong.value.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.value.load(ordering: .relaxed) == 0)
        #expect(second.handler.seen.frames == 2_000)
    }
}

/// The output of a handler that gathers it outside of the connection. Its reactor's thread's own, until that has ended.
final class GatheredOutput: @unchecked Sendable {
    var buffer = WireBuffer()
    var leftBehind = 0
}

/// A number that several threads of a test share.
final class SharedCounter: Sendable {
    let value = Atomic<Int>(0)
}
