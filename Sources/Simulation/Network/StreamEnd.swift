/// Who holds one end of a stream.
protocol StreamOwner: AnyObject {
    /// Runs an action of this owner's process: now, later if it is paused, never if it has died meanwhile.
    func perform(_ action: @escaping () -> Void)
    /// Takes bytes that have arrived; what it leaves stays in the end's inbox. Within `perform`.
    func streamReceived(_ end: StreamEnd, _ bytes: UnsafeRawBufferPointer) -> Int
    /// The other side is gone. Within `perform`. Never after a close of one's own.
    func streamClosed(_ end: StreamEnd)
    func streamDrained(_ end: StreamEnd)
}

/// One side of a simulated TCP connection: bytes leave in order, arrive late and in pieces, or not at all.
final class StreamEnd {
    /// What is under way to the other side, oldest first.
    enum Parcel {
        case bytes([UInt8])
        /// The end of the stream.
        case end
    }

    let id: Int
    let host: Int
    unowned(unsafe) let network: SimulatedNetwork
    /// Cleared when the world has ended, which breaks the cycle.
    private(set) var other: StreamEnd?
    var owner: (any StreamOwner)? {
        didSet { if owner != nil { catchUp() } }
    }
    /// Whether this side still takes part.
    private(set) var isOpen = true
    /// The machine has lost its power: it neither sends nor answers.
    private(set) var isSilent = false

    // Towards the other side:
    private var parcels: [Parcel] = []
    private var firstParcel = 0
    private var lastSendTime: UInt64 = 0
    private var lastArrival: UInt64 = 0
    /// Bytes sent and not taken by the other side's process.
    private(set) var outstandingBytes = 0
    private var wantsDrain = false
    /// Parcels that have arrived at a blocked path, and wait for it to open.
    private var waitingParcels = 0

    // Arrived here, and not taken:
    private var inbox: [UInt8] = []
    /// Of these, what the process has seen already: a part of something.
    private var seenBytes = 0
    private var endHasArrived = false
    /// The other side's end is here, though there may be input before it.
    var peerHasEnded: Bool { endHasArrived || !isOpen }
    private var isPaused = false
    private var isReceiving = false
    private var isReceiptScheduled = false

    init(id: Int, host: Int, network: SimulatedNetwork) {
        self.id = id
        self.host = host
        self.network = network
    }

    static func join(_ left: StreamEnd, _ right: StreamEnd) {
        left.other = right
        right.other = left
    }

