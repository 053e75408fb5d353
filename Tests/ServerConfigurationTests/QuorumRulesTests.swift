import Testing

@testable import Server

/// Majorities, and the groups and weights of hierarchical quorums.
@Suite struct QuorumRulesTests {
    private let directory: TemporaryDirectory
    private let head: String

    init() throws {
        directory = try TemporaryDirectory()
        _ = try directory.write("1", to: "myid")
        head = "dataDir=\(directory.path)\nclientPort=2181\ninitLimit=5\nsyncLimit=2\n"
    }

    private func servers(_ count: Int) -> String {
        (1...count).map { "server.\($0)=host\($0):2888:3888\n" }.joined()
    }

    private func ensemble(_ text: String) throws -> EnsembleConfiguration {
        try #require(try Support.parse(head + text, bare: true).ensemble)
    }

    private func errors(_ text: String) -> [String] { Support.errors(head + text, bare: true) }

    @Test func majority() throws {
        let five = try ensemble(servers(5) + "server.6=x:1:2:observer")
        #expect(five.isQuorum([1, 3, 5]) && !five.isQuorum([1, 3]))
        // Neither an observer nor a stranger has a vote.
        #expect(!five.isQuorum([1, 3, 6, 7]))
        let four = try ensemble(servers(4))
        #expect(!four.isQuorum([1, 2]) && four.isQuorum([1, 2, 4]))
    }

    @Test func groups() throws {
        let nine = try ensemble(servers(9) + "group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9")
        #expect(nine.isHierarchical && nine.weights.values.allSatisfy { $0 == 1 })
        #expect(nine.isQuorum([1, 2, 4, 5]))
        #expect(!nine.isQuorum([1, 2, 3, 4, 7]))
        #expect(!nine.isQuorum([]))
    }

    @Test func weights() throws {
        let text = servers(6) + "group.1=1:2:3\ngroup.2=4:5:6\nweight.1=3\nweight.4=0\nweight.5=0\nweight.6=0"
        let weighted = try ensemble(text)
        // Group 2 has no weight, so group 1 alone decides, and in it server 1.
        #expect(weighted.isQuorum([1]) && !weighted.isQuorum([2, 3, 4, 5, 6]))
        #expect(weighted.weights == [1: 3, 2: 1, 3: 1, 4: 0, 5: 0, 6: 0])
    }

    @Test func rulesOfGroups() throws {
        #expect(
            errors(servers(3) + "group.1=1:2") == [
                "zoo.cfg:7: error: server.3 is in no group, and there are groups or weights"
            ])
        #expect(errors(servers(3) + "weight.1=2").count == 3)
        #expect(
            errors(servers(3) + "group.1=1:2:3\ngroup.2=3") == [
                "zoo.cfg:9: error: server 3 is in group.1 and group.2"
            ])
        #expect(errors(servers(3) + "group.1=1:2:3:3") == ["zoo.cfg:8: error: server 3 is twice in group.1"])
        #expect(
            errors(servers(3) + "group.1=1:2:3:4") == [
                "zoo.cfg:8: error: group.1 names server 4, which is no participant of the list"
            ])
        #expect(
            errors(servers(3) + "group.1=1:2:3\nweight.1=0\nweight.2=0\nweight.3=0") == [
                "zoo.cfg:8: error: no group has any weight: there can be no quorum"
            ])
    }

    @Test func weightOfAnAbsentServer() throws {
        let configuration = try Support.parse(head + servers(3) + "group.1=1:2:3:9\nweight.9=4", bare: true)
        #expect(
            configuration.warnings.map(\.description) == [
                "zoo.cfg:9: warning: weight.9 counts in its group, but no participant can give these votes"
            ])
        #expect(configuration.ensemble?.isQuorum([1, 2, 3]) == false)
    }

    @Test func memberListOfGroups() throws {
        #expect(
            try ensemble(servers(3) + "group.1=3:1\ngroup.2=2\nweight.2=5").memberListText == """
                server.1=host1:2888:3888:participant
                server.2=host2:2888:3888:participant
                server.3=host3:2888:3888:participant
                group.1=1:3
                group.2=2
                weight.1=1
                weight.2=5
                weight.3=1
                version=0
                """)
    }

    @Test func javaOrder() {
        #expect(EnsembleConfiguration.hashOrder([3, 2, 1]) == [1, 2, 3])
        // Sixteen buckets hold up to twelve entries.
        #expect(EnsembleConfiguration.hashOrder([17, 2, 3]) == [17, 2, 3])
        #expect(EnsembleConfiguration.hashOrder(Array(5...17)) == Array(5...17))
        #expect(EnsembleConfiguration.hashOrder([-3, 1, 14]) == [1, -3, 14])
    }
}
