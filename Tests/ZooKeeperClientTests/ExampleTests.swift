import TestSupport
import Testing
import ZooKeeperClient

/// The examples of the documentation, as they stand there.
@Suite("Examples", .serialized)
struct ExampleTests {
    @Test("membership: an ephemeral znode, and a watch for the others", arguments: Vendor.underTest)
    func membership(vendor: Vendor) async throws {
        let root = LiveServer.freshPath("example")
        let outside = try await LiveServer.shared(vendor).configuration()
        try await within {
            try await ZooKeeper.withSession(outside) { client in
                _ = try await client.multi([.create(root), .create("\(root)/members")])
            }
            let configuration = try await LiveServer.shared(vendor).configuration(chroot: root)
            try await ZooKeeper.withSession(configuration) { client in
                let path = try await client.create("/members/m-", mode: .ephemeralSequential)
                #expect(path == "/members/m-0000000000")
                let (members, watch) = try await client.getChildrenAndWatch("/members")
                #expect(members.names.count == 1)
                try await ZooKeeper.withSession(configuration) { other in
                    _ = try await other.create("/members/m-", mode: .ephemeralSequential)
                    let event = try await watch.next()
                    #expect(event?.kind == .childrenChanged && event?.path == "/members")
                }
            }
        }
    }

    @Test("5,000 configuration znodes at once", arguments: Vendor.underTest)
    func configuration(vendor: Vendor) async throws {
        let root = LiveServer.freshPath("configuration")
        let configuration = try await LiveServer.shared(vendor).configuration()
        try await within(.seconds(30)) {
            try await ZooKeeper.withSession(configuration) { client in
                try await client.create(root)
                let time = try await ContinuousClock().measure {
                    let creations = (0..<5000).map { client.submit(.create("\(root)/\($0)", data: [1])) }
                    for creation in creations { _ = try await creation.value }
                }
                #expect(try await client.getAllChildrenNumber(root) == 5000)
                // A second is ample for an optimized build; this one may not be.
                #expect(time < .seconds(5))
                TestEnvironment.note("5,000 znodes at \(vendor)'s server took \(time)")
            }
        }
    }

    @Test("the ready znode: nobody sees a configuration half written", arguments: Vendor.underTest)
    func readyZnode(vendor: Vendor) async throws {
        let root = LiveServer.freshPath("ready")
        let configuration = try await LiveServer.shared(vendor).configuration()
        try await within(.seconds(60)) {
            let leader = try await ZooKeeper.connect(configuration)
            let worker = try await ZooKeeper.connect(configuration)
            var creations: [ZooKeeperClient.Operation] = [.create(root), .create("\(root)/ready")]
            for part in 0..<20 { creations.append(.create("\(root)/\(part)", data: [0])) }
            try await leader.multi(creations)
            let writing = Task {
                for round in UInt8(1)...30 {
                    // All in one stream: the worker cannot see `ready` while the parts change.
                    let begin = leader.submit(.delete("\(root)/ready"))
                    let parts = (0..<20).map { leader.submit(.setData("\(root)/\($0)", [round])) }
                    let ready = leader.submit(.create("\(root)/ready"))
                    for part in parts { _ = try await part.value }
                    _ = try await ready.value
                    try await begin.value
                }
            }
            var whole = 0
            while whole < 10 {
                // The event of `ready`'s deletion comes before anything read afterwards.
                let (stat, watch) = try await worker.existsAndWatch("\(root)/ready")
                guard stat != nil else {
                    _ = try await watch.next()
                    continue
                }
                let reads = (0..<20).map { worker.submit(.getData("\(root)/\($0)")) }
                var values: Set<[UInt8]> = []
                for read in reads { values.insert(try await read.value.data) }
                if watch.hasEvent { continue }
                #expect(values.count == 1, "half of a configuration, with `ready` there all the time")
                whole += 1
            }
            try await writing.value
            await worker.close()
            await leader.close()
        }
    }
}
