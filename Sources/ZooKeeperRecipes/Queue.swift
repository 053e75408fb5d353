import Foundation
import ZooKeeperClient

/// Elements that are put by some and taken by others, each by one: in the order of putting, within a priority.
///
/// Who takes an element claims it first and removes it afterwards, so an element whose taker dies is taken again. The
/// layout is that of kazoo's `LockingQueue` (`<path>/entries`, `<path>/taken`); each may take what the other has put.
public struct Queue: Sendable {
    private let client: ZooKeeper
    private let entries: String
    private let taken: String
    private let acl: [ACL]

    public let path: String

    /// - Parameter path: a znode for this queue alone, made when it is missing.
    public init(_ client: ZooKeeper, at path: String, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.acl = acl
        entries = Paths.child("entries", of: path)
        taken = Paths.child("taken", of: path)
    }

    /// An element that is claimed: nobody else takes it as long as this session lives.
    public struct Element: Sendable {
        let queue: Queue
        let entry: String
        let claim: Lease

        public let data: [UInt8]
        public var state: LeaseState { claim.state }

        /// Removes it from the queue. An error means that another may take it again, or has.
        public func remove() async throws(RecipeError) {
            try await queue.remove(self)
        }

        /// Leaves it for others.
        public func giveBack() async { await claim.release() }
    }

    /// Puts an element, exactly once.
    ///
    /// - Parameter priority: 0 to 999; lower ones are taken first.
    public func put(_ data: [UInt8], priority: Int = 100) async throws(RecipeError) {
        guard (0...999).contains(priority) else {
            throw RecipeError(.invalidArgument("priority \(priority) is not in 0...999"), path: path)
        }
        let digits = String(priority)
        let name = "entry-" + String(repeating: "0", count: 3 - digits.count) + digits + "-"
        let entry = Paths.child(name, of: entries)
        while true {
            do {
                // It may be taken before the answer is here, so its name could not tell whether it was put.
                return try await client.applyOnce(
                    [.create(entry, data: data, mode: .persistentSequential, acl: acl)], markIn: path, acl: acl)
            } catch {
                guard error.isServer(.noNode) else { throw error }
                try await client.ensure(entries, mode: .persistent, acl: acl)
            }
        }
    }

    /// How many elements there are, claimed ones included.
    public func count() async throws(RecipeError) -> Int { try await client.childrenIfThere(entries).count }

    /// Waits for an element and claims it.
    public func claim(within limit: Duration? = nil) async throws(RecipeError) -> Element {
        try await limited(to: limit, at: path) { () async throws(RecipeError) in
            while true {
                if let element = try await tryClaim() { return element }
                try await waitForChange()
            }
        }
    }

    /// Waits for an element and takes it out of the queue.
    public func take(within limit: Duration? = nil) async throws(RecipeError) -> [UInt8] {
        while true {
            let element = try await claim(within: limit)
            do {
                try await element.remove()
                return element.data
            } catch {
                await element.giveBack()
                if error.reason != .leaseLost { throw error }
            }
        }
    }

    /// Waits for an element, hands it over, and removes it; when the body throws, it is left for others. An element
    /// whose consumer dies is handed to another: at least once.
    public func withElement<Value>(
        within limit: Duration? = nil, _ body: ([UInt8]) async throws -> Value
    ) async throws -> Value {
        let element = try await claim(within: limit)
        do {
            let value = try await body(element.data)
            try await element.remove()
            return value
        } catch {
            await element.giveBack()
            throw error
        }
    }

    // MARK: Taking

    /// An element that nobody has claimed, if there is one.
    public func tryClaim() async throws(RecipeError) -> Element? {
        let claimed = Set(try await client.childrenIfThere(taken))
        let names = try await client.childrenIfThere(entries).filter { !claimed.contains($0) }
        for name in inOrder(names) {
            guard let claim = try await claim(name) else { continue }
            let entry = Paths.child(name, of: entries)
            do {
                // The claim came after anything that removed the element.
                if let node = try await client.contentIfThere(entry) {
                    return Element(queue: self, entry: entry, claim: claim, data: node.data)
                }
            } catch {
                await claim.release()
                throw error
            }
            await claim.release()
        }
        return nil
    }

    private func inOrder(_ names: [String]) -> [String] {
        let numbered = names.compactMap { name -> (name: String, priority: Substring, number: SequenceNumber)? in
            guard name.hasPrefix("entry-"), let number = SequenceNumber(name) else { return nil }
            return (name, name.dropFirst(6).prefix(3), number)
        }
        return numbered.sorted {
            $0.priority == $1.priority ? $0.number.precedes($1.number) : $0.priority < $1.priority
        }.map(\.name)
    }

    /// nil when another was faster.
    private func claim(_ name: String) async throws(RecipeError) -> Lease? {
        let path = Paths.child(name, of: taken)
        let mark = Array("_c_\(UUID().uuidString.lowercased())".utf8)
        var mayExist = false
        do throws(RecipeError) {
            while true {
                do {
                    let node = try await client.createAndStat(path, data: mark, mode: .ephemeral, acl: acl)
                    return Lease(node, of: client, isPathUnique: false)
                } catch {
                    if error.outcome == .unknown { mayExist = true }
                    switch error.reason {
                    case .server(.nodeExists):
                        guard mayExist, let node = try await client.contentIfThere(path), node.data == mark else {
                            return nil
                        }
                        return Lease(CreatedNode(path: path, stat: node.stat), of: client, isPathUnique: false)
                    case .server(.noNode): try await client.ensure(taken, mode: .persistent, acl: acl)
                    default: try await client.recover(from: error, path: path)
                    }
                }
            }
        } catch {
            if mayExist { await client.removeForCertain(path) { $0.data == mark } }
            throw error
        }
    }

    fileprivate func remove(_ element: Element) async throws(RecipeError) {
        let claim = element.claim
        if claim.state.isFinal { throw RecipeError(.leaseLost, path: element.entry) }
        var mayBeDone = false
        while true {
            do {
                try await client.multi([.delete(element.entry), .delete(claim.path)])
                claim.markReleased()
                return
            } catch {
                if error.outcome == .unknown { mayBeDone = true }
                if error.reason == .server(.noNode) {
                    // Nobody else removes what we have claimed: the request whose answer was lost did it.
                    if mayBeDone, error.index == 0 {
                        claim.markReleased()
                        return
                    }
                    throw RecipeError(.leaseLost, path: element.entry)
                }
                try await client.recover(from: error, path: element.entry)
            }
        }
    }

    /// Waits until an element comes, or a claim goes.
    private func waitForChange() async throws(RecipeError) {
        try await client.ensure(entries, mode: .persistent, acl: acl)
        try await client.ensure(taken, mode: .persistent, acl: acl)
        let (names, coming) = try await client.repeatingWithWatch(.getChildren(entries), at: entries)
        let (claimed, going) = try await client.repeatingWithWatch(.getChildren(taken), at: taken)
        if !inOrder(names).allSatisfy(Set(claimed).contains) { return }
        let path = path
        let result = await withTaskGroup(of: Result<Void, RecipeError>.self) { group in
            for watch in [coming, going] {
                group.addTask {
                    do throws(RecipeError) {
                        return .success(try await watch.fired(at: path))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            defer { group.cancelAll() }
            return await group.next()!
        }
        try result.get()
    }
}
