import Testing
import Zab

@Suite("Messages of the election port") struct ElectionNotificationTests {
    static let list: [UInt8] = Array("server.1=h:2888:3888:participant\nversion=0".utf8)
    static let sample = ElectionNotification(
        state: .looking, leader: 3, zxid: 0x5_0000_0002, electionEpoch: 9, peerEpoch: 5)

    @discardableResult
    private func decoded(_ bytes: [UInt8]) throws -> ElectionNotification {
        try bytes.withUnsafeBytes { try ElectionNotification.decode($0).notification }
    }

    @Test func theFormIsApaches() throws {
        let bytes = Self.sample.encoded(configuration: Self.list)
        #expect(bytes.count == 44 + Self.list.count)
        #expect(Array(bytes[..<4]) == [0, 0, 0, 0])
        #expect(Array(bytes[4..<12]) == [0, 0, 0, 0, 0, 0, 0, 3])
        #expect(Array(bytes[12..<20]) == [0, 0, 0, 5, 0, 0, 0, 2])
        #expect(Array(bytes[20..<28]) == [0, 0, 0, 0, 0, 0, 0, 9])
        #expect(Array(bytes[28..<36]) == [0, 0, 0, 0, 0, 0, 0, 5])
        #expect(Array(bytes[36..<44]) == [0, 0, 0, 2, 0, 0, 0, UInt8(Self.list.count)])
        try bytes.withUnsafeBytes {
            let (read, configuration) = try ElectionNotification.decode($0)
            #expect(read == Self.sample)
            #expect(configuration.map(Array.init) == Self.list)
        }
    }

    @Test func olderFormsAreRead() throws {
        let bytes = Self.sample.encoded(configuration: Self.list)
        try bytes[..<28].withUnsafeBytes {
            let (read, configuration) = try ElectionNotification.decode($0)
            #expect(read.peerEpoch == 5, "the epoch of the zxid")
            #expect(read.version == 0 && configuration == nil && read.leader == 3)
        }
        try bytes[..<40].withUnsafeBytes {
            let (read, configuration) = try ElectionNotification.decode($0)
            #expect(read.peerEpoch == 5 && read.version == 0 && configuration == nil)
        }
        var first = Array(bytes[..<44])
        first[39] = 1
        try first.withUnsafeBytes {
            let (read, configuration) = try ElectionNotification.decode($0)
            #expect(read.version == 1 && configuration == nil)
        }
    }

    @Test func everyOtherLengthIsRefused() {
        let bytes = Self.sample.encoded(configuration: Self.list)
        for length in 0..<bytes.count where length != 28 && length != 40 {
            #expect(throws: ElectionNotificationError.self, "\(length) bytes") { try decoded(Array(bytes[..<length])) }
        }
    }

    @Test func hostileFieldsAreRefused() {
        var bytes = Self.sample.encoded(configuration: Self.list)
        bytes[3] = 4
        #expect(throws: ElectionNotificationError.unknownState(4)) { try decoded(bytes) }
        bytes[3] = 0
        for length in [UInt8(Self.list.count) + 1, 0xff] {
            for place in [40, 43] {
                var bad = bytes
                bad[place] = length
                #expect(throws: ElectionNotificationError.self) { try decoded(bad) }
            }
        }
    }

    @Test func everyStateComesBack() throws {
        for state in PeerState.allCases {
            var notification = Self.sample
            notification.state = state
            #expect(try decoded(notification.encoded(configuration: Self.list)) == notification)
        }
    }
}

@Suite("The member list") struct EnsembleConfigurationTests {
    static let plain = EnsembleConfiguration(members: [
        EnsembleMember(id: 3, addresses: "c:2890:3890", isObserver: true),
        EnsembleMember(id: 1, addresses: "a:2888:3888", isObserver: false, clientAddress: "0.0.0.0:2181"),
        EnsembleMember(id: 2, addresses: "[::1]:2889:3889", isObserver: false),
    ])

    private func read(_ text: String) throws -> EnsembleConfiguration {
        try Array(text.utf8).withUnsafeBytes { try #require(EnsembleConfiguration(text: $0)) }
    }

    @Test func theTextIsApaches() {
        #expect(
            String(decoding: Self.plain.text, as: UTF8.self) == """
                server.1=a:2888:3888:participant;0.0.0.0:2181
                server.2=[::1]:2889:3889:participant
                server.3=c:2890:3890:observer
                version=0
                """)
    }

    @Test func hierarchicalListsNameGroupsAndWeights() throws {
        var list = Self.plain
        list.groups = [2: [2], 1: [1]]
        list.weights = [2: 5]
        let text = String(decoding: list.text, as: UTF8.self)
        #expect(text.hasSuffix("group.1=1\ngroup.2=2\nweight.2=5\nversion=0"))
        let back = try read(text)
        #expect(back.groups == list.groups && back.weights == list.weights)
        #expect(list.disagreement(with: back) == nil)
        #expect(try list.rule().weight(of: 2) == 5)
    }

    @Test func disagreementsAreNamed() throws {
        let same = try read(
            "server.3=other:1:2:observer\nserver.1=a\\:2888\\:3888\\:participant\nserver.2=b:1:2;2181\nversion=1f")
        #expect(Self.plain.disagreement(with: same) == nil)
        let fewer = try read("server.1=a:1:2\nserver.3=c:1:2:observer\nversion=0")
        #expect(Self.plain.disagreement(with: fewer) == "it does not list server 2")
        let more = try read("server.1=a:1:2\nserver.2=a:1:2\nserver.4=a:1:2\nserver.3=c:1:2:observer\nversion=0")
        #expect(Self.plain.disagreement(with: more) == "it lists server 4, which this server does not")
        let role = try read("server.1=a:1:2\nserver.2=a:1:2:observer\nserver.3=c:1:2:observer\nversion=0")
        #expect(Self.plain.disagreement(with: role) == "for it server 2 is an observer")
        let groups = try read(
            "server.1=a:1:2\nserver.2=a:1:2\nserver.3=c:1:2:observer\ngroup.1=1:2\nversion=0")
        #expect(Self.plain.disagreement(with: groups) == "its groups differ")
    }

    @Test func nonsenseIsNotAList() {
        for text in ["server.x=a:1:2", "server.1=", "group.=1"] {
            #expect(Array(text.utf8).withUnsafeBytes { EnsembleConfiguration(text: $0) } == nil, "\(text)")
        }
        let invalid: [UInt8] = [0xff, 0xfe]
        #expect(invalid.withUnsafeBytes { EnsembleConfiguration(text: $0) } == nil)
    }
}
