import ZooKeeperClient

/// A number that many change; each change happens once, also when the answer to it is lost with a connection.
public struct Counter: Sendable {
    /// How the number stands in the znode, and so who else can use it.
    public enum Format: Hashable, Sendable {
        /// Eight bytes, the highest first: Curator's `DistributedAtomicLong`.
        case int64
        /// Four bytes, the highest first: Curator's `SharedCount`, kazoo's `Counter` with `support_curator`.
        case int32
        /// Decimal digits: kazoo's `Counter`.
        case decimal
    }

    private let client: ZooKeeper
    private let acl: [ACL]

    public let path: String
    public let format: Format

    /// - Parameter path: the number's znode, made at the first change when it is missing. Before, and while it has no
    ///   content, the number is 0.
    public init(_ client: ZooKeeper, at path: String, format: Format = .int64, acl: [ACL] = ACL.open) {
        self.client = client
        self.path = path
        self.format = format
        self.acl = acl
    }

    /// The number as the connected server has it; it may be a little old.
    public func value() async throws(RecipeError) -> Int64 {
        guard let node = try await client.contentIfThere(path) else { return 0 }
        return try decode(node.data)
    }

    /// Adds to the number.
    ///
    /// - Returns: the number after it.
    @discardableResult
    public func add(_ amount: Int64) async throws(RecipeError) -> Int64 {
        try await update { (number) throws(RecipeError) in
            let (sum, overflow) = number.addingReportingOverflow(amount)
            if overflow { throw RecipeError(.invalidArgument("\(number) + \(amount) is too large"), path: path) }
            return sum
        }
    }

    /// Changes the number; the function is called again whenever somebody else was faster.
    ///
    /// - Returns: the number after it.
    @discardableResult
    public func update(
        _ change: (Int64) throws(RecipeError) -> Int64
    ) async throws(RecipeError) -> Int64 {
        while true {
            guard let node = try await client.contentIfThere(path) else {
                // With content, because not everybody takes none for 0.
                try await client.ensure(path, data: try encode(0), mode: .persistent, acl: acl)
                continue
            }
            let number = try change(try decode(node.data))
            if try await set(try encode(number), version: node.stat.version) { return number }
        }
    }

    /// Sets the number if it is still another; whether it was.
    public func compareAndSet(_ expected: Int64, to number: Int64) async throws(RecipeError) -> Bool {
        while true {
            guard let node = try await client.contentIfThere(path) else {
                // With content, because not everybody takes none for 0.
                try await client.ensure(path, data: try encode(0), mode: .persistent, acl: acl)
                continue
            }
            guard try decode(node.data) == expected else {
                // An old value proves nothing: look at the newest.
                try await client.catchUp(at: path)
                guard let newest = try await client.contentIfThere(path), try decode(newest.data) != expected else {
                    continue
                }
                return false
            }
            if try await set(try encode(number), version: node.stat.version) { return true }
        }
    }

    /// False when the version is another one. The next version alone would not tell whether it is ours.
    private func set(_ data: [UInt8], version: Int32) async throws(RecipeError) -> Bool {
        do {
            try await client.applyOnce([.setData(path, data, version: version)], markIn: path, acl: acl)
            return true
        } catch {
            if error.isServer(.badVersion) { return false }
            throw error
        }
    }

    // MARK: Content

    private func decode(_ data: [UInt8]) throws(RecipeError) -> Int64 {
        if data.isEmpty { return 0 }
        switch format {
        case .int64 where data.count == 8:
            return data.reduce(0) { $0 << 8 | Int64($1) }
        case .int32 where data.count == 4:
            return Int64(Int32(bitPattern: data.reduce(0) { $0 << 8 | UInt32($1) }))
        case .decimal:
            if let number = Int64(String(decoding: data, as: UTF8.self)) { return number }
        default: break
        }
        throw RecipeError(.unexpectedContent("\(data.count) bytes are not a number as \(format)"), path: path)
    }

    private func encode(_ number: Int64) throws(RecipeError) -> [UInt8] {
        switch format {
        case .int64: return (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        case .int32:
            guard let small = Int32(exactly: number) else {
                throw RecipeError(.invalidArgument("\(number) does not fit 32 bits"), path: path)
            }
            return (0..<4).map { UInt8(truncatingIfNeeded: small >> (24 - 8 * Int32($0))) }
        case .decimal: return Array(String(number).utf8)
        }
    }
}
