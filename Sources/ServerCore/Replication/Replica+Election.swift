import Zab

extension Replica {
    func beginElection() {}
    func tickElection(_ now: Int64) {}
    func noteElectionEnded() {}
}
