import TestSupport
import Testing
import ZooKeeperProtocol

/// What the matcher of explanations may and may not accept: an explained request explains nothing beside itself.
@Suite("Explanations")
struct ExplanationTests {
    static func exchange(_ request: String, _ left: String..., right: [String]) -> Exchange {
        Exchange(request: request, left: left, right: right)
    }

    @Test("accept: the request it matches, as a whole, and no other of the step")
    func accepting() throws {
        var rules = try Explanations(text: "a | accept | s0 x\\nleft 1\\nright 2 | - | why")
        let explained = Self.exchange("s0 x", "1", right: ["2"])
        let wrong = Self.exchange("s0 y", "1", right: ["2"])
        let same = Self.exchange("s0 y", "1", right: ["1"])
        #expect(rules.verdict([same, explained, same]) == .same)
        #expect(rules.verdict([explained, wrong]) == .differs(1))
        #expect(rules.verdict([wrong, explained]) == .differs(0))
        #expect(rules.verdict([Self.exchange("s0 xx", "1", right: ["2"])]) == .differs(0))
        #expect(rules.verdict([Self.exchange("s0 x", "1", right: ["2", "3"])]) == .differs(0))
        #expect(rules.verdict([Self.exchange("s0 x", "2", right: ["1"])]) == .differs(0))
        #expect(rules.verdict([Self.exchange("s0 x", "0", "1", right: ["0", "2"])]) == .same)
        #expect(rules.uses["a"] == 3)
    }

    @Test("stop: behind it only zxids and the paths it names may differ, before it nothing")
    func stopping() throws {
        var rules = try Explanations(text: "a | stop | s0 delete \"/d/a\" v1\\nleft 1\\nright 2 | - | why")
        let explained = Self.exchange("s0 delete \"/d/a\" v1", "1", right: ["2"])
        func reply(_ path: String, _ left: String, _ right: String) -> Exchange {
            Self.exchange("s0 exists \"\(path)\" watch=false", "s0 reply \(left)", right: ["s0 reply \(right)"])
        }
        #expect(rules.verdict([explained]) == .stop(compared: 0))
        for related in ["/d/a", "/d/a/b", "/d"] {
            #expect(rules.verdict([explained, reply(related, "err=0", "err=-101")]) == .stop(compared: 0))
            #expect(rules.verdict([reply(related, "err=0", "err=-101"), explained]) == .differs(0))
        }
        for other in ["/d/b", "/d/ab", "/", "/d/b/a"] {
            #expect(rules.verdict([explained, reply(other, "err=0", "err=-101")]) == .differs(1))
        }
        func shifted(_ xid: Int) -> Exchange { reply("/d/b", "xid=1 zxid=+3 err=0", "xid=\(xid) zxid=+2 err=0") }
        #expect(rules.verdict([explained, shifted(1)]) == .stop(compared: 0))
        #expect(rules.verdict([explained, shifted(2)]) == .differs(1))
        // The number in a sequential name is its siblings' doing; another's name is not.
        for (flags, verdict) in [(3, Explanations.Verdict.stop(compared: 0)), (0, .differs(1))] {
            let create = Self.exchange(
                "s0 create \"/d/s\" 1B acl=null flags=\(flags) ttl=0", "s0 reply 1", right: ["s0 reply 2"])
            #expect(rules.verdict([explained, create]) == verdict)
        }
        // Another explained request behind the parting is explained, whatever its zxids.
        var two = try Explanations(
            text: "a | stop | s0 x\\nleft 1\\nright 2 | - | why\n"
                + "b | accept | s0 y\\nleft (zxid=\\S+) 3\\nright \\1 4 | - | why")
        let later = Self.exchange("s0 y", "zxid=+3 3", right: ["zxid=+2 4"])
        #expect(two.verdict([Self.exchange("s0 x", "1", right: ["2"]), later]) == .stop(compared: 0))
        #expect(two.verdict([later]) == .differs(0))
        let events = Exchange(
            request: Exchange.events, left: ["s1 event type=2 state=3 \"/d/a\""],
            right: ["s1 event type=1 state=3 \"/d/a\""])
        #expect(rules.verdict([explained, events]) == .stop(compared: 0))
        let wrong = Exchange(
            request: Exchange.events, left: events.left + ["s1 event type=2 state=3 \"/d/b\""],
            right: events.right + ["s1 event type=1 state=3 \"/d/b\""])
        #expect(rules.verdict([explained, wrong]) == .differs(1))
    }

