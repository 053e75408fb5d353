import Testing

@testable import TxnLog

/// Runs work on a disk once, then shows every state that a power failure on the way may leave.
struct CrashEnumeration {
    let start: MemoryDisk
    let changes: [MemoryDisk.Change]
    let seed: UInt64

    /// - Parameter start: copied before the work; entirely durable.
    init(_ start: MemoryDisk, seed: UInt64 = .random(in: 1...(1 << 32)), work: (MemoryDisk) throws -> Void) throws {
        self.start = CrashModel.copy(of: start)
        self.seed = seed
        let disk = CrashModel.copy(of: start)
        disk.startRecording()
        try work(disk)
        changes = disk.changes
    }

    /// - Parameters:
    ///   - tornStates: how many torn states at each change, beside lost and kept.
    ///   - check: gets the disk after the crash and how many changes had returned.
    /// - Returns: the number of states.
    @discardableResult
    func run(tornStates: Int = 4, check: (MemoryDisk, _ position: Int, Comment) throws -> Void) -> Int {
        var model = CrashModel(from: start, changes: changes)
        var die = SplitMix(seed: seed)
        var states = 0
        while true {
            var fates: [CrashModel.Fate] = [.lost, .kept]
            for _ in 0..<tornStates { fates.append(.torn(seed: die.next())) }
            for fate in fates {
                let what: Comment = "seed \(seed), change \(model.position) of \(changes.count), \(fate)"
                do {
                    try check(model.crash(fate), model.position, what)
                } catch {
                    Issue.record("\(error): \(what)")
                }
                states += 1
            }
            if model.isAtEnd { return states }
            model.advance()
        }
    }
}
