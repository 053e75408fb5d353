import Testing

@testable import ServerCore

@Suite("Sessions")
struct SessionTests {
    /// Values printed by Java's `new Random(id ^ 0xB3415C00).nextBytes(new byte[16])`.
    @Test(
        "passwords are those of Apache's server",
        arguments: [
            (Int64(1), "054cc74a37327db215e702e20c73f005"),
            (Int64(0x1000_1234_5678_abcd), "0ee78c40428d13b7b2939c34f5e56169"),
            (Int64(-5), "d47144b5e45e45c49c3b7fdcd66257ba"),
        ])
    func passwords(id: Int64, expected: String) {
        let hex = SessionPassword.generate(for: id).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        #expect(hex == expected)
    }

    @Test("a silent session expires once, a touched one does not")
    func expiry() {
        var table = SessionTable(serverId: 1, tickMillis: 100, nowMillis: 1000, wallMillis: 1)
        let silent = table.track(id: 7, timeoutMillis: 400, nowMillis: 1000)
        let lively = table.track(id: 8, timeoutMillis: 400, nowMillis: 1000)
        #expect(table.expired(nowMillis: 1399).isEmpty)
        lively.touch(1350)
        var expired: [Int64] = []
        for now in stride(from: Int64(1400), through: 1700, by: 10) {
            expired += table.expired(nowMillis: now).map(\.id)
        }
        #expect(expired == [silent.id])
        for now in stride(from: Int64(1700), through: 2000, by: 10) {
            expired += table.expired(nowMillis: now).map(\.id)
        }
        #expect(expired == [silent.id, lively.id])
    }

    @Test("a session never expires before its timeout", arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func neverEarly(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = SessionTable(serverId: 1, tickMillis: 50, nowMillis: 0, wallMillis: 1)
        var heard: [Int64: Int64] = [:]
        var timeouts: [Int64: Int32] = [:]
        for id in 1...40 as ClosedRange<Int64> {
            let timeout = Int32.random(in: 60...900, using: &random)
            table.track(id: id, timeoutMillis: timeout, nowMillis: 0)
            heard[id] = 0
            timeouts[id] = timeout
        }
        var gone = 0
        for now in stride(from: Int64(0), to: 5000, by: 7) {
            let id = Int64.random(in: 1...40, using: &random)
            if now < 3000, let session = table[id] {
                session.touch(now)
                heard[id] = now
            }
            for session in table.expired(nowMillis: now) {
                #expect(now >= heard[session.id]! + Int64(timeouts[session.id]!), "seed \(seed)")
                table.remove(id: session.id)
                gone += 1
            }
        }
        #expect(gone == 40, "every silent session expires in the end; seed \(seed)")
    }

    @Test("new ids carry the server's id and are never those of live sessions")
    func ids() {
        var table = SessionTable(serverId: 3, tickMillis: 100, nowMillis: 0, wallMillis: 1_700_000_000_000)
        let first = table.makeId()
        #expect(first >> 56 == 3)
        table.track(id: first + 1, timeoutMillis: 100, nowMillis: 0)
        #expect(table.makeId() == first + 2)
    }
}