    @Test("behind: a later request of its paths that differs as the rule says, and nothing else")
    func behind() throws {
        var rules = try Explanations(
            text: #"a | behind | s0 multi "/d/a"\nleft 1\nright 1 | s0 set .*\nleft 3\nright 4 | why"#)
        let cause = Self.exchange("s0 multi \"/d/a\"", "1", right: ["1"])
        let later = Self.exchange("s0 set \"/d/a\"", "3", right: ["4"])
        #expect(rules.verdict([cause, later]) == .stop(compared: 1))
        #expect(rules.verdict([later, cause]) == .differs(0))
        #expect(rules.verdict([later]) == .differs(0))
        #expect(rules.verdict([cause, Self.exchange("s0 set \"/d/b\"", "3", right: ["4"])]) == .differs(1))
        #expect(rules.verdict([cause, Self.exchange("s0 get \"/d/a\"", "3", right: ["4"])]) == .differs(1))
        #expect(rules.verdict([cause, Self.exchange("s0 set \"/d/a\"", "4", right: ["3"])]) == .differs(1))
        #expect(rules.verdict([Self.exchange("s0 multi \"/d/a\"", "1", right: ["2"]), later]) == .differs(0))
    }

    /// The file's own rules, one by one, beside a reply of another request's that is wrong.
    @Test("nothing in explained.txt accepts a wrong reply beside an explained request")
    func besideExplained() throws {
        let head = "reply(multi) xid=5 zxid=+9"
        let explained: [Exchange] = [
            Self.exchange(
                "s0 multi [create \"/d000000/a\" no-data acl=null flags=0 ttl=0]",
                "s0 \(head) err=0 -1 err=-114 error -114; end -1 -1", right: ["s0 reply(multi) xid=5 zxid=+8 err=-5"]),
            Self.exchange(
                "s0 multi [create null 3B acl=world:anyone:31 flags=0 ttl=0]", "s0 \(head) err=-5 end -1 -1",
                right: ["s0 \(head) err=-5"]),
            Self.exchange(
                "s0 exists \"/d000000/a\" watch=true", "s0 reply(exists) xid=5 zxid=+9 err=0 {c+1 m+1 p+1}",
                right: ["s0 reply(exists) xid=5 zxid=+9 err=-102"]),
            Self.exchange(
                "s0 checkWatches \"/d000000/a\" kind=1", "s0 reply(checkWatches) xid=5 zxid=+9 err=0",
                right: ["s0 reply(checkWatches) xid=5 zxid=+9 err=-121"]),
        ]
        let setData = Self.exchange(
            "s0 setData \"/d000000/b\" no-data v-1", "s0 reply(setData) xid=6 zxid=+9 err=-101",
            right: ["s0 reply(setData) xid=6 zxid=+9 err=-102"])
        let count = Self.exchange(
            "s0 getAllChildrenNumber \"/\"", "s0 reply(getAllChildrenNumber) xid=6 zxid=+9 err=0 all+3",
            right: ["s0 reply(getAllChildrenNumber) xid=6 zxid=+9 err=0 all+4"])
        var rules = try DifferentialTests.explanations()
        for exchange in explained {
            #expect(rules.verdict([exchange]) != .differs(0), "\(exchange)")
            #expect(rules.verdict([exchange, setData]) == .differs(1), "\(exchange)")
            #expect(rules.verdict([setData, exchange]) == .differs(0), "\(exchange)")
        }
        #expect(rules.verdict([count]) == .differs(0))
        // A multi with null data, or one bad path, trips nobody up.
        for label in [
            Request.multi([.create("/d000000/b", data: nil), .setData("/d000000/b", data: nil)]).label,
            Request.multi([.setData("/d000000/b", data: [1]), .delete("a")]).label,
        ] {
            let reply = "s0 \(head) err=-5"
            let multi = Self.exchange("s0 \(label)", reply, right: [reply])
            #expect(rules.verdict([multi, setData]) == .differs(1), "\(label)")
        }
    }

    @Test("a difference that does not show again is Apache's only when Apache came to say what Corral said")
    func racesOfApaches() {
        func said(_ text: String) -> [SaidLine] { [SaidLine(text: text, part: 0), SaidLine(text: "same", part: 1)] }
        let difference = Difference(
            step: .drop(session: 0), exchange: Self.exchange("x", "1", right: ["2"]), stepIndex: 0, part: 0,
            left: said("1"), right: said("2"))
        func isRace(_ right: Vendor, _ left: String, _ other: String) -> Bool {
            DifferentialTests.isRaceOfApaches(difference, right: right) { [(said(left), said(other))] }
        }
        #expect(isRace(.corral, "2", "2"))
        #expect(!isRace(.corral, "1", "1"), "Corral varied")
        #expect(!isRace(.corral, "1", "2"), "shown again")
        #expect(!isRace(.corral, "3", "3"), "both varied")
        #expect(isRace(.apache, "1", "1"))
        #expect(!DifferentialTests.isRaceOfApaches(difference, right: .corral) { [] }, "never came so far again")
    }
}
