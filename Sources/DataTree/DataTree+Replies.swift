import Jute
import ZooKeeperProtocol

/// Bodies of replies, appended in wire form.
extension DataTree {
    /// The body of a getData reply: data and Stat. One copy.
    public func appendDataAndStat(of node: NodeIndex, to buffer: inout WireBuffer) {
        let record = arena[node]
        buffer.append(raw: UnsafeRawBufferPointer(start: record.image, count: record.imageSize))
    }

    public func appendStat(of node: NodeIndex, to buffer: inout WireBuffer) {
        buffer.append(raw: UnsafeRawBufferPointer(start: arena[node].stat, count: Stat.wireSize))
    }

    /// The names of the children, newest first.
    public func appendChildren(of node: NodeIndex, to buffer: inout WireBuffer) {
        let parent = arena[node]
        buffer.append(int32: parent.pointee.childCount)
        let nameOffset = node == Self.root ? 1 : Int(parent.pointee.pathLength) + 1
        var child = parent.pointee.firstChild
        while child != 0 {
            let record = arena[child]
            buffer.append(buffer: record.path.suffix(from: nameOffset))
            child = record.pointee.nextSibling
        }
    }

    public func appendChildrenAndStat(of node: NodeIndex, to buffer: inout WireBuffer) {
        appendChildren(of: node, to: &buffer)
        appendStat(of: node, to: &buffer)
    }

    /// The list as a jute vector.
    public func appendACL(of node: NodeIndex, to buffer: inout WireBuffer) {
        buffer.append(raw: acls.set(arena[node].pointee.aclSlot).wire)
    }
}
