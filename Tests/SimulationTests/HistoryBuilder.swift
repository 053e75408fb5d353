import ZooKeeperProtocol

@testable import Simulation

/// Histories made by hand: each operation takes ten ticks of time, one after the other, unless told otherwise.
struct HistoryBuilder {
    var history = History()
    private var time: UInt64 = 0

    @discardableResult
    mutating func add(
        _ kind: Simulation.Operation.Kind, client: Int = 0, session: Int64 = 1, connection: Int = 1, zxid: Int64 = 0,
        outcome: Simulation.Operation.Outcome = .ok, invoked: UInt64? = nil, answered: UInt64? = nil,
        _ change: (inout Simulation.Operation) -> Void = { _ in }
    ) -> Int {
        let id = history.operations.count
        var operation = Simulation.Operation(
            id: id, client: client, session: session, connection: connection, server: 0, xid: Int32(id), kind: kind,
            invoked: invoked ?? time)
        operation.outcome = outcome
        operation.zxid = zxid
        operation.answered = outcome == .unknown ? .max : answered ?? (operation.invoked + 10)
        change(&operation)
        history.operations.append(operation)
        time = max(time, (answered ?? operation.invoked + 10) + 1)
        return id
    }

    mutating func hear(
        _ type: EventType, _ path: String, client: Int = 0, connection: Int = 1, answersBefore: Int
    ) {
        history.heard.append(
            Heard(
                client: client, connection: connection, type: type.rawValue, path: path, time: time,
                answersBefore: answersBefore))
    }

    mutating func end(_ session: Int64, zxid: Int64) {
        history.ends.append(SessionEnd(session: session, time: time, wasClosed: true, zxid: zxid))
    }

    /// What the checks find first.
    func found(acknowledgedBefore: (UInt64) -> Int64 = { _ in 0 }) -> Property? {
        HistoryChecks.all(history, acknowledgedBefore: acknowledgedBefore).violation?.property
    }
}

func seen(
    mzxid: Int64, version: Int32 = 0, czxid: Int64 = 1, owner: Int64 = 0
) -> Simulation.Operation.Seen {
    Simulation.Operation.Seen(czxid: czxid, mzxid: mzxid, version: version, ephemeralOwner: owner, pzxid: 0)
}
