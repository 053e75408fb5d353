import Jute
import ZooKeeperProtocol

/// Names of five characters, in order: short ones, so that a hundred thousand fit into what a client takes.
enum ChildName {
    static let length = 5
    private static let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
    /// How many there are.
    static let count = 60_466_176

    static func write(_ number: Int, to target: UnsafeMutableRawPointer) {
        var rest = number
        for position in stride(from: length - 1, through: 0, by: -1) {
            target.storeBytes(of: digits[rest % 36], toByteOffset: position, as: UInt8.self)
            rest /= 36
        }
    }

    static func text(_ number: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: length)
        bytes.withUnsafeMutableBytes { write(number, to: $0.baseAddress!) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// nil for what is no such name.
    static func number(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var number = 0
        for byte in bytes {
            switch byte {
            case 48...57: number = number * 36 + Int(byte) - 48
            case 97...122: number = number * 36 + Int(byte) - 87
            default: return nil
            }
        }
        return number
    }
}

/// `getChildren` of one long list.
struct ListMaker: RequestMaker {
    let kinds = ["getChildren"]
    let maximumReplyBytes: Int
    private let children: Int
    private let request: [UInt8]
    private var asked = 0

    private static let entryBytes = 4 + ChildName.length
    /// One reply in so many is looked at name by name.
    private static let inspectedOf = 64

    static func replyBytes(_ children: Int) -> Int { 16 + 4 + children * entryBytes }

    init(_ children: Int) {
        self.children = children
        maximumReplyBytes = Self.replyBytes(children) + 4096
        var frame = WireBuffer()
        frame.append(int32: 0)
        frame.append(int32: 0)
        frame.append(int32: OpCode.getChildren.rawValue)
        frame.append(string: ChildrenLoad.root)
        frame.append(bool: false)
        frame.patch(int32: Int32(frame.count - 4), at: 0)
        request = [UInt8](frame.bytes)
    }

    mutating func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag {
        let start = output.count
        request.withUnsafeBytes { output.append(raw: $0) }
        output.patch(int32: xid, at: start + 4)
        asked += 1
        return RequestTag(kind: 0, expected: asked % Self.inspectedOf == 1 ? 1 : 0)
    }

    func isJudgedByItsHead(_ tag: RequestTag) -> Bool { tag.expected == 0 }

    mutating func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String? {
        guard bytes >= 4 else { return "a reply of \(bytes) bytes" }
        let count = ReplyBytes.integer(body, 0)
        guard count == children, bytes == 4 + children * Self.entryBytes else {
            return "\(count) children in \(bytes) bytes, there are \(children)"
        }
        guard tag.expected == 1 else { return nil }
        var sum = 0
        for index in 0..<children {
            let place = 4 + index * Self.entryBytes
            guard ReplyBytes.integer(body, place) == ChildName.length,
                let number = ChildName.number(
                    UnsafeRawBufferPointer(rebasing: body[place + 4..<place + Self.entryBytes]))
            else { return "a name that nobody made" }
            sum += number
        }
        return sum == children * (children - 1) / 2 ? nil : "names that nobody made, or some twice"
    }
}

/// Creates of a new child and its deletion, in turn.
struct ChangeMaker: RequestMaker {
    let kinds = ["create", "delete"]
    let maximumReplyBytes = 4096
    private let first: Int
    private let connections: Int
    private let createTail: [UInt8]
    private let path: [UInt8]
    /// Of each connection: requests so far.
    private var requests: [Int]

    /// - Parameter first: children made here are numbered from this one on.
    init(first: Int, connections: Int) {
        self.first = first
        self.connections = connections
        requests = [Int](repeating: 0, count: connections)
        path = Array("\(ChildrenLoad.root)/".utf8)
        var tail = WireBuffer()
        tail.append(int32: 0)
        ACL.encode(ACL.open, to: &tail)
        tail.append(int32: 0)
        createTail = [UInt8](tail.bytes)
    }

    private func number(_ connection: Int, _ change: Int) -> Int {
        first + (change * connections + connection) % (ChildName.count - first)
    }

    /// Names that were created last and not deleted.
    var leftOver: [String] {
        requests.indices.filter { requests[$0] % 2 == 1 }.map { ChildName.text(number($0, requests[$0] / 2)) }
    }

    mutating func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag {
        let request = requests[connection]
        requests[connection] += 1
        let creates = request % 2 == 0
        let start = output.count
        output.append(int32: 0)
        output.append(int32: xid)
        output.append(int32: (creates ? OpCode.create : OpCode.delete).rawValue)
        output.append(int32: Int32(path.count + ChildName.length))
        path.withUnsafeBytes { output.append(raw: $0) }
        let number = number(connection, request / 2)
        ChildName.write(number, to: output.appendUninitialized(ChildName.length))
        if creates {
            createTail.withUnsafeBytes { output.append(raw: $0) }
        } else {
            output.append(int32: -1)
        }
        output.patch(int32: Int32(output.count - start - 4), at: start)
        return RequestTag(kind: creates ? 0 : 1, expected: number)
    }

    mutating func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String? {
        if tag.kind == 1 { return bytes == 0 ? nil : "a reply of \(bytes) bytes" }
        let length = path.count + ChildName.length
        guard bytes == 4 + length, ReplyBytes.integer(body, 0) == length,
            ChildName.number(UnsafeRawBufferPointer(rebasing: body[4 + path.count..<4 + length])) == tag.expected
        else { return "another path than asked for" }
        return nil
    }
}