    // MARK: sending

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen, !isSilent, bytes.count > 0, let other else { return }
        outstandingBytes += bytes.count
        let world = network.world
        let isFresh = lastSendTime == world.now && firstParcel + waitingParcels < parcels.count
        if isFresh, case .bytes(var last) = parcels[parcels.count - 1] {
            // What one turn sends leaves in one piece.
            parcels[parcels.count - 1] = .end
            last.append(contentsOf: bytes)
            parcels[parcels.count - 1] = .bytes(last)
            // The piece is on its way: what is added delays those behind it.
            _ = network.occupyLink(of: host, bytes: bytes.count)
            return
        }
        lastSendTime = world.now
        dispatch(.bytes([UInt8](bytes)), to: other)
    }

    private func dispatch(_ parcel: Parcel, to other: StreamEnd) {
        parcels.append(parcel)
        var leaving: UInt64 = 0
        if case .bytes(let bytes) = parcel { leaving = network.occupyLink(of: host, bytes: bytes.count) }
        lastArrival = max(lastArrival + 1, network.arrivalTime(from: host, to: other.host) + leaving)
        network.world.at(lastArrival) { [self] in arrive() }
    }

    /// The oldest parcel under way reaches the other side, or the point where the path is cut.
    private func arrive() {
        guard firstParcel + waitingParcels < parcels.count, let other else { return }
        if waitingParcels > 0 || network.isBlocked(from: host, to: other.host) {
            if waitingParcels == 0 { network.holdUp(self) }
            waitingParcels += 1
            return
        }
        let parcel = parcels[firstParcel]
        parcels[firstParcel] = .end
        firstParcel += 1
        if firstParcel == parcels.count || firstParcel > 64 {
            parcels.removeFirst(firstParcel)
            firstParcel = 0
        }
        other.take(parcel)
    }

    /// The path has opened: what waited goes on, in order.
    func release() {
        var left = waitingParcels
        waitingParcels = 0
        while left > 0, waitingParcels == 0 {
            arrive()
            left -= 1
        }
        if waitingParcels > 0 { waitingParcels += left }
    }

    func notifyWhenDrained() {
        wantsDrain = true
        tellIfDrained()
    }

    var unsentBytes: Int { max(0, outstandingBytes - network.settings.windowBytes) }

    private func tellIfDrained() {
        guard wantsDrain, isOpen, outstandingBytes <= network.settings.windowBytes / 2 else { return }
        wantsDrain = false
        network.world.after(1) { [self] in
            guard isOpen, let owner else { return }
            owner.perform { [self] in if isOpen { owner.streamDrained(self) } }
        }
    }

    // MARK: receiving

    private func take(_ parcel: Parcel) {
        guard isOpen, !isSilent else { return }
        switch parcel {
        case .bytes(let bytes):
            network.world.note(.stream, Int64(id), Int64(bytes.count))
            bytes.withUnsafeBytes { network.world.trace.mix($0) }
            inbox.append(contentsOf: bytes)
        case .end: endHasArrived = true
        }
        scheduleReceipt(after: 0)
    }

    private func scheduleReceipt(after delay: UInt64) {
        guard !isReceiptScheduled, owner != nil else { return }
        isReceiptScheduled = true
        network.world.after(delay) { [self] in
            guard isOpen, let owner else { return }
            owner.perform { [self] in
                isReceiptScheduled = false
                receive()
            }
        }
    }

    /// The owner has come: it hears what happened before.
    private func catchUp() {
        if isSilent { breakOff(after: 1) } else if !inbox.isEmpty || endHasArrived { scheduleReceipt(after: 1) }
    }

    /// The process reads. Sometimes it finds only a part of what was sent at once.
    private func receive() {
        guard isOpen, !isPaused, let owner else { return }
        if !inbox.isEmpty {
            var offered = min(inbox.count, seenBytes + network.settings.receiptBytesMax)
            if network.fragments(), offered > 1 { offered = network.dice.int(1...offered - 1) }
            isReceiving = true
            let taken = inbox.withUnsafeBytes {
                owner.streamReceived(self, UnsafeRawBufferPointer(rebasing: $0[0..<offered]))
            }
            isReceiving = false
            guard isOpen else { return }
            inbox.removeFirst(taken)
            seenBytes = offered - taken
            other?.wereTaken(taken)
            if offered < inbox.count + taken {
                scheduleReceipt(after: 1 + network.arrivalJitter())
                return
            }
            if taken > 0, !inbox.isEmpty, !isPaused { scheduleReceipt(after: 1) }
        }
        // An owner that leaves bytes (a partial frame, a limit) loses them with the connection.
        if endHasArrived, !isPaused { streamHasEnded() }
    }

    private func wereTaken(_ count: Int) {
        outstandingBytes -= count
        tellIfDrained()
    }

    func pauseReading() { isPaused = true }

    func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        if !inbox.isEmpty || endHasArrived { scheduleReceipt(after: 1) }
    }

    /// Asks to be called again with what was left.
    func receiveAgain() {
        if !inbox.isEmpty { scheduleReceipt(after: 1) }
    }

    private func streamHasEnded() {
        guard isOpen, let owner else { return }
        finish()
        owner.streamClosed(self)
    }

    // MARK: ends

    /// This side closes. - Parameter losesUnsent: as a reset does: what is under way never arrives.
    func close(losesUnsent: Bool) {
        guard isOpen else { return }
        if let other, !isSilent {
            if losesUnsent { discardParcels() }
            dispatch(.end, to: other)
        }
        finish()
    }

    /// The network breaks the connection: this side notices after a while, and loses what had not arrived.
    func breakOff(after delay: UInt64) {
        discardParcels()
        isSilent = true
        network.world.after(delay) { [self] in
            guard isOpen, let owner else { return }
            owner.perform { [self] in streamHasEnded() }
        }
    }

    /// The machine of this side loses its power; the other side does not hear of it.
    func fallSilent() {
        guard isOpen else { return }
        discardParcels()
        isSilent = true
        finish()
    }

    private func discardParcels() {
        parcels.removeAll()
        firstParcel = 0
        waitingParcels = 0
    }

    private func finish() {
        isOpen = false
        inbox = []
        network.forget(self)
    }

    /// Ends the cycle between both sides and their owners, once the world has ended.
    func dismantle() {
        other = nil
        owner = nil
        parcels = []
    }
}
